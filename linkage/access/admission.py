"""A request's credentials become a caller here, and nowhere else.

An authenticator knows one kind of bearer token and says nothing of others: another way to prove who one is (a JWT of an
identity provider) is one more of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from linkage.access.caller import Caller
from linkage.access.keys import Key, KeyRing, Standing

#: A token is never longer than this; what is longer is not looked at.
LONGEST = 8_192
#: How the id of a caller with a key begins.
PREFIX = "key:"


class Authenticator(Protocol):
    """Knows one kind of token."""

    async def caller(self, token: str) -> Caller | None:
        """Whose token it is; None: it is not one of this kind, or not a good one."""
        ...

    async def still(self, caller: Caller) -> Caller | None:
        """A caller whom it let in before, as they stand now; None: it did not, or would not any more."""
        ...


@dataclass(frozen=True, slots=True)
class KeyAuthenticator:
    """Knows API keys."""

    ring: KeyRing

    async def caller(self, token: str) -> Caller | None:
        """Whose key it is, as the file of keys stands at this moment."""
        key = self.ring.check(token)
        if key is None:
            return None
        if self.ring.is_due(key):
            await asyncio.to_thread(self.ring.touch, key.id)
        return _caller(key)

    async def still(self, caller: Caller) -> Caller | None:
        """The caller while their key counts."""
        key = self.ring.keys().get(caller.id.removeprefix(PREFIX)) if caller.id.startswith(PREFIX) else None
        return _caller(key) if key is not None and key.standing(datetime.now(UTC)) is Standing.GOOD else None


def _caller(key: Key) -> Caller:
    return Caller(f"{PREFIX}{key.id}", key.label, key.role)


@dataclass(frozen=True, slots=True)
class Admission:
    """Lets callers in by what they show; `anonymous` is who comes without showing anything, None: nobody may."""

    authenticators: Sequence[Authenticator]
    anonymous: Caller | None = None

    async def admit(self, authorization: object) -> Caller | None:
        """The caller who shows this `Authorization` header, or the like of it; None: nobody we know."""
        if authorization is None:
            return self.anonymous
        token = bearer_token(authorization)
        if token is None:
            return None
        for authenticator in self.authenticators:
            caller = await authenticator.caller(token)
            if caller is not None:
                return caller
        return None

    async def still(self, caller: Caller) -> Caller | None:
        """A caller who was let in before, as they stand now; None: they would not be let in any more."""
        for authenticator in self.authenticators:
            found = await authenticator.still(caller)
            if found is not None:
                return found
        return None


def bearer_token(authorization: object) -> str | None:
    """The token of `Bearer TOKEN`; None where it is no such header."""
    if not isinstance(authorization, str) or len(authorization) > LONGEST:
        return None
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None
