"""What is known of clusters when their benign explanations are weighed, and what ties the two parts of a cut."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from linkage.graph.reads.reader import Reader
from linkage.graph.reads.surroundings import keys_of

#: Kinds that say whether an account has somebody of its own behind it.
TELLING = ("device", "payment_method", "phone", "email")
#: What each account used is looked at for so many members of a cluster (by id): shares of thousands need no more.
SAMPLE = 500

FACTS = """
UNWIND $ids AS id
MATCH (c:Cluster {id: id})
CALL (c) {
  MATCH (c)<-[:IN]-(s:Account)
  RETURN count(s) AS accounts, percentileDisc(s.created_at.epochSeconds, 0.1) AS early,
         percentileDisc(s.created_at.epochSeconds, 0.9) AS late
}
CALL (c) {
  MATCH (c)<-[:IN]-(:Account)-[:MEMBER_OF]->(o:Organisation)
  WITH o, count(*) AS members ORDER BY members DESC, o.id LIMIT 100
  RETURN collect({id: o.id, name: o.name, attributes: o.attributes, members: members}) AS organisations
}
CALL (c) {
  MATCH (c)-[t:EVIDENCED_BY]->(i:Identifier)
  WITH i, t ORDER BY t.members DESC, t.bits DESC, i.id
  WITH i.kind AS kind, count(*) AS identifiers, sum(t.bits) AS bits, collect({id: i.id, members: t.members,
       holders: i.holders, holder_clusters: i.holder_clusters, sharing_class: i.sharing_class})[0] AS most
  RETURN collect({kind: kind, identifiers: identifiers, bits: bits, most: most}) AS shared
}
CALL (c, shared) {
  MATCH (c)<-[:IN]-(s:Account)
  WITH shared, s ORDER BY s.id LIMIT $sample
  MATCH (s)-[u:USED]->(i:Identifier) WHERE i.id IN [one IN shared | one.most.id]
  WITH i, min(coalesce(u.first_seen, u.last_seen)) AS first, max(coalesce(u.last_seen, u.first_seen)) AS last
  RETURN collect({id: i.id, first: first, last: last}) AS periods
}
CALL (c) {
  MATCH (c)<-[:IN]-(s:Account)
  WITH s ORDER BY s.id LIMIT $sample
  MATCH (s)-[:USED]->(i:Identifier) WHERE i.kind IN $telling
  WITH s, i.kind AS kind, max(CASE coalesce(i.holders, 1) WHEN 1 THEN 1 ELSE 0 END) AS own
  WITH kind, count(*) AS known, sum(own) AS own
  RETURN collect({kind: kind, known: known, own: own}) AS own
}
RETURN id, accounts, early, late, organisations, shared, periods, own
"""

#: Of the identifiers that tie a cluster, those which members of one part hold and others of the cluster as well.
ACROSS = """
UNWIND $cuts AS cut
MATCH (c:Cluster {id: cut.id})
CALL (c, cut) {
  UNWIND cut.members AS key
  CALL (key) {
    MATCH (s:Account {id: key.id}) WHERE key.type = 'Account' RETURN s
    UNION
    MATCH (s:Organisation {id: key.id}) WHERE key.type = 'Organisation' RETURN s
  }
  MATCH (s)-[:USED]->(i:Identifier)
  WITH c, i, count(*) AS inside
  MATCH (c)-[t:EVIDENCED_BY]->(i) WHERE t.members > inside
  WITH i, t ORDER BY t.bits DESC, i.id LIMIT 100
  RETURN collect({node: properties(i), tie: properties(t)}) AS rows
}
RETURN cut.id AS id, rows
"""


async def of_clusters(reader: Reader, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """For each cluster the facts that its benign explanations are weighed by."""
    rows = await reader.rows(FACTS, ids=list(ids), sample=SAMPLE, telling=list(TELLING))
    return {row["id"]: row for row in rows}


async def across(reader: Reader, cuts: Mapping[str, Sequence[tuple[str, str]]]) -> dict[str, list[dict[str, Any]]]:
    """For each cluster with the (type, id) of one part's members: the tying identifiers that both parts hold."""
    asked = [{"id": cluster, "members": keys_of(members)} for cluster, members in cuts.items()]
    rows = await reader.rows(ACROSS, cuts=asked)
    return {row["id"]: row["rows"] for row in rows}
