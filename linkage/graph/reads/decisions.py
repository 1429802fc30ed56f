"""Decisions: by id, in pages, on whom they are, what was said of two subjects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from linkage.graph.reads.page import Order, Page, Slice, cut
from linkage.graph.reads.reader import Reader
from linkage.graph.reads.subjects import LABELS

#: Newest first; what has no time comes last.
NEWEST = Order("d.id", "coalesce(d.decided_at, datetime({epochSeconds: 0}))", descending=True)

#: Filter → the condition that it means. What is not given is not asked. A group that a decision names is its own, and
#: its subjects then are too; a cluster is asked for with its members now.
CONDITIONS = {
    "ids": "d.id IN $ids",
    "other_ids": "NOT d.id IN $other_ids",
    "judgement": "d.judgement IN $judgement",
    "retracted": "(d.retracted_at IS NOT NULL) = $retracted",
    "account": "EXISTS { (d)-[:ABOUT]->(:Account {id: $account}) }",
    "organisation": "EXISTS { (d)-[:ABOUT]->(:Organisation {id: $organisation}) }",
    "cluster": "($cluster IN [d.left, d.right] OR EXISTS { (d)-[:ABOUT]->()-[:IN]->(c:Cluster) "
    "WHERE 'cluster:' + c.id = $cluster })",
}

#: A retraction without its decision is on its way only.
KNOWN = "d.judgement IS NOT NULL"

BY_IDS = f"MATCH (d:Decision) WHERE d.id IN $ids AND {KNOWN} RETURN d.id AS id, properties(d) AS node"

MEMBERS = """
UNWIND $ids AS id
MATCH (d:Decision {id: id})
RETURN id, COLLECT {
  MATCH (d)-[a:ABOUT]->(s) WHERE a.side = $side
  WITH CASE WHEN s:Account THEN 'account:' ELSE 'organisation:' END + s.id AS name ORDER BY name LIMIT $limit
  RETURN name
} AS names
"""


def between_text(left: str, right: str) -> str:
    """What people said of a subject of the one label and one of the other, newest first."""
    return f"""
MATCH (:{left} {{id: $left}})<-[one:ABOUT]-(d:Decision)-[other:ABOUT]->(:{right} {{id: $right}})
WHERE one.side <> other.side AND {KNOWN}
RETURN properties(d) AS decision
ORDER BY {NEWEST.value} DESC, d.id LIMIT 20
"""


async def by_ids(reader: Reader, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The decisions by id; unknown ids are left out."""
    return {row["id"]: row["node"] for row in await reader.rows(BY_IDS, ids=list(ids))}


async def page(reader: Reader, filters: Mapping[str, object], page: Page) -> Slice:
    """A page of decisions, newest first."""
    conditions = " AND ".join([KNOWN, *(CONDITIONS[name] for name in filters)])
    text = f"""
MATCH (d:Decision) WHERE {conditions} AND {NEWEST.clause(page)}
RETURN properties(d) AS node, {NEWEST.value} AS value
ORDER BY {NEWEST.by(page)} LIMIT $limit
"""
    return cut(await reader.rows(text, **filters, **page.parameters), page)


async def members(reader: Reader, ids: Sequence[str], side: str, limit: int) -> dict[str, list[str]]:
    """For each decision the subjects of a side, as `account:ID` or `organisation:ID`, by name."""
    rows = await reader.rows(MEMBERS, ids=list(ids), side=side, limit=limit)
    return {row["id"]: row["names"] for row in rows}


async def between(reader: Reader, left: tuple[str, str], right: tuple[str, str]) -> list[dict[str, Any]]:
    """What people said of two subjects, by (type, id), by themselves or in groups, newest first."""
    text = between_text(LABELS[left[0]], LABELS[right[0]])
    return [row["decision"] for row in await reader.rows(text, left=left[1], right=right[1])]
