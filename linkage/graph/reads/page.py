"""Pages by place: the keyset clauses of an order.

A place is the value that a row is ordered by, and the row's id, which settles ties: together they are unique, so
going on after a place repeats nothing and leaves nothing out. Value and id run in the same direction and are named
plainly, so that the database can walk an index on both instead of sorting everything for every page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

Value = datetime | float | int | None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row stands in an order; no value where the id alone orders."""

    value: Value
    id: str


@dataclass(frozen=True, slots=True)
class Page:
    """How many rows, from which end, between which places."""

    size: int
    backwards: bool = False
    after: Place | None = None
    before: Place | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        """The query parameters of `clause` and of the limit: one row more than asked, to see whether there are more."""
        return {
            "limit": self.size + 1,
            "after_value": self.after.value if self.after else None,
            "after_id": self.after.id if self.after else None,
            "before_value": self.before.value if self.before else None,
            "before_id": self.before.id if self.before else None,
        }


@dataclass(frozen=True, slots=True)
class Order:
    """An order of rows by `value`, ties by `id`: Cypher expressions; rows without a value are left out."""

    id: str
    value: str | None = None
    descending: bool = False

    def clause(self, page: Page) -> str:
        """The condition that a row has a value and stands between the page's places."""
        onwards, back = ("<", ">") if self.descending else (">", "<")
        # Both are asked for, since an index over both is only entered when both are.
        conditions = [f"{part} IS NOT NULL" for part in (self.value, self.id) if part]
        if page.after is not None:
            conditions.append(self._beyond("after", onwards))
        if page.before is not None:
            conditions.append(self._beyond("before", back))
        return " AND ".join(conditions)

    def _beyond(self, side: str, sign: str) -> str:
        if self.value is None:
            return f"{self.id} {sign} ${side}_id"
        value, given = self.value, f"${side}_value"
        # The planner enters an index by the first half; an OR in place of the CASE would make it scan everything.
        return f"{value} {sign}= {given} AND CASE {value} WHEN {given} THEN {self.id} {sign} ${side}_id ELSE true END"

    def by(self, page: Page) -> str:
        """The ORDER BY of the page; backwards pages are read from their far end."""
        direction = "DESC" if self.descending != page.backwards else "ASC"
        return ", ".join(f"{part} {direction}" for part in (self.value, self.id) if part)


@dataclass(frozen=True, slots=True)
class Slice:
    """The rows of a page in order, and whether there are others on either side."""

    rows: Sequence[Mapping[str, Any]]
    more: bool
    earlier: bool


def cut(rows: Sequence[Mapping[str, Any]], page: Page) -> Slice:
    """Cut what was read (one row more than asked) down to the page and put it in order."""
    beyond = len(rows) > page.size
    kept = list(rows[: page.size])
    if page.backwards:
        return Slice(kept[::-1], more=page.before is not None, earlier=beyond)
    return Slice(kept, more=beyond, earlier=page.after is not None)
