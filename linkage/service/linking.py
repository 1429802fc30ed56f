"""New facts → links: the subjects of whom something new is known find their place among the clusters as they are.

What comes of it is provisional and published at once, as a publication of kind `link`; the next resolution confirms it
or thinks better of it. Nothing is linked before the first resolution, which weighs what there is, and nothing in bulk:
what a large load brings is a resolution's work.
"""

from __future__ import annotations

import json
import math
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import duckdb
import neo4j
import pyarrow as pa

from linkage.engine.model import Model
from linkage.engine.online import (
    Bridge,
    Fellow,
    Group,
    Newcomer,
    Period,
    Placed,
    Surroundings,
    Used,
    link,
    loudest_crowd,
)
from linkage.graph.connection import Graph
from linkage.graph.neighbours import Around, Holder, Neighbourhood, Use, Value
from linkage.graph.projection import LINKED
from linkage.identity.links import Cluster, Links
from linkage.ledger import Ledger, results
from linkage.ledger.tables import EVIDENCE, MERGES, TABLES
from linkage.model import Decision, PublicationKind
from linkage.service.publishing import publish

#: So many newcomers are looked at together.
TOGETHER = 200
#: Bits that the holders of a value may add to its weight, for who is looked at.
MOST_CLASS_BITS = 2.0
#: Rows of news beyond which nothing is linked before the next resolution.
MOST_NEWS = 50_000
#: Holders up to which those of a value that no resolution has weighed yet are asked what they have of their own.
FEW = 4

Row = Mapping[str, Any]
Apart = Mapping[str, Collection[str]]

_LABELS = {"account": "Account", "organisation": "Organisation"}
_LAST = """
MATCH (r:Resolution {state: 'published'})
RETURN r.summary AS summary, r.versions AS versions ORDER BY r.finished_at DESC, r.id DESC LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Linked:
    """What new facts did: by cluster `born` or `grew`, where those that were looked at are now (those in no cluster are
    left out), the pairs of clusters that were brought near each other, and the rows to be published, by table."""

    publication_id: str = ""
    events: Mapping[str, str] = field(default_factory=dict)
    where: Mapping[str, str] = field(default_factory=dict)
    bridges: Sequence[Bridge] = ()
    rows: Mapping[str, pa.Table] = field(default_factory=dict)


NOTHING = Linked()


@dataclass(frozen=True, slots=True)
class News:
    """What came since clusters were last looked at: subjects (`account:ID`) of whom something new is known, and how
    often each was seen with which value."""

    subjects: frozenset[str]
    seen: Mapping[tuple[str, str, str], int]

    @classmethod
    def of(cls, observations: pa.Table, accounts: pa.Table) -> News:
        """The news in some rows of the ledger's tables."""
        seen: dict[tuple[str, str, str], int] = {}
        names = ("subject_type", "subject_id", "kind", "value", "count")
        for type_, identity, kind, value, count in zip(*(observations[n].to_pylist() for n in names), strict=True):
            pair = (f"{type_}:{identity}", kind, value)
            seen[pair] = seen.get(pair, 0) + (1 if count is None else count)
        opened = (f"account:{identity}" for identity in accounts["account_id"].to_pylist())
        return cls(frozenset((*(subject for subject, _, _ in seen), *opened)), seen)

    def is_new(self, subject: str, kind: str, value: str, count: int) -> bool:
        """Whether a use that was seen so often in all is not older than the news."""
        return self.seen.get((subject, kind, value)) == count


@dataclass(frozen=True, slots=True)
class Scales:
    """What the last resolution found that newcomers are judged by, and the ledger versions that it read."""

    sign_up_span: float
    base_rate_bits: float
    versions: Mapping[str, int]


def scales(graph: Graph) -> Scales | None:
    """The scales of the last resolution in the graph; None where there was none."""
    rows = graph.read(_LAST)
    if not rows:
        return None
    summary = json.loads(rows[0]["summary"] or "{}")
    return Scales(
        sign_up_span=float(summary.get("sign_up_span") or 0.0),
        base_rate_bits=float(summary.get("base_rate_bits") or 0.0),
        versions=json.loads(rows[0]["versions"] or "{}"),
    )


def news_since(ledger: Ledger, linked: Mapping[str, int], reached: Mapping[str, int], read: Mapping[str, int]) -> News:
    """What the graph has (`reached`) and neither links (`linked`) nor the last resolution (`read`) have seen.

    Nobody is named where so much came at once that it is a resolution's work.
    """
    tables = {}
    for table in LINKED:
        schema = TABLES[table].schema
        after = max(linked.get(table, -1), read.get(table, -1))
        batches: list[pa.RecordBatch] = []
        for change in ledger.changes(table, after if after >= 0 else None):
            if change.version > reached.get(table, -1):
                break
            batches.extend(change.batches)
            if sum(batch.num_rows for batch in batches) > MOST_NEWS:
                return News(frozenset(), {})
        tables[table] = pa.Table.from_batches(batches, schema)
    return News.of(tables["observations"], tables["accounts"])


def kept_apart(ledger: Ledger) -> Apart:
    """By subject (`account:ID`) those of the other sides of the decisions `different` that count."""
    apart: dict[str, set[str]] = {}
    with duckdb.connect() as connection:
        ledger.snapshot().register(connection)
        rows = connection.sql(f"FROM ({results.decisions_now()}) WHERE judgement = 'different'").to_arrow_table()
    for decision in map(Decision.of, rows.to_pylist()):
        left, right = ({str(member) for member in end.members} for end in (decision.left, decision.right))
        for side, other in ((left, right), (right, left)):
            for member in side:
                apart.setdefault(member, set()).update(other - side)
    return apart


def find_links(
    graph: Graph, model: Model, waiting: Sequence[Sequence[str]], news: News, found: Scales, apart: Apart
) -> tuple[Linked, list[set[str]]]:
    """Find where subjects belong, and who should be looked at again since they were placed; to be called while nobody
    else publishes. Both are by distance from the news: those of whom there is news, whom these touch, and so on.
    """

    def look_around(transaction: neo4j.ManagedTransaction) -> tuple[Linked, list[set[str]]]:
        linking = _Linking(Neighbourhood(transaction), model, news, found, apart)
        ripples = []
        for subjects in waiting:
            parts = (subjects[start : start + TOGETHER] for start in range(0, len(subjects), TOGETHER))
            ripples.append(set[str]().union(*map(linking.look_at, parts)))
        return linking.result(), ripples

    return graph.transaction(look_around, mode="read")


def publish_links(ledger: Ledger, linked: Linked) -> None:
    """Write what was found to the ledger and let it hold."""
    for table, rows in linked.rows.items():
        ledger.append(table, rows)
    publish(ledger, linked.publication_id, PublicationKind.LINK)


class _Linking:
    """One publication of links while it is being gathered: the graph as it is, and what was placed on top of it."""

    def __init__(self, neighbourhood: Neighbourhood, model: Model, news: News, found: Scales, apart: Apart) -> None:
        self.neighbourhood, self.model, self.news, self.scales, self.apart = neighbourhood, model, news, found, apart
        self.links = Links(f"ln_{uuid.uuid4().hex}", datetime.now(UTC))
        self.loud = {name: loudest_crowd(kind, model.prior.bits, MOST_CLASS_BITS) for name, kind in model.kinds.items()}
        self.loud_other = loudest_crowd(model.unknown, model.prior.bits, MOST_CLASS_BITS)
        self.values: dict[str, Value] = {}
        self.groups: dict[str, Group] = {}
        self.members: dict[str, str] = {}
        self.moved: dict[str, str] = {}
        self.where: dict[str, str] = {}
        self.placed: list[tuple[str, Placed]] = []
        self.bridges: list[Bridge] = []

    def look_at(self, subjects: Sequence[str]) -> set[str]:
        """Place some subjects; returns who else should be looked at."""
        rows = {
            f"{type_}:{row.id}": row
            for type_, label in _LABELS.items()
            if (ids := _ids(subjects, type_))
            for row in self._around(label, ids)
        }
        self.where |= {subject: row.cluster for subject, row in rows.items() if row.cluster}
        for subject, row in rows.items():
            self._declare(subject, row)
        newcomers = self._as_now(rows)
        own = self._own(rows)
        surroundings = self._surroundings(newcomers, own, self._barred(rows))
        outcome = link(surroundings, self.model)
        refused = self._refused_before(rows, own, {placed.subject for placed in outcome.placed})
        if refused:
            outcome = link(surroundings, self.model, refused)
        self._learn_clusters(placed.cluster for placed in outcome.placed)
        created = {newcomer.subject: newcomer.created for newcomer in newcomers}
        for placed in outcome.placed:
            self._join(placed, created[placed.subject])
        self.bridges += outcome.bridges
        return set(outcome.ripples)

    # -- what is around

    def _around(self, label: str, ids: Sequence[str]) -> list[Around]:
        """Read what stands around subjects of a label; values and clusters that were read before stay as they are."""
        seen = self.neighbourhood.around(
            label,
            ids,
            loud=self.loud,
            others=self.loud_other,
            telling=self.model.telling_kinds,
            few=FEW,
            known=self.values,
        )
        self.values |= seen.values
        for identity, (size, opened, spread) in seen.clusters.items():
            self.groups.setdefault(identity, Group(size, _known(opened), spread or 0.0))
        return seen.subjects

    def _learn_clusters(self, ids: Iterable[str | None]) -> None:
        """Read all of the clusters that somebody is put into, of those not known yet."""
        grown = {identity for identity in ids if identity is not None and identity not in self.links.clusters}
        for row in self.neighbourhood.clusters(sorted(grown)) if grown else ():
            self.members[row["id"]] = row["member"]
            self.links.clusters[row["id"]] = _cluster(row)

    def _refused_before(
        self, rows: Mapping[str, Around], own: Mapping[str, tuple[int, int]], placed: Collection[str]
    ) -> set[str]:
        """Who would have been placed without the news: a resolution has seen that, and knows more than is seen here.

        Nobody where that does not matter: where none of those that are `placed` used anything with others before.
        """
        if all(self._is_new(subject, use) for subject in placed for use in rows[subject].uses):
            return set()
        known = self._without_news(rows)
        refused = {found.subject for found in link(self._surroundings(known, own), self.model).placed}
        return refused if refused & set(placed) else set()

    def _barred(self, subjects: Iterable[str]) -> dict[str, set[str]]:
        """By subject whom and which clusters decisions keep it apart from, as things are now."""
        barred = {subject: set(self.apart[subject]) for subject in subjects if subject in self.apart}
        others = sorted(set().union(*barred.values()))
        places = {
            f"{type_}:{identity}": cluster
            for type_, label in _LABELS.items()
            if (ids := _ids(others, type_))
            for identity, cluster in self.neighbourhood.places(label, ids)
        } | self.moved
        for subject, kept in barred.items():
            kept.update([places[other] for other in self.apart[subject] if other in places])
        return barred

    def _surroundings(
        self,
        newcomers: Sequence[Newcomer],
        own: Mapping[str, tuple[int, int]],
        barred: Mapping[str, Collection[str]] = MappingProxyType({}),
    ) -> Surroundings:
        found = self.scales
        return Surroundings(newcomers, self.groups, own, barred, found.sign_up_span, found.base_rate_bits)

    def _as_now(self, rows: Mapping[str, Around]) -> list[Newcomer]:
        """Subjects as they are now, with what was found so far."""
        moved = self.moved
        fellows = {
            key: tuple(_fellow(holder, moved.get(holder.subject, holder.cluster)) for holder in value.holders)
            for key, value in self._values_of(rows).items()
        }
        return [
            self._newcomer(subject, row, moved.get(subject, row.cluster), row.uses, fellows)
            for subject, row in rows.items()
        ]

    def _without_news(self, rows: Mapping[str, Around]) -> list[Newcomer]:
        """Those of the subjects that used anything with others before the news, as they were then."""
        is_new = self.news.is_new
        fellows = {
            key: tuple(
                _fellow(holder, holder.cluster)
                for holder in value.holders
                if not is_new(holder.subject, value.kind, value.value, holder.times)
            )
            for key, value in self._values_of(rows).items()
        }
        before = (
            self._newcomer(
                subject, row, row.cluster, [use for use in row.uses if not self._is_new(subject, use)], fellows
            )
            for subject, row in rows.items()
        )
        return [newcomer for newcomer in before if newcomer.uses]

    def _is_new(self, subject: str, use: Use) -> bool:
        value = self.values[use.key]
        return self.news.is_new(subject, value.kind, value.value, use.times)

    def _values_of(self, rows: Mapping[str, Around]) -> dict[str, Value]:
        return {use.key: self.values[use.key] for row in rows.values() for use in row.uses}

    def _newcomer(
        self, subject: str, row: Around, cluster: str | None, uses: Iterable[Use],
        fellows: Mapping[str, tuple[Fellow, ...]],
    ) -> Newcomer:  # fmt: skip
        """A subject with those of its uses of which others are known."""
        used = (_used(use, self.values[use.key], fellows[use.key]) for use in uses)
        shared = tuple(use for use in used if use.clusters or any(one.subject != subject for one in use.fellows))
        return Newcomer(subject, cluster, _known(row.created), row.own, shared)

    def _own(self, rows: Mapping[str, Around]) -> dict[str, tuple[int, int]]:
        """What fellows have of their own, where a pair with one of them may be judged."""
        return {
            holder.subject: (holder.own[0], holder.own[1])
            for value in self._values_of(rows).values()
            for holder in value.holders
            if holder.own is not None and holder.subject not in rows
        }

    # -- what comes of it

    def _declare(self, subject: str, row: Around) -> None:
        """A member that a closed organisation declares belongs to it, whatever it shares."""
        if self.moved.get(subject, row.cluster) is not None or subject in self.apart:
            return
        for organisation in row.declared:
            attributes = json.loads(organisation["attributes"] or "{}")
            if self.model.organisations.closed(attributes, int(organisation["members"])):
                fellow, sure = f"organisation:{organisation['id']}", self.model.confidence.stated
                cluster = self.moved.get(fellow, organisation["cluster"])
                self._learn_clusters([cluster])
                placed = Placed(subject, cluster, fellow, math.inf, sure, sure if cluster is None else None, ())
                self._join(placed, _known(row.created))

    def _join(self, placed: Placed, created: float) -> None:
        cluster = placed.cluster or self.moved.get(placed.fellow)
        identity = self.links.join(placed.subject, cluster, placed.fellow, placed.confidence, placed.fellow_confidence)
        self.moved[placed.subject] = identity
        if cluster is None:
            self.moved[placed.fellow] = identity
            self.members[identity] = placed.fellow
        before = self.groups.get(identity, Group(1, created, 0.0))
        self.groups[identity] = before._replace(size=before.size + 1)
        self.placed.append((identity, placed))

    def result(self) -> Linked:
        """What was found, as rows to publish."""
        links = self.links
        if not len(links):
            return Linked(links.publication_id, where=self.where, bridges=tuple(self.bridges))
        events = {cluster.id: "born" if cluster.born else "grew" for cluster in links.touched}
        tables = {
            "memberships": links.memberships(),
            "clusters": links.cluster_rows(),
            "lineage": links.lineage(),
            "merges": self._merges(),
            "evidence": self._evidence(),
        }
        rows = {name: table for name, table in tables.items() if table.num_rows}
        return Linked(links.publication_id, events, self.where | self.moved, tuple(self.bridges), rows)

    def _merges(self) -> pa.Table:
        """The dendrogram's new steps: each newcomer joins a member of its cluster."""
        size = {cluster.id: cluster.size for cluster in self.links.touched}
        for identity, _ in self.placed:
            size[identity] -= 1
        rows = []
        for identity, placed in self.placed:
            stated = math.isinf(placed.bits)
            bits = None if stated else placed.bits
            odds = placed.bits + self.model.prior.bits
            size[identity] += 1
            rows.append(
                {
                    "publication_id": self.links.publication_id,
                    "cluster_id": identity,
                    "round": 0 if stated else 1,
                    "left": placed.fellow or self.members[identity],
                    "right": placed.subject,
                    "left_size": size[identity] - 1,
                    "right_size": 1,
                    "bits": bits,
                    "posterior": 1.0 if stated else 1 / (1 + 2**-odds),
                    "evidence": json.dumps(
                        [{"stated": "declared"}] if stated else [asdict(piece) for piece in placed.pieces]
                    ),
                }
            )
        return pa.Table.from_pylist(rows, schema=MERGES.schema)

    def _evidence(self) -> pa.Table:
        """What holds the clusters together that were born."""
        born = {cluster.id for cluster in self.links.touched if cluster.born}
        held: dict[tuple[str, str, str], dict[str, Any]] = {}
        for identity, placed in self.placed:
            if identity not in born:
                continue
            for piece in placed.pieces:
                if not piece.value:
                    continue
                row = held.setdefault(
                    (identity, piece.kind, piece.value),
                    {
                        "publication_id": self.links.publication_id,
                        "cluster_id": identity,
                        "kind": piece.kind,
                        "value": piece.value,
                        "bits": piece.bits,
                        "full_bits": piece.full_bits,
                        "members": 1,
                        "holders": piece.holder_clusters,
                        "holder_clusters": piece.holder_clusters,
                        "reason": "linked since the last resolution",
                    },
                )
                row["members"] += 1
                row["bits"] = max(row["bits"], piece.bits)
        return pa.Table.from_pylist(list(held.values()), schema=EVIDENCE.schema)


def _fellow(holder: Holder, cluster: str | None) -> Fellow:
    return Fellow(holder.subject, cluster, _known(holder.created), _period(holder.first, holder.last))


def _used(use: Use, value: Value, fellows: tuple[Fellow, ...]) -> Used:
    """A value that a newcomer uses; all that use it share its fellows."""
    clusters = max(value.clusters or 2, 2) if value.crowded else 0
    period = _period(use.first, use.last)
    return Used(value.kind, value.value, period, clusters, value.class_bits, fellows, value.pools)


def _ids(subjects: Sequence[str], type_: str) -> list[str]:
    return [one.partition(":")[2] for one in subjects if one.startswith(f"{type_}:")]


def _cluster(row: Row) -> Cluster:
    return Cluster(
        id=row["id"],
        size=row["size"],
        accounts=row["accounts"] or 0,
        organisations=row["organisations"] or 0,
        confidence=row["confidence"] or 0.0,
        created_at=datetime.fromtimestamp(row["created_s"], UTC).replace(microsecond=row["created_us"]),
        weakest=row["weakest"],
        told_by=row["told_by"] or "",
    )


def _known(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _period(first: float | None, last: float | None) -> Period:
    return Period() if first is None or last is None else Period(first, last)
