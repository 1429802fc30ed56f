"""The feed of what became of clusters, in the order of publications. Numbers beyond the watermark do not count yet."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from linkage.graph.changes import SPAN
from linkage.graph.reads.reader import Reader

_COUNTING = f"MATCH (w:Watermark {{key: 'publications'}}) WITH (w.version + 1) * {SPAN} AS bound"
_OF = "(c.cluster_id IN $ids OR c.successor_id IN $ids)"

AFTER = f"""
{_COUNTING}
MATCH (c:Change) WHERE c.number > $after AND c.number < bound
RETURN properties(c) AS change ORDER BY c.number LIMIT $limit
"""
AFTER_OF = f"""
{_COUNTING}
MATCH (c:Change) WHERE c.number > $after AND c.number < bound AND {_OF}
RETURN properties(c) AS change ORDER BY c.number LIMIT $limit
"""
#: Both properties are asked for, since an index over both is only entered when both are.
SINCE = """
MATCH (c:Change) WHERE c.at >= $since AND c.number IS NOT NULL
RETURN c.number AS number ORDER BY c.at, c.number LIMIT 1
"""
LAST = f"{_COUNTING} RETURN bound - 1 AS number"
FOLLOWED = """
UNWIND $ids AS id
MATCH (c:Change {cluster_id: id}) WHERE c.number <= $until AND c.successor_id IS NOT NULL
RETURN DISTINCT c.successor_id AS id
"""


async def page(reader: Reader, after: int, limit: int, *, ids: Collection[str] | None = None) -> list[dict[str, Any]]:
    """Changes beyond a number, in their order; only those that concern some clusters, where ids are given."""
    if ids is None:
        rows = await reader.rows(AFTER, after=after, limit=limit)
    else:
        rows = await reader.rows(AFTER_OF, after=after, limit=limit, ids=list(ids))
    return [row["change"] for row in rows]


async def before(reader: Reader, since: datetime) -> int:
    """The number that the changes from a moment on come after."""
    row = await reader.row(SINCE, since=since)
    return int(row["number"]) - 1 if row is not None else await last(reader)


async def last(reader: Reader) -> int:
    """The number that all changes of later publications come after."""
    row = await reader.row(LAST)
    return int(row["number"]) if row is not None else 0


async def followed(reader: Reader, ids: Sequence[str], until: int) -> set[str]:
    """Clusters, and all that came of them in the changes up to a number."""
    known: set[str] = set()
    waiting = set(ids)
    while waiting:
        known |= waiting
        rows = await reader.rows(FOLLOWED, ids=sorted(waiting), until=until)
        waiting = {row["id"] for row in rows} - known
    return known
