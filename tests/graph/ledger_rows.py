"""Small ledgers in memory: tables of rows for projecting, and views of them for comparing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import pyarrow as pa

from linkage.graph.projection import PROJECTED, PUBLICATIONS, REVIEWS, Projector, Publication, Review
from linkage.ledger.tables import TABLES
from linkage.model import Decision, End, Judgement, Subject
from linkage.model.decision import cluster_end

START = datetime(2026, 3, 1, tzinfo=UTC)
_LAST = "QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY place DESC) = 1"


def at(hours: float) -> datetime:
    """A moment, in hours after the beginning."""
    return START + timedelta(hours=hours)


def table(name: str, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Rows of a ledger table; columns that are not given are null."""
    return pa.Table.from_pylist([dict(row) for row in rows], schema=TABLES[name].schema)


@dataclass(frozen=True)
class Version:
    """One version of a table, as the ledger hands it over."""

    table: str
    version: int
    rows: pa.Table
    batch: int = 1_000

    @property
    def batches(self) -> Iterator[pa.RecordBatch]:
        yield from self.rows.to_batches(max_chunksize=self.batch)


@dataclass
class Story:
    """What a ledger took, version by version."""

    versions: list[Version] = field(default_factory=list)

    def add(self, name: str, rows: Sequence[Mapping[str, Any]] | pa.Table) -> Story:
        """Append a version to a table."""
        number = sum(version.table == name for version in self.versions)
        content = rows if isinstance(rows, pa.Table) else table(name, rows)
        self.versions.append(Version(name, number, content))
        return self

    def publish(self, resolution_id: str, hours: float, **tables: Sequence[Mapping[str, Any]]) -> Story:
        """Append what a resolution says, that it is published last."""
        for name, rows in tables.items():
            told = {"told_by": resolution_id} if name == "clusters" else {}
            self.add(name, [{"publication_id": resolution_id, **told, **row} for row in rows])
        times = {"started_at": at(hours), "finished_at": at(hours + 0.1)}
        self.add("resolutions", [{"resolution_id": resolution_id, "model_version": "1", "summary": "{}", **times}])
        row = {"publication_id": resolution_id, "kind": "resolution", "at": at(hours + 0.1)}
        return self.add(PUBLICATIONS, [row])

    def project(self, projector: Projector) -> None:
        """Bring into the graph what is not there yet, as the service does."""
        reached = projector.reached()
        for name in PROJECTED:
            for version in self.versions:
                if version.table == name and version.version > reached.get(name, -1):
                    if name == PUBLICATIONS:
                        projector.publish(self.publication(version))
                    elif name == REVIEWS:
                        projector.review(Review(version.version, version.rows, self.rows("resolutions")))
                    else:
                        projector.apply(version)
        projector.settle()

    def rows(self, name: str) -> pa.Table:
        """All rows of a table, in order."""
        return pa.concat_tables(
            [TABLES[name].schema.empty_table(), *(v.rows for v in self.versions if v.table == name)]
        )

    def publication(self, version: Version) -> Publication:
        """One publication with all of its rows."""
        (publication_id,) = version.rows["publication_id"].to_pylist()
        names = ("memberships", "clusters", "lineage", "evidence", "merges", "identifiers")
        chosen = {name: _of(self.rows(name), "publication_id", publication_id) for name in names}
        resolutions = _of(self.rows("resolutions"), "resolution_id", publication_id)
        return Publication(version.version, version.rows, resolutions, **chosen)

    def views(self) -> tuple[duckdb.DuckDBPyConnection, dict[str, str]]:
        """A connection with the tables as views, and the SQL of what holds now."""
        connection = duckdb.connect()
        for name in TABLES:
            rows = self.rows(name)
            placed = rows.append_column("place", pa.array(range(rows.num_rows), pa.int64()))
            connection.register(f"{name}_placed", placed)
            connection.execute(f"CREATE TEMP VIEW {name} AS SELECT * EXCLUDE (place) FROM {name}_placed")
        clusters = f"SELECT * FROM (FROM clusters_placed {_LAST.format(key='cluster_id')}) WHERE size > 0"
        last = {name: _LAST.format(key=key) for name, key in _KEYS.items()}
        alive = "WHERE cluster_id IS NOT NULL"
        now = {
            "observations": "FROM observations",
            "accounts": f"FROM accounts_placed {last['accounts']}",
            "organisations": f"FROM organisations_placed {last['organisations']}",
            "retractions": "FROM retractions",
            "memberships": f"SELECT * FROM (FROM memberships_placed {last['memberships']}) {alive}",
            "identifiers": f"SELECT * FROM (FROM identifiers_placed {last['identifiers']}) WHERE holders > 1",
            "clusters": clusters,
            "reviews": f"FROM reviews_placed {last['reviews']}",
            "evidence": f"SELECT e.* FROM evidence AS e SEMI JOIN ({clusters}) AS c "
            "ON c.cluster_id = e.cluster_id AND c.told_by = e.publication_id",
        }
        return connection, now


_KEYS = {
    "accounts": "account_id",
    "organisations": "organisation_id",
    "memberships": "subject_type, subject_id",
    "identifiers": "kind, value",
    "reviews": "resolution_id",
}


def _of(rows: pa.Table, key: str, identity: str) -> pa.Table:
    chosen = [row for row in rows.to_pylist() if row[key] == identity]
    return pa.Table.from_pylist(chosen, schema=rows.schema)


_A1, _A3 = Subject.account("a1"), Subject.account("a3")
#: The decisions of the story: one on two subjects that stands, one on a group that was taken back.
APART = Decision(End.of(_A1), End.of(_A3), Judgement.DIFFERENT, "eve", decided_at=at(7))
GROUPED = Decision(cluster_end("c1", [_A1, Subject.account("a2")]), End.of(_A3), Judgement.SAME, "eve")


def told(decisions: Sequence[Decision]) -> pa.Table:
    """Decisions as rows of the ledger."""
    return table("decisions", [decision.row for decision in decisions])


def small_story() -> Story:
    """Three accounts, two of them sharing a card, one organisation, two resolutions, decisions, usage, late facts."""
    use = {"kind": "payment_method", "value": "fp_1"}
    member = {"subject_type": "account", "confidence": 0.9}
    story = Story()
    story.add("organisations", [{"organisation_id": "o1", "name": "Acme"}])
    story.add(
        "accounts",
        [
            {"account_id": "a1", "created_at": at(0), "organisation_id": "o1", "status": "trial"},
            {"account_id": "a1", "created_at": at(0), "organisation_id": "o1", "status": "active", "plan": "pro"},
            {"account_id": "a2", "created_at": at(1.5), "organisation_id": "o2"},
        ],
    )
    story.add("accounts", [{"account_id": "a1", "organisation_id": "o2", "status": "closed"}])
    story.add(
        "observations",
        [
            {"subject_type": "account", "subject_id": "a1", **use, "first_seen": at(2), "last_seen": at(3), "count": 2},
            {
                "subject_type": "account",
                "subject_id": "a1",
                **use,
                "first_seen": at(1),
                "last_seen": None,
                "count": None,
            },
            {"subject_type": "account", "subject_id": "a2", **use, "first_seen": None, "last_seen": None, "count": 1},
            {"subject_type": "account", "subject_id": "a3", "kind": "odd_thing", "value": "x" * 5_000, "count": 1},
            {"subject_type": "organisation", "subject_id": "o1", **use, "first_seen": at(-1e6), "count": 1},
        ],
    )
    story.add(
        "observations",
        [
            {
                "subject_type": "account",
                "subject_id": "a1",
                **use,
                "first_seen": at(0.25),
                "last_seen": at(9),
                "count": 5,
            }
        ],
    )
    hour = {"model": "m", "endpoint": "e", "requests": 3, "input_tokens": 10, "output_tokens": 5}
    story.add(
        "usage", [{"account_id": "a1", "window_start": at(5), **hour}, {"account_id": "a4", "window_start": at(6)}]
    )
    story.add("usage", [{"account_id": "a1", "window_start": at(4), **hour}])
    story.add("decisions", told([APART]))
    story.add("decisions", told([GROUPED]))
    story.add("retractions", [{"decision_id": GROUPED.id, "author": "ann", "reason": "a slip", "retracted_at": at(8)}])
    cluster = {"accounts": 2, "organisations": 0, "created_at": at(8), "confidence": 0.9, "weakest": '{"bits": 3.5}'}
    evidence = {**use, "bits": 9.0, "full_bits": 11.0, "members": 2, "holders": 3, "holder_clusters": 2}
    story.publish(
        "r1",
        8,
        identifiers=[{**use, "holders": 3, "holder_clusters": 2, "sharing_class": "household"}],
        clusters=[{"cluster_id": "c1", "size": 2, **cluster}],
        memberships=[
            {"subject_id": "a1", "cluster_id": "c1", **member},
            {"subject_id": "a2", "cluster_id": "c1", **member},
        ],
        evidence=[{"cluster_id": "c1", **evidence}],
        lineage=[{"at": at(8), "event": "born", "cluster_id": "c1", "members": 2}],
    )
    return story.publish(
        "r2",
        10,
        identifiers=[{**use, "holders": 1, "holder_clusters": 1}],
        clusters=[
            {"cluster_id": "c1", "size": 0, "accounts": 0, "organisations": 0},
            {"cluster_id": "c2", "size": 2, **cluster},
        ],
        memberships=[
            {"subject_id": "a1", "cluster_id": "c2", **member},
            {"subject_id": "a2", "cluster_id": None},
            {"subject_type": "organisation", "subject_id": "o1", "cluster_id": "c2", "confidence": 0.7},
        ],
        evidence=[{"cluster_id": "c2", **evidence}],
        lineage=[{"at": at(10), "event": "merged", "cluster_id": "c1", "successor_id": "c2", "members": 1}],
    )
