"""What is erased, and what that takes away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import strawberry

from linkage.api.decisions import member
from linkage.service.erasing import OUTSIDE, Wanted

if TYPE_CHECKING:
    from linkage.service.erasing import Erasing


@strawberry.input(description="What is to be erased: a subject, or an identifier by its kind and value.")
class ErasureTarget:
    """A subject, or kind and value."""

    subject: strawberry.ID | None = strawberry.field(
        default=None, description="A global id, `account:ID`, `organisation:ID`, or an account's id."
    )
    kind: str | None = strawberry.field(default=None, description="The kind of an identifier; needs `value`.")
    value: str | None = strawberry.field(default=None, description="Its value, however it is spelt; needs `kind`.")


def wanted(given: ErasureTarget) -> Wanted:
    """What the service takes."""
    subject = member(str(given.subject)) if given.subject is not None else None
    return Wanted(subject, given.kind, given.value)


@strawberry.type(description="Rows of one table of the ledger.")
class ErasedRows:
    """Table and counts."""

    table: str = strawberry.field(description="The table's name.")
    removed: int = strawberry.field(description="Rows that go.")
    changed: int = strawberry.field(description="Rows about others that stay and lose its name.")


@strawberry.type(description="What an erasure takes away: now, or if it were done now.")
class ErasureEffect:
    """The effect of an erasure."""

    erasure_id: str | None = strawberry.field(description="Its id, made of nothing that was erased; null: a preview.")
    tables: list[ErasedRows] = strawberry.field(description="What goes, by table.")
    left: list[str] = strawberry.field(description="Where something is left that has yet to be done, and by whom.")
    outside: str = strawberry.field(description="What nobody can reach from here.")

    @classmethod
    def of(cls, effect: Erasing) -> ErasureEffect:
        """The effect as the service told it."""
        return cls(
            erasure_id=effect.erasure_id,
            tables=[ErasedRows(table=one.table, removed=one.removed, changed=one.changed) for one in effect.tables],
            left=list(effect.left),
            outside=OUTSIDE,
        )
