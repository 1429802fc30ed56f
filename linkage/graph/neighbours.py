"""What stands around subjects of whom something new is known: who else uses what they use, and in which clusters.

Read by threads that write too, so these reads are synchronous, unlike those of the API. Hubs are counted, not walked:
how many hold an identifier is known to its node, and of a crowded one only the clusters that it ties are read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import neo4j

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
                      THEN [i.key, coalesce(u.first_seen, u.last_seen).epochSeconds / 86400.0,
                            coalesce(u.last_seen, u.first_seen).epochSeconds / 86400.0, u.count] END) AS uses
}
RETURN id, s.created_at.epochSeconds / 86400.0, own, head([(s)-[:IN]->(c) | c.id]), uses, COLLECT {
  MATCH (s)-[:MEMBER_OF]->(o:Organisation)
  RETURN {id: o.id, attributes: o.attributes, members: COUNT { (o)<-[:MEMBER_OF]-() },
          cluster: head([(o)-[:IN]->(c) | c.id])}
}
"""

VALUES = """
UNWIND $keys AS key
MATCH (i:Identifier {key: key})
WITH i, COUNT { (i)<-[:USED]-() } > $crowded AS crowded
RETURN i.key, i.kind, i.value, i.class_bits, crowded, i.holder_clusters,
  CASE WHEN crowded THEN [] ELSE COLLECT {
    MATCH (i)<-[o:USED]-(t)
    RETURN [CASE WHEN t:Account THEN 'account:' ELSE 'organisation:' END + t.id, head([(t)-[:IN]->(c) | c.id]),
            t.created_at.epochSeconds / 86400.0, coalesce(o.first_seen, o.last_seen).epochSeconds / 86400.0,
            coalesce(o.last_seen, o.first_seen).epochSeconds / 86400.0, o.count]
  } END,
  CASE WHEN crowded THEN COLLECT {
    MATCH (i)<-[e:EVIDENCED_BY]-(c:Cluster) WHERE c.size > 0 RETURN [c.id, coalesce(e.members, 1)]
  } ELSE [] END
"""

GROUPS = """
MATCH (c:Cluster) WHERE c.id IN $ids AND c.size > 0
RETURN c.id, c.size, c.opened_mean, c.opened_spread
"""

#: A time travels as seconds and microseconds: the driver takes 50 µs to read one date-time.
CLUSTERS = """
MATCH (c:Cluster) WHERE c.id IN $ids AND c.size > 0
RETURN c.id AS id, c.size AS size, c.accounts AS accounts, c.organisations AS organisations,
       c.confidence AS confidence, c.weakest AS weakest, c.told_by AS told_by,
       c.created_at.epochSeconds AS created_s, c.created_at.microsecond AS created_us,
       head(COLLECT {
         MATCH (c)<-[:IN]-(s) RETURN CASE WHEN s:Account THEN 'account:' ELSE 'organisation:' END + s.id LIMIT 1
       }) AS member
"""

PLACES = """
UNWIND $ids AS id
MATCH (:%(label)s {id: id})-[:IN]->(c:Cluster)
RETURN id, c.id
"""

OWN = """
UNWIND $ids AS id
MATCH (s:%(label)s {id: id})-[:USED]->(i:Identifier) WHERE i.kind IN $telling
WITH id, COUNT { (i)<-[:USED]-() } AS holders
RETURN id, count(CASE WHEN holders = 1 THEN 1 END), count(CASE WHEN holders > 1 THEN 1 END)
"""


class Use(NamedTuple):
    """A use of the value of that key: the days of the first and the last time (None: not known), and how often."""

    key: str
    first: float | None
    last: float | None
    times: int


class Around(NamedTuple):
    """A subject: the day it was opened (None: not known), how many telling identifiers nobody else uses, its cluster if
    it is in one, what it uses with others, and the organisations it belongs to."""

    id: str
    created: float | None
    own: int
    cluster: str | None
    uses: list[Use]
    declared: list[dict[str, Any]]


class Holder(NamedTuple):
    """Who uses a value: its name (`account:ID`), its cluster, the days it was opened and of its use, and how often."""

    subject: str
    cluster: str | None
    created: float | None
    first: float | None
    last: float | None
    times: int


class Value(NamedTuple):
    """An identifier: what the last resolution found its holders to add and in how many clusters they were (None: not
    weighed), who uses it, and, where it is crowded, how many members of which clusters instead."""

    kind: str
    value: str
    class_bits: float | None
    crowded: bool
    clusters: int | None
    holders: list[Holder]
    pools: dict[str, int]

    @property
    def in_clusters(self) -> set[str]:
        """The clusters that its holders are in."""
        return {holder.cluster for holder in self.holders if holder.cluster} | set(self.pools)


class Neighbourhood:
    """What stands around subjects, as one transaction finds it: what is asked one after the other is asked of one state
    of the graph, and each question is one message there and back."""

    def __init__(self, transaction: neo4j.ManagedTransaction) -> None:
        self._transaction = transaction

    def around(
        self, label: str, ids: Sequence[str], loud: Mapping[str, int], others: int, telling: Sequence[str]
    ) -> list[Around]:
        """What is known around subjects of a label; those that are not in the graph are left out.

        `loud`: by kind (`others`: any other) in how many clusters the holders of an identifier may be to be looked at.
        """
        rows = self._ask(
            AROUND % {"label": label}, ids=list(ids), loud=dict(loud), others=others, telling=list(telling)
        )
        return [
            Around(id_, created, own, cluster, [Use(*use) for use in uses], declared)
            for id_, created, own, cluster, uses, declared in rows
        ]

    def values(self, keys: Sequence[str]) -> dict[str, Value]:
        """The identifiers of these keys."""
        return {
            key: Value(kind, value, bits, crowded, clusters, [Holder(*holder) for holder in holders], dict(pools))
            for key, kind, value, bits, crowded, clusters, holders, pools in self._ask(
                VALUES, keys=list(keys), crowded=CROWDED
            )
        }

    def groups(self, ids: Sequence[str]) -> list[list[Any]]:
        """Id, size, and mean and standard deviation of the sign-ups in days of the live ones of these clusters."""
        return self._ask(GROUPS, ids=list(ids))

    def clusters(self, ids: Sequence[str]) -> list[dict[str, Any]]:
        """What is published of the live ones of these clusters, each with `member`, the name of one of its members."""
        return self._transaction.run(CLUSTERS, ids=list(ids)).data()

    def places(self, label: str, ids: Sequence[str]) -> list[list[str]]:
        """Id and cluster of those subjects of a label that are in one."""
        return self._ask(PLACES % {"label": label}, ids=list(ids))

    def own(self, label: str, ids: Sequence[str], telling: Sequence[str]) -> list[list[Any]]:
        """Id, and how many telling identifiers the subject has for itself, and how many with others."""
        return self._ask(OWN % {"label": label}, ids=list(ids), telling=list(telling))

    def _ask(self, cypher: str, **parameters: Any) -> list[list[Any]]:
        return self._transaction.run(cypher, parameters).values()
