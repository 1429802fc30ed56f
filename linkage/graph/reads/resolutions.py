"""Resolutions: by id, in pages."""

from __future__ import annotations

from typing import Any

from linkage.graph.reads.page import Order, Page, Slice, cut
from linkage.graph.reads.reader import Reader

NEWEST = Order("r.id", "r.finished_at", descending=True)
#: Those that wait for a person, were refused or overtaken never held.
PUBLISHED = "coalesce(r.state, 'published') = 'published'"
WAITING = "MATCH (r:Resolution {state: 'waiting'}) RETURN properties(r) AS node ORDER BY r.finished_at DESC LIMIT 1"
BY_ID = "MATCH (r:Resolution {id: $id}) RETURN properties(r) AS node"


async def by_id(reader: Reader, identity: str) -> dict[str, Any] | None:
    """The resolution of that id, once it is in the graph."""
    row = await reader.row(BY_ID, id=identity)
    return row["node"] if row else None


async def waiting(reader: Reader) -> dict[str, Any] | None:
    """The resolution that waits for a person; None: there is none."""
    row = await reader.row(WAITING)
    return row["node"] if row else None


async def page(reader: Reader, page: Page, *, published: bool = False) -> Slice:
    """A page of resolutions, newest first; only of those that hold or held, if so asked."""
    text = f"""
MATCH (r:Resolution) WHERE {NEWEST.clause(page)}{f" AND {PUBLISHED}" if published else ""}
RETURN properties(r) AS node, r.finished_at AS value
ORDER BY {NEWEST.by(page)} LIMIT $limit
"""
    return cut(await reader.rows(text, **page.parameters), page)
