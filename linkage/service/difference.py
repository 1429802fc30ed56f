"""What a resolution would change of what holds now: the rows to publish, and a report for whoever decides on it.

The engine ran on a snapshot. What was published since is newer than what it saw, and keeps its place: see
`linkage.identity.carrying`. So a difference is only good while nobody else publishes: make it and publish it under the
lock of publishers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb
import pyarrow as pa

from linkage.engine.resolve import Resolution
from linkage.identity import Published, assign, carry_over
from linkage.ledger import Ledger, results
from linkage.ledger.tables import EVIDENCE, IDENTIFIERS, MERGES
from linkage.service.churn import Background, background, changes_of_known

#: So many of the clusters that change most are named in a report.
LARGEST_CHANGES = 10


@dataclass(frozen=True, slots=True)
class Found:
    """What the engine found, and on what: all that it takes to publish it, at once or when a person approved it.

    `versions` are those of the ledger's tables that were read; `publications` stands for what had been published when
    the facts were read.
    """

    resolution_id: str
    started_at: datetime
    finished_at: datetime
    model_version: str
    versions: dict[str, int]
    resolution: Resolution


@dataclass(frozen=True, slots=True)
class Difference:
    """Rows of each table of results, and what they mean for readers."""

    rows: dict[str, pa.Table]
    lineage: dict[str, int]
    report: dict[str, Any]

    @property
    def memberships_changed(self) -> int:
        """Rows of memberships, those that only confirm a place or its confidence too."""
        return self.rows["memberships"].num_rows


@dataclass(frozen=True, slots=True)
class Groundwork:
    """What takes long and can be made ready while others still publish."""

    last: tuple[str, str, str] | None
    background: Background | None
    identifiers: pa.Table


def prepare(ledger: Ledger, found: Found, *, memory_limit: str) -> Groundwork:
    """Make ready what `difference` needs."""
    with _now(ledger, found, memory_limit) as connection:
        rows = connection.execute(
            f"SELECT resolution_id, versions, model_version FROM ({results.last_resolution()})"
        ).fetchall()
        last = rows[0] if rows else None
        connection.register("resolved_identifiers", found.resolution.identifiers)
        identifiers = connection.sql(_identifiers_moved(), params=[found.resolution_id]).to_arrow_table()
    return Groundwork(last, background(ledger, last[1] if last else None), identifiers.cast(IDENTIFIERS.schema))


def difference(ledger: Ledger, found: Found, ready: Groundwork, *, memory_limit: str) -> Difference:
    """Lay what was found beside what holds now."""
    resolution = found.resolution
    with _now(ledger, found, memory_limit) as connection:
        previous = connection.sql(results.memberships_now()).to_arrow_table()
        clusters = connection.sql(results.clusters_now()).to_arrow_table()
        current = _carried(connection, previous, resolution.memberships)
        published = assign(
            previous,
            clusters,
            current,
            publication_id=found.resolution_id,
            at=found.started_at,
            weakest=resolution.weakest,
        )
        for name, table in (
            ("held", previous),
            ("held_clusters", clusters),
            ("placed", current),
            ("changed_labels", published.changed),
            ("named_labels", published.labels),
            ("moved_identifiers", ready.identifiers),
        ):
            connection.register(name, table)
        rows = {
            "memberships": published.memberships,
            "clusters": published.clusters,
            "lineage": published.lineage,
            "evidence": _evidence(connection, resolution.evidence, found.resolution_id),
            "merges": _merges(connection, resolution.merges, found.resolution_id),
            "identifiers": connection.sql(_identifiers_older()).to_arrow_table().cast(IDENTIFIERS.schema),
        }
        lineage = {event: count for event, count in Counter(published.lineage["event"].to_pylist()).items() if event}
        return Difference(rows, lineage, _report(connection, found, ready, published, lineage))


@contextmanager
def _now(ledger: Ledger, found: Found, memory_limit: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """What holds now; and `since`, the publications of others that came after the facts were read."""
    with duckdb.connect(config={"memory_limit": memory_limit}) as connection:
        ledger.snapshot().register(connection)
        read = {name: version for name, version in found.versions.items() if name == "publications"}
        seen = ledger.snapshot(read).sql("publications")
        connection.execute(
            "CREATE TEMP TABLE since AS SELECT publication_id FROM publications "
            f"WHERE kind <> 'resolution' AND publication_id NOT IN (SELECT publication_id FROM {seen})"
        )
        yield connection


def _carried(connection: duckdb.DuckDBPyConnection, previous: pa.Table, memberships: pa.Table) -> pa.Table:
    """The labels of the resolution, and those who are younger than its facts beside their fellows."""
    connection.execute(f"CREATE TEMP TABLE young AS {_young()}")
    young = connection.sql("FROM young").to_arrow_table()
    apart = connection.sql(_apart()).to_arrow_table()
    if not young.num_rows and not apart.num_rows:
        return memberships.append_column("provisional", pa.nulls(memberships.num_rows, pa.bool_()))
    return carry_over(previous, memberships, young, apart)


def _apart() -> str:
    """Whom decisions hold apart: decision, side, subject."""
    return f"""
    WITH said AS (
        SELECT row_number() OVER () AS decision, "left", "right"
        FROM ({results.decisions_now()}) WHERE judgement = 'different'
    )
    SELECT decision, 0 AS side, "left" AS subject FROM said UNION ALL SELECT decision, 1, "right" FROM said
    """


def _young() -> str:
    """Subjects whose place is not the one that they had when the facts were read."""
    return f"""
    WITH said AS (
        SELECT m.subject_type, m.subject_id, m.cluster_id, p.place, p.publication_id IN (FROM since) AS younger
        FROM memberships AS m JOIN ({results.publications_in_order()}) AS p USING (publication_id)
        SEMI JOIN (SELECT subject_type, subject_id FROM memberships SEMI JOIN since USING (publication_id)) AS s
          ON s.subject_type = m.subject_type AND s.subject_id = m.subject_id
    )
    SELECT subject_type, subject_id FROM said GROUP BY ALL
    HAVING max_by({{'id': cluster_id}}, place) FILTER (NOT younger) IS DISTINCT FROM max_by({{'id': cluster_id}}, place)
       AND (max_by({{'id': cluster_id}}, place) FILTER (NOT younger) IS NOT NULL
            OR max_by({{'id': cluster_id}}, place).id IS NOT NULL)
    """


def _evidence(connection: duckdb.DuckDBPyConnection, evidence: pa.Table, publication_id: str) -> pa.Table:
    """Evidence of the clusters born or changed, and what younger members brought them that the resolution has not."""
    told = _of_changed(connection, evidence, EVIDENCE.schema, publication_id)
    if not _count(connection, "placed WHERE provisional IS NOT NULL"):
        return told
    connection.register("told", told)
    younger = _younger(connection, "evidence", EVIDENCE.schema, publication_id)
    connection.register("younger", younger)
    added = connection.sql("FROM younger ANTI JOIN told USING (cluster_id, kind, value)").to_arrow_table()
    return pa.concat_tables([told, added.cast(EVIDENCE.schema)])


def _merges(connection: duckdb.DuckDBPyConnection, merges: pa.Table, publication_id: str) -> pa.Table:
    """Merges of the clusters born or changed, and those that joined younger members to them.

    Those of members who are elsewhere by now are left out: the next resolution, which has seen why, tells them anew.
    """
    told = _of_changed(connection, merges, MERGES.schema, publication_id)
    if not _count(connection, "placed WHERE provisional IS NOT NULL"):
        return told
    connection.register("told", told)
    connection.register("younger", _younger(connection, "merges", MERGES.schema, publication_id))
    rows: pa.Table = connection.sql(
        """
        WITH members AS (
            SELECT p.subject_type || ':' || p.subject_id AS subject, l.cluster_id,
                   coalesce(p.provisional, false) AS young
            FROM placed AS p JOIN named_labels AS l USING (label)
        )
        SELECT t.* FROM (SELECT *, false AS younger FROM told UNION ALL SELECT *, true FROM younger) AS t
        JOIN members AS a ON a.subject = t."left" AND a.cluster_id = t.cluster_id
        JOIN members AS b ON b.subject = t."right" AND b.cluster_id = t.cluster_id
        WHERE NOT t.younger OR a.young OR b.young
        """
    ).to_arrow_table()
    return rows.select(MERGES.schema.names).cast(MERGES.schema)


def _of_changed(
    connection: duckdb.DuckDBPyConnection, table: pa.Table, schema: pa.Schema, publication_id: str
) -> pa.Table:
    connection.register("resolved", table)
    columns = ", ".join(f'r."{name}"' for name in schema.names if name not in {"publication_id", "cluster_id"})
    rows: pa.Table = connection.sql(
        f"SELECT ? AS publication_id, c.cluster_id, {columns} "
        "FROM resolved AS r JOIN changed_labels AS c USING (label)",
        params=[publication_id],
    ).to_arrow_table()
    connection.unregister("resolved")
    return rows.select(schema.names).cast(schema)


def _younger(connection: duckdb.DuckDBPyConnection, table: str, schema: pa.Schema, publication_id: str) -> pa.Table:
    """Rows of evidence or merges that were published since, under the clusters where those they speak of are told."""
    columns = ", ".join(f't."{name}"' for name in schema.names if name not in {"publication_id", "cluster_id"})
    rows: pa.Table = connection.sql(
        f"""
        WITH homes AS (
            SELECT DISTINCT h.cluster_id AS former, c.cluster_id
            FROM held AS h SEMI JOIN young USING (subject_type, subject_id)
            JOIN placed AS p USING (subject_type, subject_id) JOIN changed_labels AS c ON c.label = p.label
        )
        SELECT ? AS publication_id, h.cluster_id, {columns}
        FROM {table} AS t SEMI JOIN since ON since.publication_id = t.publication_id
        JOIN homes AS h ON h.former = t.cluster_id
        """,
        params=[publication_id],
    ).to_arrow_table()
    return rows.select(schema.names).cast(schema)


def _identifiers_moved() -> str:
    """Identifiers whose holders or class are not what was last published; those no longer shared have one holder.

    Figures alone that a reason tells (days of a stay) move with every fact: they are published when something else is.
    """
    told = "regexp_replace({}.class_reason, '[0-9.,+-]+', '#', 'g')"
    return f"""
    SELECT ? AS publication_id, kind, value, coalesce(now.holders, 1) AS holders,
           coalesce(now.holder_clusters, 1) AS holder_clusters, now.sharing_class,
           now.class_bits, now.class_reason
    FROM resolved_identifiers AS now
    FULL JOIN ({results.identifiers_now()}) AS before USING (kind, value)
    WHERE (now.holders, now.holder_clusters, now.sharing_class, now.class_bits, {told.format("now")})
          IS DISTINCT FROM (before.holders, before.holder_clusters, before.sharing_class, before.class_bits,
                            {told.format("before")})
    """


def _identifiers_older() -> str:
    """Those that nobody published since the facts were read: what was is newer and stays."""
    return (
        "FROM moved_identifiers "
        "ANTI JOIN (SELECT kind, value FROM identifiers SEMI JOIN since USING (publication_id)) USING (kind, value)"
    )


def _report(
    connection: duckdb.DuckDBPyConnection,
    found: Found,
    ready: Groundwork,
    published: Published,
    lineage: dict[str, int],
) -> dict[str, Any]:
    """What would change for readers, in figures."""
    connection.register("published_memberships", published.memberships)
    connection.register("published_clusters", published.clusters)
    connection.execute(
        "CREATE TEMP TABLE moved AS "
        "SELECT subject_type, subject_id, h.cluster_id AS before, p.cluster_id AS after "
        "FROM published_memberships AS p LEFT JOIN held AS h USING (subject_type, subject_id) "
        "WHERE h.cluster_id IS DISTINCT FROM p.cluster_id"
    )
    last, known = ready.last, changes_of_known(connection, ready.background)
    largest = connection.execute(
        f"""
        WITH touched AS (
            SELECT cluster_id, count(*) AS moved
            FROM (SELECT before AS cluster_id FROM moved UNION ALL SELECT after FROM moved)
            WHERE cluster_id IS NOT NULL GROUP BY ALL
        )
        SELECT cluster_id, coalesce(h.size, 0) AS before, coalesce(p.size, h.size, 0) AS after, moved
        FROM touched LEFT JOIN held_clusters AS h USING (cluster_id)
        LEFT JOIN published_clusters AS p USING (cluster_id)
        ORDER BY moved DESC, cluster_id LIMIT {LARGEST_CHANGES}
        """
    ).fetchall()
    return {
        "since": last[0] if last else None,
        "memberships": _count(connection, "moved"),
        **known,
        "clusters": lineage,
        "largest": [dict(zip(("cluster_id", "before", "after", "moved"), row, strict=True)) for row in largest],
        "model_before": last[2] if last else None,
        "model_after": found.model_version,
    }


def _count(connection: duckdb.DuckDBPyConnection, relation: str) -> int:
    return int(connection.execute(f"SELECT count(*) FROM {relation}").fetchall()[0][0])
