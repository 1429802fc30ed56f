"""Accounts and organisations: by id, in pages, their cluster, what they used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from linkage.graph.reads.page import Order, Page, Slice, cut
from linkage.graph.reads.reader import Reader

#: GraphQL type → label; labels come from here and nowhere else.
LABELS = {"Account": "Account", "Organisation": "Organisation"}

#: The subject's text form, `account:ID`; unique over both kinds.
SUBJECT_KEY = "(CASE WHEN s:Account THEN 'account:' ELSE 'organisation:' END + s.id)"
SUBJECT = "{type: CASE WHEN s:Account THEN 'Account' ELSE 'Organisation' END, node: properties(s)}"

ORDERS = {
    "ID_ASC": Order("s.id"),
    "ID_DESC": Order("s.id", descending=True),
    "CREATED_DESC": Order("s.id", "s.created_at", descending=True),
    "CREATED_ASC": Order("s.id", "s.created_at"),
    "TOKENS_DESC": Order("s.id", "s.tokens", descending=True),
    "TOKENS_ASC": Order("s.id", "s.tokens"),
}


def in_band(name: str) -> str:
    """Whether the confidence of what is called `name` lies in one of the spans [from, below) of `$band`."""
    return f"any(span IN $band WHERE {name}.confidence >= span[0] AND {name}.confidence < span[1])"


#: Filter → the condition that it means. What is not given is not asked.
CONDITIONS = {
    "status": "s.status IN $status",
    "country": "s.country IN $country",
    "plan": "s.plan IN $plan",
    "organisation_id": "EXISTS { (s)-[:MEMBER_OF]->(:Organisation {id: $organisation_id}) }",
    "created_after": "s.created_at >= $created_after",
    "created_before": "s.created_at < $created_before",
    "clustered": "EXISTS { (s)-[:IN]->(:Cluster) } = $clustered",
    "cluster_id": "EXISTS { (s)-[:IN]->(:Cluster {id: $cluster_id}) }",
    "minimum_tokens": "s.tokens >= $minimum_tokens",
    "band": f"EXISTS {{ (s)-[i:IN]->(:Cluster) WHERE {in_band('i')} }}",
    "minimum_confidence": "EXISTS { (s)-[i:IN]->(:Cluster) WHERE i.confidence >= $minimum_confidence }",
}


def by_ids_text(label: str) -> str:
    """The subjects of that label by id."""
    return f"UNWIND $ids AS id MATCH (s:{label} {{id: id}}) RETURN s.id AS id, properties(s) AS node"


CLUSTER_OF = f"""
UNWIND $subjects AS key
CALL (key) {{
  MATCH (s:Account {{id: key.id}}) WHERE key.type = 'Account' RETURN s
  UNION
  MATCH (s:Organisation {{id: key.id}}) WHERE key.type = 'Organisation' RETURN s
}}
MATCH (s)-[i:IN]->(c:Cluster)
RETURN key.type AS type, key.id AS id, properties(i) AS membership, properties(c) AS cluster,
       {SUBJECT_KEY} AS subject
"""

ORGANISATION_OF = """
UNWIND $ids AS id
MATCH (:Account {id: id})-[:MEMBER_OF]->(o:Organisation)
RETURN id, properties(o) AS node
"""

#: Most shared first: what links a subject to others stands on top.
IDENTIFIER_ORDER = Order("i.id", "coalesce(i.holders, 1)", descending=True)


def identifiers_text(page: Page) -> str:
    """A page of identifiers for each subject."""
    return f"""
UNWIND $subjects AS key
CALL (key) {{
  CALL (key) {{
    MATCH (s:Account {{id: key.id}}) WHERE key.type = 'Account' RETURN s
    UNION
    MATCH (s:Organisation {{id: key.id}}) WHERE key.type = 'Organisation' RETURN s
  }}
  MATCH (s)-[u:USED]->(i:Identifier)
  WHERE ($kinds IS NULL OR i.kind IN $kinds) AND coalesce(i.holders, 1) >= $minimum_holders
    AND {IDENTIFIER_ORDER.clause(page)}
  WITH i, u ORDER BY {IDENTIFIER_ORDER.by(page)} LIMIT $limit
  RETURN collect({{node: properties(i), use: properties(u)}}) AS rows
}}
RETURN key.type AS type, key.id AS id, rows
"""


def members_text(page: Page) -> str:
    """A page of declared accounts for each organisation."""
    order = ORDERS["ID_ASC"]
    return f"""
UNWIND $ids AS id
MATCH (o:Organisation {{id: id}})
CALL (o) {{
  MATCH (o)<-[:MEMBER_OF]-(s:Account)
  WHERE {order.clause(page)}
  WITH s ORDER BY {order.by(page)} LIMIT $limit
  RETURN collect({{type: 'Account', node: properties(s)}}) AS rows
}}
RETURN o.id AS id, rows
"""


async def by_ids(reader: Reader, type_name: str, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The subjects of that type by id; unknown ids are left out."""
    rows = await reader.rows(by_ids_text(LABELS[type_name]), ids=list(ids))
    return {row["id"]: row["node"] for row in rows}


async def page(reader: Reader, type_name: str, filters: Mapping[str, object], order: str, page: Page) -> Slice:
    """A page of the subjects of that type."""
    by = ORDERS[order]
    conditions = [CONDITIONS[name] for name in filters]
    text = f"""
MATCH (s:{LABELS[type_name]})
WHERE {" AND ".join([*conditions, by.clause(page)])}
RETURN properties(s) AS node, {by.value or "null"} AS value
ORDER BY {by.by(page)} LIMIT $limit
"""
    return cut(await reader.rows(text, **filters, **page.parameters), page)


async def clusters_of(reader: Reader, subjects: Sequence[tuple[str, str]]) -> dict[tuple[str, str], dict[str, Any]]:
    """For each (type, id): its membership and its cluster; subjects that stand alone are left out."""
    rows = await reader.rows(CLUSTER_OF, subjects=_keys(subjects))
    return {(row["type"], row["id"]): row for row in rows}


async def organisations_of(reader: Reader, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """For each account id its organisation, where it has one."""
    rows = await reader.rows(ORGANISATION_OF, ids=list(ids))
    return {row["id"]: row["node"] for row in rows}


async def identifiers_of(
    reader: Reader,
    subjects: Sequence[tuple[str, str]],
    page: Page,
    *,
    kinds: Sequence[str] | None,
    minimum_holders: int,
) -> dict[tuple[str, str], Slice]:
    """For each (type, id) a page of the identifiers that it used, most shared first."""
    rows = await reader.rows(
        identifiers_text(page),
        subjects=_keys(subjects),
        kinds=list(kinds) if kinds is not None else None,
        minimum_holders=minimum_holders,
        **page.parameters,
    )
    return {(row["type"], row["id"]): cut(row["rows"], page) for row in rows}


async def members_of_organisations(reader: Reader, ids: Sequence[str], page: Page) -> dict[str, Slice]:
    """For each organisation a page of its declared accounts, by id."""
    rows = await reader.rows(members_text(page), ids=list(ids), **page.parameters)
    return {row["id"]: cut(row["rows"], page) for row in rows}


def _keys(subjects: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"type": type_name, "id": identity} for type_name, identity in subjects]
