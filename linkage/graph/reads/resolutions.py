"""Resolutions: by id, in pages."""

from __future__ import annotations

from typing import Any

from linkage.graph.reads.page import Order, Page, Slice, cut
from linkage.graph.reads.reader import Reader

NEWEST = Order("r.id", "r.finished_at", descending=True)
BY_ID = "MATCH (r:Resolution {id: $id}) RETURN properties(r) AS node"


async def by_id(reader: Reader, identity: str) -> dict[str, Any] | None:
    """The resolution of that id, once it is in the graph."""
    row = await reader.row(BY_ID, id=identity)
    return row["node"] if row else None


async def page(reader: Reader, page: Page) -> Slice:
    """A page of resolutions, newest first."""
    text = f"""
MATCH (r:Resolution) WHERE {NEWEST.clause(page)}
RETURN properties(r) AS node, r.finished_at AS value
ORDER BY {NEWEST.by(page)} LIMIT $limit
"""
    return cut(await reader.rows(text, **page.parameters), page)
