"""Identifiers: by opaque id, by value, who holds them, which clusters they tie."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from linkage.graph.reads.page import Order, Page, Slice, cut
from linkage.graph.reads.reader import Reader
from linkage.graph.reads.subjects import SUBJECT, SUBJECT_KEY

BY_IDS = "MATCH (i:Identifier) WHERE i.id IN $ids RETURN i.id AS id, properties(i) AS node"
BY_KEYS = "MATCH (i:Identifier) WHERE i.key IN $keys RETURN i.key AS key, properties(i) AS node"

HOLDER_ORDER = Order(SUBJECT_KEY)
CLUSTERS = """
UNWIND $ids AS id
MATCH (i:Identifier {id: id})
CALL (i) {
  MATCH (i)<-[t:EVIDENCED_BY]-(c:Cluster) WHERE c.size > 0
  WITH c, t ORDER BY t.members DESC, c.id LIMIT $limit
  RETURN collect({cluster: properties(c), tie: properties(t)}) AS rows
}
RETURN id, rows
"""


def holders_text(page: Page) -> str:
    """A page of holders for each identifier."""
    return f"""
UNWIND $ids AS id
MATCH (i:Identifier {{id: id}})
CALL (i) {{
  MATCH (i)<-[u:USED]-(s)
  WHERE {HOLDER_ORDER.clause(page)}
  WITH s, u ORDER BY {HOLDER_ORDER.by(page)} LIMIT $limit
  RETURN collect({{subject: {SUBJECT}, use: properties(u)}}) AS rows
}}
RETURN id, rows
"""


async def by_ids(reader: Reader, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The identifiers by their opaque ids; unknown ids are left out."""
    return {row["id"]: row["node"] for row in await reader.rows(BY_IDS, ids=list(ids))}


async def by_keys(reader: Reader, keys: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The identifiers by `kind:value`; unknown keys are left out."""
    return {row["key"]: row["node"] for row in await reader.rows(BY_KEYS, keys=list(keys))}


async def holders(reader: Reader, ids: Sequence[str], page: Page) -> dict[str, Slice]:
    """For each identifier a page of the subjects that used it."""
    rows = await reader.rows(holders_text(page), ids=list(ids), **page.parameters)
    return {row["id"]: cut(row["rows"], page) for row in rows}


async def clusters(reader: Reader, ids: Sequence[str], limit: int) -> dict[str, list[dict[str, Any]]]:
    """For each identifier the clusters that it ties, those with most holders first."""
    rows = await reader.rows(CLUSTERS, ids=list(ids), limit=limit)
    return {row["id"]: row["rows"] for row in rows}
