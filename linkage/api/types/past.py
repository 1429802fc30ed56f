"""As-of reads: the moment that an object is told as of, and what can be told of it.

What the ledger's history keeps is told as it was. Fields of which only the present is kept answer an error on
themselves, never the present in place of the past.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, TypeAlias

import strawberry

from linkage.api.connections import placed
from linkage.api.context import Info
from linkage.api.types.identifier import Identifier
from linkage.errors import BadInput
from linkage.graph.reads.page import Page, Place, Slice
from linkage.model import Subject as SubjectValue

AsOf: TypeAlias = Annotated[
    datetime | None,
    strawberry.argument(
        description="As it was published at this moment, by the ledger's history; global ids name the present object."
    ),
]


def moment_of(as_of: datetime | None) -> datetime | None:
    """The moment that an argument names, in UTC; raise `BadInput` for one without a zone or ahead of us."""
    if as_of is None:
        return None
    if as_of.tzinfo is None:
        raise BadInput("`asOf` needs a time zone, for example 2026-05-03T00:00:00Z")
    if as_of > datetime.now(UTC):
        raise BadInput("`asOf` lies ahead: what will hold then is not known")
    return as_of.astimezone(UTC)


def present_only(as_of: datetime | None, field: str) -> None:
    """Refuse a field of which the past is not kept."""
    if as_of is not None:
        raise BadInput(f"`{field}` is known as of now only", next_step="Ask for it without `asOf`.")


async def members_page(info: Info, cluster_id: str, as_of: datetime, page: Page) -> Slice:
    """A page of the members that a cluster had, surest first, with their attributes of then."""
    rows = await info.context.past.members.load((cluster_id, as_of))
    found = placed(rows, page, _place_of)
    nodes = await info.context.past.subjects([(row["type"], row["id"]) for row in found.rows], as_of)
    rows = [
        {"subject": {"type": row["type"], "node": node or {"id": row["id"]}}, "membership": row["membership"]}
        for row, node in zip(found.rows, nodes, strict=True)
    ]
    return Slice(rows=rows, more=found.more, earlier=found.earlier)


def _place_of(row: dict[str, Any]) -> Place:
    named = SubjectValue.parse(f"{row['type'].lower()}:{row['id']}")
    return Place(row["membership"]["confidence"] or 0.0, str(named))


async def evidence_page(info: Info, cluster_id: str, as_of: datetime, page: Page, kinds: Sequence[str] | None) -> Slice:
    """A page of what held a cluster together, strongest first, in the shape of the graph's."""
    rows = [
        {"tie": row, "node": dict(Identifier.of(row["kind"], row["value"], info.context.work.secret).row)}
        for row in await info.context.past.evidence.load((cluster_id, as_of))
        if kinds is None or row["kind"] in kinds
    ]
    return placed(rows, page, lambda row: Place(float(row["tie"]["bits"] or 0.0), str(row["node"]["id"])))
