"""What stands around subjects of whom something new is known: who else uses what they use, and in which clusters.

Read by threads that write too, so these reads are synchronous, unlike those of the API. Hubs are counted, not walked:
how many hold an identifier is known to its node, and of a crowded one only the clusters that it ties are read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from linkage.graph.connection import Graph

#: An identifier with more holders than this is crowded: its holders are not walked.
CROWDED = 300

AROUND = """
UNWIND $ids AS id
MATCH (s:%(label)s {id: id})
CALL (s) {
  MATCH (s)-[u:USED]->(i:Identifier)
  WITH u, i, COUNT { (i)<-[:USED]-() } AS holders
  RETURN count(CASE WHEN holders = 1 AND i.kind IN $telling THEN 1 END) AS own,
         collect(CASE WHEN holders > 1 AND coalesce(i.holder_clusters, holders) <= coalesce($loud[i.kind], $others)
                      THEN [u, i, holders] END) AS heard
}
RETURN id, s.created_at.epochSeconds, own, head([(s)-[:IN]->(c) | c.id]), [h IN heard | {
    kind: h[1].kind, value: h[1].value, clusters: h[1].holder_clusters, class_bits: h[1].class_bits,
    first: h[0].first_seen.epochSeconds, last: h[0].last_seen.epochSeconds, count: h[0].count, crowded: h[2] > $crowded,
    fellows: CASE WHEN h[2] > $crowded THEN [] ELSE COLLECT {
      WITH h[1] AS i MATCH (i)<-[o:USED]-(t) WHERE t <> s
      RETURN [CASE WHEN t:Account THEN 'account:' ELSE 'organisation:' END + t.id, head([(t)-[:IN]->(c) | c.id]),
              t.created_at.epochSeconds, o.first_seen.epochSeconds, o.last_seen.epochSeconds, o.count]
    } END,
    pools: CASE WHEN h[2] > $crowded THEN COLLECT {
      WITH h[1] AS i MATCH (i)<-[e:EVIDENCED_BY]-(c:Cluster) WHERE c.size > 0 RETURN [c.id, e.members]
    } ELSE [] END
  }],
  COLLECT {
    MATCH (s)-[:MEMBER_OF]->(o:Organisation)
    RETURN {id: o.id, attributes: o.attributes, members: COUNT { (o)<-[:MEMBER_OF]-() },
            cluster: head([(o)-[:IN]->(c) | c.id])}
  }
"""

CLUSTERS = """
MATCH (c:Cluster) WHERE c.id IN $ids AND c.size > 0
RETURN properties(c) AS node, COLLECT {
  MATCH (c)<-[:IN]-(s) RETURN CASE WHEN s:Account THEN 'account:' ELSE 'organisation:' END + s.id LIMIT 1
} AS members
"""

PLACES = """
UNWIND $ids AS id
MATCH (:%(label)s {id: id})-[:IN]->(c:Cluster)
RETURN id, c.id AS cluster
"""

OWN = """
UNWIND $ids AS id
MATCH (s:%(label)s {id: id})-[:USED]->(i:Identifier) WHERE i.kind IN $telling
WITH id, COUNT { (i)<-[:USED]-() } AS holders
RETURN id, count(CASE WHEN holders = 1 THEN 1 END) AS alone, count(CASE WHEN holders > 1 THEN 1 END) AS common
"""


def around(
    graph: Graph, label: str, ids: Sequence[str], loud: Mapping[str, int], others: int, telling: Sequence[str]
) -> list[dict[str, Any]]:
    """What is known around subjects of a label; those that are not in the graph are left out.

    `loud`: by kind (`others`: any other) in how many clusters the holders of an identifier may be to be looked at.
    `own` counts the identifiers of the `telling` kinds that nobody else uses; `uses` are the others.
    """
    rows = graph.values(
        AROUND % {"label": label}, ids=list(ids), loud=dict(loud), others=others, telling=list(telling), crowded=CROWDED
    )
    return [dict(zip(("id", "created", "own", "cluster", "uses", "declared"), row, strict=True)) for row in rows]


def clusters(graph: Graph, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The live ones of these clusters, each with `member`, the name of one of its members."""
    return {
        row["node"]["id"]: {**row["node"], "member": row["members"][0]} for row in graph.read(CLUSTERS, ids=list(ids))
    }


def places(graph: Graph, label: str, ids: Sequence[str]) -> dict[str, str]:
    """The clusters of those subjects of a label that are in one."""
    return {row["id"]: row["cluster"] for row in graph.read(PLACES % {"label": label}, ids=list(ids))}


def own(graph: Graph, label: str, ids: Sequence[str], telling: Sequence[str]) -> dict[str, tuple[int, int]]:
    """How many telling identifiers each subject has for itself, and how many with others."""
    rows = graph.read(OWN % {"label": label}, ids=list(ids), telling=list(telling))
    return {row["id"]: (int(row["alone"]), int(row["common"])) for row in rows}
