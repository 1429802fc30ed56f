"""API keys as an admin sees them: everything but their secret."""

from __future__ import annotations

from datetime import UTC, datetime

import strawberry

from linkage.access.keys import Key, Standing
from linkage.access.roles import Role

RoleType = strawberry.enum(Role, name="Role", description="What a caller is to the service, and so what they may do.")
StandingType = strawberry.enum(Standing, name="KeyStanding", description="Whether a key counts.")


@strawberry.type(description="A key, without its secret.")
class ApiKey:
    """A key of the ring."""

    key_id: str = strawberry.field(description="Its id: `lk_ID.…`.")
    label: str = strawberry.field(description="Who or what uses it.")
    role: RoleType  # type: ignore[valid-type]
    standing: StandingType  # type: ignore[valid-type]
    created_at: datetime
    expires_at: datetime | None = strawberry.field(description="When it ends to count; null: never.")
    revoked_at: datetime | None = strawberry.field(
        description="From when on it counts no more; null: it was not revoked."
    )
    last_used_at: datetime | None = strawberry.field(description="To ten minutes; null: it never was.")
    replaces: str | None = strawberry.field(description="The id of the key whose place it takes.")

    @classmethod
    def of(cls, key: Key) -> ApiKey:
        """The key as it stands now."""
        return cls(
            key_id=key.id,
            label=key.label,
            role=key.role,
            standing=key.standing(datetime.now(UTC)),
            created_at=key.created_at,
            expires_at=key.expires_at,
            revoked_at=key.revoked_at,
            last_used_at=key.last_used_at,
            replaces=key.replaces,
        )


@strawberry.type(description="A key that was just made.")
class IssuedKey:
    """The key and its text."""

    key: ApiKey
    token: str = strawberry.field(description="What its user shows: `Authorization: Bearer …`. It is told this once.")

    @classmethod
    def of(cls, made: tuple[Key, str]) -> IssuedKey:
        """The key as the ring made it."""
        return cls(key=ApiKey.of(made[0]), token=made[1])
