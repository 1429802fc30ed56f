"""What surrounds a node: its neighbours, a cluster's own graph, the way from one node to another.

Hubs are the trap here: through a carrier's NAT everybody is two steps from everybody. Ways go through identifiers
with few holders only, and neighbours come strongest first: an identifier with two holders before one with a thousand,
one with a single holder last, since it leads nowhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from linkage.graph.reads.reader import Reader

#: Node types that a graph may hold → how a node of that type is found.
FOUND_BY = {
    "Account": "MATCH (n:Account {id: key.id})",
    "Organisation": "MATCH (n:Organisation {id: key.id})",
    "Identifier": "MATCH (n:Identifier {id: key.id})",
    "Cluster": "MATCH (n:Cluster {id: key.id})",
}

TYPE = """CASE WHEN {n}:Account THEN 'Account' WHEN {n}:Organisation THEN 'Organisation'
 WHEN {n}:Cluster THEN 'Cluster' ELSE 'Identifier' END"""


def type_of(variable: str) -> str:
    """The Cypher expression of a node's GraphQL type."""
    return TYPE.format(n=variable)


def node_of(variable: str) -> str:
    """The Cypher expression of a node with its type."""
    return f"{{type: {type_of(variable)}, node: properties({variable})}}"


def _branches() -> str:
    return "\n  UNION\n  ".join(
        f"{clause} WHERE key.type = '{type_name}' RETURN n" for type_name, clause in FOUND_BY.items()
    )


def find(variable: str) -> str:
    """The sub-query that finds the nodes of `key`, whatever their type."""
    return f"CALL (key) {{\n  {_branches()}\n}}\nWITH key, n AS {variable}"


NODES = f"UNWIND $keys AS key\n{find('found')}\nRETURN {node_of('found')} AS node"

#: One step outwards from every node of the frontier. `rank`: the smaller, the stronger.
STEP = f"""
UNWIND $keys AS key
{find("here")}
CALL (here) {{
  MATCH (here)-[r:USED|MEMBER_OF|IN]-(there)
  WITH r, there, CASE
      WHEN there:Identifier AND coalesce(there.holders, 1) = 1 THEN 1000000000.0
      WHEN there:Identifier THEN toFloat(there.holders)
      WHEN here:Cluster THEN 1000000.0
      ELSE 2.0 END AS rank
  ORDER BY CASE WHEN $strongest THEN rank ELSE 0.0 END, elementId(there)
  LIMIT $limit
  RETURN r, there, rank
}}
WITH here, r, there, rank ORDER BY CASE WHEN $strongest THEN rank ELSE 0.0 END, elementId(there) LIMIT $limit
RETURN {node_of("here")} AS here, {node_of("there")} AS there,
       type(r) AS relation, startNode(r) = here AS outwards, properties(r) AS about
"""

#: A cluster's members and what they share, strongest evidence first.
CLUSTER = f"""
MATCH (c:Cluster {{id: $id}})
CALL (c) {{
  MATCH (c)-[t:EVIDENCED_BY]->(i:Identifier) WHERE t.bits > 0
  WITH c, i, t ORDER BY t.bits DESC, i.id LIMIT $limit
  MATCH (i)<-[u:USED]-(s)-[:IN]->(c)
  RETURN s, u, i, t.bits AS bits LIMIT $edges
}}
RETURN {node_of("s")} AS here, {node_of("i")} AS there, 'USED' AS relation, true AS outwards,
       properties(u) AS about, bits
"""

#: Between nodes of a graph, what is not yet drawn: declared membership.
BETWEEN = f"""
UNWIND $keys AS key
{find("here")}
MATCH (here)-[r:MEMBER_OF]->(there:Organisation)
WHERE there.id IN $organisations
RETURN {node_of("here")} AS here, {node_of("there")} AS there, type(r) AS relation, true AS outwards,
       properties(r) AS about
LIMIT 2000
"""


def path_text(relations: str, hops: int) -> str:
    """The shortest ways between two nodes, of at most so many steps; relations and bound cannot be parameters."""
    return f"""
UNWIND [$from] AS key
{find("a")}
WITH a UNWIND [$to] AS key
CALL (key) {{
  {_branches()}
}}
WITH a, n AS b
MATCH p = allShortestPaths((a)-[:{relations}*1..{int(hops)}]-(b))
WHERE all(n IN nodes(p) WHERE NOT n:Identifier OR coalesce(n.holders, 1) <= $most OR n = a OR n = b)
WITH p LIMIT 200
WITH p, reduce(rank = 0.0, n IN nodes(p) |
       rank + CASE WHEN n:Identifier THEN log(coalesce(n.holders, 1) + 1) ELSE 0.0 END) AS rank
ORDER BY rank LIMIT 1
RETURN [n IN nodes(p) | {node_of("n")}] AS nodes,
       [k IN range(0, length(p) - 1) | {{relation: type(relationships(p)[k]), about: properties(relationships(p)[k]),
        outwards: startNode(relationships(p)[k]) = nodes(p)[k]}}] AS steps
"""


def keys_of(nodes: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    """(type, id) as the parameter that `find` reads."""
    return [{"type": type_name, "id": identity} for type_name, identity in nodes]


async def nodes(reader: Reader, keys: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
    """The nodes of those (type, id); unknown ones are left out."""
    return [row["node"] for row in await reader.rows(NODES, keys=keys_of(keys))]


async def step(reader: Reader, keys: Sequence[tuple[str, str]], *, limit: int, strongest: bool) -> list[dict[str, Any]]:
    """The relationships one step outwards, so many at most."""
    return await reader.rows(STEP, keys=keys_of(keys), limit=limit, strongest=strongest)


async def cluster(reader: Reader, cluster_id: str, *, limit: int, edges: int) -> list[dict[str, Any]]:
    """The relationships member → shared identifier of a cluster."""
    return await reader.rows(CLUSTER, id=cluster_id, limit=limit, edges=edges)


async def path(
    reader: Reader, start: tuple[str, str], end: tuple[str, str], *, hops: int, most: int
) -> dict[str, Any] | None:
    """The best of the shortest ways between two nodes: the one through the rarest identifiers. None: there is none."""
    (source,), (target,) = keys_of([start]), keys_of([end])
    # Members of a cluster are two steps apart through it, which says nothing, unless it is the cluster that was asked.
    relations = "USED|MEMBER_OF|IN" if "Cluster" in (start[0], end[0]) else "USED|MEMBER_OF"
    return await reader.row(path_text(relations, hops), **{"from": source, "to": target, "most": most})
