"""What a field shows whom: masked by the rule of its kind, whole where it is revealed."""

from __future__ import annotations

from typing import Annotated, Any

import strawberry
from strawberry.scalars import JSON

from linkage.access.table import Action, action_of
from linkage.api.context import Context, Info
from linkage.errors import Forbidden
from linkage.normalise.text import hide_middle

Reveal = Annotated[bool, strawberry.argument(description="Show it whole; it is kept in the audit who saw it, and why.")]
Purpose = Annotated[
    str | None, strawberry.argument(description="Why it is to be shown, such as a case; needed with `reveal`.")
]


def is_masked(info: Info) -> bool:
    """Whether the caller is shown this field masked."""
    raw = info._raw_info
    return is_row_masked(info.context, f"{raw.parent_type.name}.{raw.field_name}")


def is_row_masked(context: Context, row: str) -> bool:
    """Whether the caller is shown what that row of the table names masked."""
    return context.caller is None or action_of(context.caller.role, row) is not Action.ALLOW


def note_reveal(info: Info, identity: str) -> None:
    """Note that something is shown whole; stop what the gate has not cleared."""
    if not info.context.purposes:
        raise Forbidden("this value was not cleared to be shown", next_step="Ask again without `reveal`.")
    info.context.seen.revealed.add(identity)


def leaves_masked(held: Any) -> JSON:
    """What the provider said beside its columns: names and shape stay, texts and numbers are masked."""
    if isinstance(held, dict):
        return JSON({name: leaves_masked(value) for name, value in held.items()})
    if isinstance(held, list):
        return JSON([leaves_masked(value) for value in held])
    if held is None or isinstance(held, bool):
        return JSON(held)
    return JSON(hide_middle(str(held)))
