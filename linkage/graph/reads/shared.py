"""What two subjects share, and the thread through a cluster that ties two of its members."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from linkage.graph.reads.reader import Reader
from linkage.model.identifier import AND, SIMILAR

#: The rarest shared identifiers come first; past so many of them nothing is added to an explanation.
MOST = 200

SHARED = f"""
UNWIND range(0, size($pairs) - 1) AS pair
WITH pair, $pairs[pair] AS two
CALL (two) {{
  MATCH (a:Account {{id: two.left.id}}) WHERE two.left.type = 'Account' RETURN a
  UNION
  MATCH (a:Organisation {{id: two.left.id}}) WHERE two.left.type = 'Organisation' RETURN a
}}
CALL (two) {{
  MATCH (b:Account {{id: two.right.id}}) WHERE two.right.type = 'Account' RETURN b
  UNION
  MATCH (b:Organisation {{id: two.right.id}}) WHERE two.right.type = 'Organisation' RETURN b
}}
CALL (a, b) {{
  MATCH (a)-[l:USED]->(i:Identifier)<-[r:USED]-(b)
  WITH i, l, r ORDER BY coalesce(i.holders, 2), i.id LIMIT {MOST}
  RETURN collect({{node: properties(i), left: properties(l), right: properties(r)}}) AS rows
}}
CALL (a, b) {{
  MATCH (a)-[l:USED]->(i:Identifier) WHERE i.kind IN $compared
  MATCH (b)-[r:USED]->(j:Identifier {{kind: i.kind}}) WHERE j.value <> i.value
  WITH l, r, i.kind AS kind, CASE WHEN i.value < j.value THEN [i.value, j.value] ELSE [j.value, i.value] END AS two
  MATCH (p:Identifier {{key: '{SIMILAR}' + kind + ':' + two[0] + '{AND}' + two[1]}})
  WITH p, head(collect(l)) AS l, head(collect(r)) AS r ORDER BY coalesce(p.holders, 2), p.id LIMIT {MOST}
  RETURN collect({{node: properties(p), left: properties(l), right: properties(r)}}) AS alike
}}
RETURN pair, rows + alike AS rows,
       COLLECT {{ MATCH (a)-[:USED]->(i:Identifier) WHERE i.kind IN $differing RETURN DISTINCT i.kind }} AS left_kinds,
       COLLECT {{ MATCH (b)-[:USED]->(i:Identifier) WHERE i.kind IN $differing RETURN DISTINCT i.kind }} AS right_kinds
"""

#: For pairs of identifiers: how many hold both, of the first's holders. Identifiers with more holders are hubs, and
#: are not walked: what they say is next to nothing already.
OVERLAPS = """
UNWIND range(0, size($pairs) - 1) AS pair
WITH pair, $pairs[pair] AS two
MATCH (i:Identifier {id: two.of}) WHERE coalesce(i.holders, 1) <= $most
MATCH (other:Identifier {id: two.with})
RETURN pair, COUNT { (i)<-[:USED]-(s) WHERE (s)-[:USED]->(other) } AS both
"""
#: An identifier with more holders than this is not walked.
MOST_HOLDERS = 2_000

#: The evidence of a cluster as edges member → identifier (or pair of similar ones, of which it used one): strongest
#: identifiers first, so many of them at most.
THREADS = f"""
MATCH (c:Cluster {{id: $id}})-[t:EVIDENCED_BY]->(i:Identifier) WHERE t.bits > 0
WITH c, t, i ORDER BY t.bits DESC LIMIT $identifiers
CALL (c, i) {{
  MATCH (i)<-[:USED]-(s)-[:IN]->(c) RETURN s
  UNION
  UNWIND CASE WHEN i.kind STARTS WITH '{SIMILAR}' THEN split(i.value, '{AND}') ELSE [] END AS value
  MATCH (:Identifier {{key: substring(i.kind, {len(SIMILAR)}) + ':' + value}})<-[:USED]-(s)-[:IN]->(c) RETURN s
}}
RETURN i.id AS identifier, t.bits AS bits, CASE WHEN s:Account THEN 'Account' ELSE 'Organisation' END AS type,
       s.id AS id
LIMIT $edges
"""


@dataclass(frozen=True, slots=True)
class Shared:
    """What two subjects share: identifiers that both used, rarest first, then pairs of similar ones, each with both
    periods of use; and of the kinds that speak against a link where they differ those that each side has."""

    rows: Sequence[Mapping[str, Any]] = ()
    left_kinds: Sequence[str] = ()
    right_kinds: Sequence[str] = ()


async def shared(
    reader: Reader,
    pairs: Sequence[tuple[tuple[str, str], tuple[str, str]]],
    *,
    compared: Sequence[str] = (),
    differing: Sequence[str] = (),
) -> list[Shared]:
    """What each pair of (type, id) shares.

    Values of the kinds `compared` may be similar; of the kinds `differing` it is told whether the sides have any.
    """
    rows = await reader.rows(
        SHARED,
        pairs=[
            {"left": {"type": left[0], "id": left[1]}, "right": {"type": right[0], "id": right[1]}}
            for left, right in pairs
        ],
        compared=list(compared),
        differing=list(differing),
    )
    found = [Shared() for _ in pairs]
    for row in rows:
        found[row["pair"]] = Shared(row["rows"], row["left_kinds"], row["right_kinds"])
    return found


async def threads(
    reader: Reader, cluster_id: str, *, identifiers: int = 1_000, edges: int = 20_000
) -> list[dict[str, Any]]:
    """The edges member → tying identifier of a cluster."""
    return await reader.rows(THREADS, id=cluster_id, identifiers=identifiers, edges=edges)


async def overlaps(reader: Reader, pairs: Sequence[tuple[str, str]]) -> dict[int, int]:
    """For each pair of identifiers (by id, numbered from 0) how many subjects hold both; hubs are left out."""
    rows = await reader.rows(OVERLAPS, pairs=[{"of": one, "with": other} for one, other in pairs], most=MOST_HOLDERS)
    return {row["pair"]: int(row["both"]) for row in rows}
