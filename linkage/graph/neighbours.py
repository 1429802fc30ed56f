"""What stands around subjects of whom something new is known: who else uses what they use, and in which clusters.

Read by threads that write too, so these reads are synchronous, unlike those of the API. Hubs are counted, not walked:
how many hold an identifier is known to its node, and of a crowded one only the clusters that it ties are read.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import neo4j

#: An identifier with more holders than this is crowded: its holders are not walked.
CROWDED = 300

#: All in one question, since each costs milliseconds whatever it asks: the subjects, the values that they share, those
#: who hold these, and the clusters of all. What is asked is one parameter: Neo4j plans anew for every size (none, one,
#: ten, a hundred) of each list that it is given, and this plan takes half a second.
AROUND = """
UNWIND $asked.ids AS id
MATCH (s:%(label)s {id: id})
CALL (s) {
  MATCH (s)-[u:USED]->(i:Identifier)
  WITH u, i, COUNT { (i)<-[:USED]-() } AS holders
  WITH u, i, holders,
       holders > 1 AND coalesce(i.holder_clusters, holders) <= coalesce($asked.loud[i.kind], $asked.others) AS tells
  RETURN count(CASE WHEN holders = 1 AND i.kind IN $asked.telling THEN 1 END) AS own,
         collect(CASE WHEN tells THEN [i.key, coalesce(u.first_seen, u.last_seen).epochSeconds / 86400.0,
                      coalesce(u.last_seen, u.first_seen).epochSeconds / 86400.0, u.count] END) AS uses,
         collect(CASE WHEN tells THEN i END) AS shared
}
CALL (s) {
  MATCH (s)-[:MEMBER_OF]->(o:Organisation)
  WITH o, COUNT { (o)<-[:MEMBER_OF]-() } AS members, head([(o)-[:IN]->(c) | c]) AS c
  RETURN collect({id: o.id, attributes: o.attributes, members: members, cluster: c.id}) AS declared,
         collect(c) AS theirs
}
WITH s, own, uses, shared, declared, theirs, head([(s)-[:IN]->(c) | c]) AS c
WITH collect([s.id, s.created_at.epochSeconds / 86400.0, own, c.id, uses, declared]) AS around,
     collect(shared) AS shared, collect(c) AS clusters, collect(theirs) AS theirs
CALL (shared) {
  UNWIND shared AS some
  UNWIND some AS i
  WITH DISTINCT i WHERE NOT i.key IN $asked.known
  WITH i, COUNT { (i)<-[:USED]-() } AS holders
  CALL (i, holders) {
    WITH i, holders WHERE holders <= $asked.crowded
    MATCH (i)<-[o:USED]-(t)
    WITH holders, o, t, head([(t)-[:IN]->(c) | c]) AS c
    RETURN collect([CASE WHEN t:Account THEN 'account:' ELSE 'organisation:' END + t.id, c.id,
                    t.created_at.epochSeconds / 86400.0, coalesce(o.first_seen, o.last_seen).epochSeconds / 86400.0,
                    coalesce(o.last_seen, o.first_seen).epochSeconds / 86400.0, o.count,
                    CASE WHEN holders <= $asked.few THEN [
                      COUNT { (t)-[:USED]->(x:Identifier)
                              WHERE x.kind IN $asked.telling AND COUNT { (x)<-[:USED]-() } = 1 },
                      COUNT { (t)-[:USED]->(x:Identifier)
                              WHERE x.kind IN $asked.telling AND COUNT { (x)<-[:USED]-() } > 1 }
                    ] END]) AS named, collect(DISTINCT c) AS among
  }
  CALL (i, holders) {
    WITH i, holders WHERE holders > $asked.crowded
    MATCH (i)<-[e:EVIDENCED_BY]-(c:Cluster) WHERE c.size > 0
    RETURN collect([c.id, coalesce(e.members, 1)]) AS pools, collect(c) AS pooled
  }
  RETURN collect([i.key, i.kind, i.value, i.class_bits, holders > $asked.crowded, i.holder_clusters, named,
                  pools]) AS values,
         collect(among + pooled) AS around_values
}
CALL (clusters, theirs, around_values) {
  UNWIND [clusters] + theirs + around_values AS some
  UNWIND some AS c
  WITH DISTINCT c WHERE c.size > 0
  RETURN collect([c.id, c.size, c.opened_mean, c.opened_spread]) AS groups
}
RETURN around, values, groups
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
    """Who uses a value: its name (`account:ID`), its cluster, the days it was opened and of its use, and how often;
    where few use it, also how many telling identifiers it has for itself, and how many with others."""

    subject: str
    cluster: str | None
    created: float | None
    first: float | None
    last: float | None
    times: int
    own: list[int] | None


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


class Size(NamedTuple):
    """How large a live cluster is, and mean and standard deviation of its members' sign-ups in days."""

    size: int
    opened: float | None
    spread: float | None


class Seen(NamedTuple):
    """What stands around some subjects: they themselves, the identifiers that they share by key, the clusters by id."""

    subjects: list[Around]
    values: dict[str, Value]
    clusters: dict[str, Size]


class Neighbourhood:
    """What stands around subjects, as one transaction finds it: what is asked one after the other is asked of one state
    of the graph, and each question is one message there and back."""

    def __init__(self, transaction: neo4j.ManagedTransaction) -> None:
        self._transaction = transaction

    def around(
        self,
        label: str,
        ids: Sequence[str],
        *,
        loud: Mapping[str, int],
        others: int,
        telling: Sequence[str],
        few: int,
        known: Collection[str],
    ) -> Seen:
        """What stands around subjects of a label; those that are not in the graph are left out.

        `loud`: by kind (`others`: any other) in how many clusters the holders of an identifier may be to be looked at.
        `telling`: the kinds that tell by what one has for oneself, which is counted for holders of identifiers with so
        `few` of them. Of the identifiers that are `known` by their keys nothing is told again.
        """
        asked = {
            "ids": list(ids),
            "loud": dict(loud),
            "others": others,
            "telling": list(telling),
            "few": few,
            "known": list(known),
            "crowded": CROWDED,
        }
        ((around, values, clusters),) = self._ask(AROUND % {"label": label}, asked=asked)
        return Seen(
            [
                Around(id_, created, own, cluster, [Use(*use) for use in uses], declared)
                for id_, created, own, cluster, uses, declared in around
            ],
            {
                key: Value(kind, value, bits, crowded, within, [Holder(*holder) for holder in holders], dict(pools))
                for key, kind, value, bits, crowded, within, holders, pools in values
            },
            {id_: Size(*about) for id_, *about in clusters},
        )

    def clusters(self, ids: Sequence[str]) -> list[dict[str, Any]]:
        """What is published of the live ones of these clusters, each with `member`, the name of one of its members."""
        return self._transaction.run(CLUSTERS, ids=list(ids)).data()

    def places(self, label: str, ids: Sequence[str]) -> list[list[str]]:
        """Id and cluster of those subjects of a label that are in one."""
        return self._ask(PLACES % {"label": label}, ids=list(ids))

    def _ask(self, cypher: str, **parameters: Any) -> list[list[Any]]:
        return self._transaction.run(cypher, parameters).values()
