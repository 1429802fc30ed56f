"""Clusters: by id, in pages, their members, their evidence, their lineage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from linkage.graph.reads.page import Order, Page, Slice, cut
from linkage.graph.reads.reader import Reader
from linkage.graph.reads.subjects import SUBJECT, SUBJECT_KEY, in_band

ORDERS = {
    f"{name}_{direction}": Order("c.id", f"c.{column}", descending=direction == "DESC")
    for name, column in {
        "SIZE": "size",
        "CONFIDENCE": "confidence",
        "TOKENS": "tokens",
        "CREATED": "created_at",
        "UPDATED": "updated_at",
    }.items()
    for direction in ("DESC", "ASC")
}

#: Filter → the condition that it means. What is not given is not asked.
CONDITIONS = {
    "minimum_size": "c.size >= $minimum_size",
    "maximum_size": "c.size <= $maximum_size",
    "minimum_accounts": "c.accounts >= $minimum_accounts",
    "minimum_organisations": "c.organisations >= $minimum_organisations",
    "minimum_confidence": "c.confidence >= $minimum_confidence",
    "maximum_confidence": "c.confidence <= $maximum_confidence",
    "band": in_band("c"),
    "minimum_tokens": "c.tokens >= $minimum_tokens",
    "updated_after": "c.updated_at >= $updated_after",
    "created_after": "c.created_at >= $created_after",
    "created_before": "c.created_at < $created_before",
    "kind": "EXISTS { (c)-[t:EVIDENCED_BY]->(i:Identifier) WHERE i.kind IN $kind AND t.bits > 0 }",
}

#: Retired, merged and split-off ids stay in the graph with size 0: they answer with their successors.
LIVE = "c.size > 0"

BY_IDS = "MATCH (c:Cluster) WHERE c.id IN $ids RETURN c.id AS id, properties(c) AS node"

SUCCESSORS = f"""
UNWIND $ids AS id
MATCH (old:Cluster {{id: id}})-[:SUCCEEDED_BY*1..]->(c:Cluster)
WHERE {LIVE}
WITH DISTINCT id, c ORDER BY c.size DESC, c.id
RETURN id, collect(properties(c)) AS nodes
"""

LINEAGE = """
UNWIND $ids AS id
MATCH (now:Cluster {id: id})
CALL (now) {
  MATCH (now)-[r:SUCCEEDED_BY]->(other:Cluster) RETURN 'SUCCESSOR' AS side, r, other
  UNION ALL
  MATCH (now)<-[r:SUCCEEDED_BY]-(other:Cluster) RETURN 'PREDECESSOR' AS side, r, other
}
WITH id, side, r, other ORDER BY r.at DESC, other.id LIMIT 1000
RETURN id, side, properties(r) AS succession, properties(other) AS node
"""

MEMBER_ORDER = Order(SUBJECT_KEY, "coalesce(m.confidence, 0.0)", descending=True)
EVIDENCE_ORDER = Order("i.id", "coalesce(t.bits, 0.0)", descending=True)


def members_text(page: Page) -> str:
    """A page of members for each cluster."""
    return f"""
UNWIND $ids AS id
MATCH (c:Cluster {{id: id}})
CALL (c) {{
  MATCH (c)<-[m:IN]-(s)
  WHERE ($type IS NULL OR $type IN labels(s)) AND {MEMBER_ORDER.clause(page)}
  WITH s, m ORDER BY {MEMBER_ORDER.by(page)} LIMIT $limit
  RETURN collect({{subject: {SUBJECT}, membership: properties(m)}}) AS rows
}}
RETURN id, rows
"""


def evidence_text(page: Page) -> str:
    """A page of tying identifiers for each cluster."""
    return f"""
UNWIND $ids AS id
MATCH (c:Cluster {{id: id}})
CALL (c) {{
  MATCH (c)-[t:EVIDENCED_BY]->(i:Identifier)
  WHERE ($kinds IS NULL OR i.kind IN $kinds) AND {EVIDENCE_ORDER.clause(page)}
  WITH i, t ORDER BY {EVIDENCE_ORDER.by(page)} LIMIT $limit
  RETURN collect({{node: properties(i), tie: properties(t)}}) AS rows
}}
RETURN id, rows
"""


def conditions(filters: Mapping[str, object]) -> str:
    """The conditions of a filter, and that the cluster lives."""
    return " AND ".join([LIVE, *(CONDITIONS[name] for name in filters)])


async def by_ids(reader: Reader, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The clusters by id, retired ones too; unknown ids are left out."""
    return {row["id"]: row["node"] for row in await reader.rows(BY_IDS, ids=list(ids))}


async def page(reader: Reader, filters: Mapping[str, object], order: str, page: Page) -> Slice:
    """A page of live clusters."""
    by = ORDERS[order]
    text = f"""
MATCH (c:Cluster)
WHERE {conditions(filters)} AND {by.clause(page)}
RETURN properties(c) AS node, {by.value} AS value
ORDER BY {by.by(page)} LIMIT $limit
"""
    return cut(await reader.rows(text, **filters, **page.parameters), page)


async def count(reader: Reader, filters: Mapping[str, object]) -> int:
    """How many live clusters the filter lets through."""
    row = await reader.row(f"MATCH (c:Cluster) WHERE {conditions(filters)} RETURN count(c) AS n", **filters)
    return int(row["n"]) if row else 0


async def successors(reader: Reader, ids: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """For each cluster id the live clusters that came of it, largest first."""
    rows = await reader.rows(SUCCESSORS, ids=list(ids))
    return {row["id"]: row["nodes"] for row in rows}


async def lineage(reader: Reader, ids: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """For each cluster id its direct predecessors and successors, newest first."""
    found: dict[str, list[dict[str, Any]]] = {identity: [] for identity in ids}
    for row in await reader.rows(LINEAGE, ids=list(ids)):
        found[row["id"]].append(row)
    return found


async def members(reader: Reader, ids: Sequence[str], page: Page, *, type_name: str | None) -> dict[str, Slice]:
    """For each cluster a page of its members, surest first."""
    rows = await reader.rows(members_text(page), ids=list(ids), type=type_name, **page.parameters)
    return {row["id"]: cut(row["rows"], page) for row in rows}


async def evidence(reader: Reader, ids: Sequence[str], page: Page, *, kinds: Sequence[str] | None) -> dict[str, Slice]:
    """For each cluster a page of the identifiers that tie it together, strongest first."""
    rows = await reader.rows(
        evidence_text(page), ids=list(ids), kinds=list(kinds) if kinds is not None else None, **page.parameters
    )
    return {row["id"]: cut(row["rows"], page) for row in rows}
