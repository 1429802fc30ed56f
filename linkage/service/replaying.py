"""The clusters that a decision or a withdrawal concerns, made anew at once from their own merges, until a resolution.

A cluster's merges are kept with its evidence. Replayed in their order under the decisions as they stand, they say what
is left of it: what must stay apart is never joined, and what is the same comes first, as in a resolution; a merge whose
evidence was withdrawn falls. Nothing is weighed anew: what the merges do not say is not joined.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

import duckdb
import numpy as np
import pyarrow as pa

from linkage.engine import steps
from linkage.engine.decisions import Decided, decide_among
from linkage.engine.replay import Held, Replayed, name_by_holders, replay, take_out_withdrawn
from linkage.engine.tables import Flags, Ints, Whole
from linkage.findings.changes import Flow
from linkage.identity import Published, assign
from linkage.ledger import Ledger, Snapshot, results
from linkage.ledger.stored import BATCH, ROW
from linkage.ledger.tables import EVIDENCE, MERGES, TABLES
from linkage.model import PublicationKind, Subject
from linkage.model.identifier import AND, SIMILAR
from linkage.service.publishing import publish

#: What a decision's own merge says of itself, as the engine writes it.
STATED = '[{"stated":"decision"}]'
#: The condition that a merge was stated by a decision.
_BY_DECISION = "coalesce(json_extract_string({}, '$[0].stated'), '') = 'decision'"
#: The pieces of a merge's evidence, as the ledger keeps them.
_PIECES = """from_json({}, '[{{"kind":"VARCHAR","value":"VARCHAR","bits":"DOUBLE"}}]')"""


@dataclass(frozen=True, slots=True)
class Bars:
    """How sure it is that somebody belongs where a decision puts him (`stated`), and the bits that a merge `needed` to
    hold."""

    stated: float
    needed: float


@dataclass(frozen=True, slots=True)
class Touched:
    """A cluster that is changed; without an id it is a new one that nobody has named yet. Size 0: it ends."""

    cluster_id: str | None
    size_before: int
    size_after: int
    confidence_before: float | None
    confidence_after: float | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What decisions as they stand make of the clusters concerned: rows to publish, by table; none: nothing changes.

    `contradicted`: decisions `same` that others forbid, with those others, by id.
    """

    publication_id: str
    rows: Mapping[str, pa.Table]
    touched: Sequence[Touched]
    flows: Sequence[Flow]
    contradicted: Mapping[str, Sequence[str]]


@contextmanager
def opened(ledger: Ledger) -> Iterator[tuple[duckdb.DuckDBPyConnection, Snapshot]]:
    """The ledger as it stands, as views; of observations those that count."""
    snapshot = ledger.snapshot()
    with duckdb.connect() as connection:
        snapshot.register(connection)
        connection.execute(f"CREATE OR REPLACE TEMP VIEW observations AS {results.observations_now()}")
        yield connection, snapshot


def suppose(connection: duckdb.DuckDBPyConnection, snapshot: Snapshot, table: str, rows: pa.Table) -> None:
    """Let the views of a table hold rows more, as its last."""
    schema = TABLES[table].schema
    connection.register(f"supposed_{table}", rows.cast(schema))
    names = ", ".join(f'"{name}"' for name in schema.names)
    stored = snapshot.sql(table, stored=True)
    connection.execute(
        f"CREATE OR REPLACE TEMP VIEW {table}_rows AS SELECT {names}, {BATCH}, {ROW} FROM {stored} "
        f"UNION ALL SELECT {names}, 9223372036854775807, row_number() OVER () FROM supposed_{table}"
    )
    connection.execute(f"CREATE OR REPLACE TEMP VIEW {table} AS SELECT {names} FROM {table}_rows")


def standing(connection: duckdb.DuckDBPyConnection) -> pa.Table:
    """The decisions that count."""
    found: pa.Table = connection.sql(results.decisions_now()).to_arrow_table()
    return found


def plan(
    connection: duckdb.DuckDBPyConnection,
    snapshot: Snapshot,
    subjects: Sequence[Subject],
    *,
    at: datetime,
    bars: Bars,
    leaving: Collection[Subject] = (),
) -> Plan:
    """Replay the clusters that these subjects are in, under the decisions and without the withdrawn observations that
    stand in the views; those `leaving` are joined with nobody."""
    publication_id = f"pb_{uuid.uuid4().hex}"
    _narrow(connection, snapshot, subjects)
    placed = connection.sql("SELECT subject, subject_type, subject_id FROM placed ORDER BY subject").to_arrow_table()
    decided, count = decide_among(placed, standing(connection))
    places, left, right = _merges(connection, snapshot, count, decided, bars.needed)
    if leaving:
        stays = ~np.isin(np.stack([left, right]), _numbers(placed, leaving)).any(axis=0)
        places, left, right = places[stays], left[stays], right[stays]
    made = replay(count, decided, left, right)
    contradicted = {
        str(decided.told[number].id): [str(decided.told[other].id) for other in others]
        for number, others in made.contradictions.items()
    }
    flows = _flows(connection, made)
    if _stays(flows) and not connection.execute("SELECT 1 FROM weakened LIMIT 1").fetchall():
        return Plan(publication_id, {}, (), flows, contradicted)
    _give(connection, made, places, decided, bars.stated)
    published = assign(
        connection.sql("FROM placed WHERE cluster_id IS NOT NULL").to_arrow_table(),
        connection.sql(
            f"SELECT *, cluster_id IN (SELECT cluster_id FROM weakened) AS retold FROM ({results.clusters_now()})"
        ).to_arrow_table(),
        connection.sql("FROM replayed").to_arrow_table(),
        publication_id=publication_id,
        at=at,
        weakest=connection.sql(_weakest()).to_arrow_table(),
        provisional=True,
    )
    rows = _rows(connection, published, publication_id)
    return Plan(publication_id, rows, _touched(connection, published), flows, contradicted)


def _numbers(placed: pa.Table, subjects: Collection[Subject]) -> list[int]:
    """The numbers of some subjects."""
    wanted = {(subject.type.value, subject.id) for subject in subjects}
    rows = zip(*(placed[name].to_pylist() for name in ("subject", "subject_type", "subject_id")), strict=True)
    return [number for number, *named in rows if tuple(named) in wanted]


def carry_out(ledger: Ledger, planned: Plan, kind: PublicationKind) -> None:
    """Write what is planned, if anything, to the ledger and let it hold; call it alone among publishers."""
    if not planned.rows:
        return
    for table, rows in planned.rows.items():
        if rows.num_rows:
            ledger.append(table, rows)
    publish(ledger, planned.publication_id, kind)


def unnamed(touched: Sequence[Touched]) -> list[Touched]:
    """Clusters that would be touched by what is not done: those that it would make have no ids."""
    return [replace(one, cluster_id=None) if not one.size_before else one for one in touched]


# -- what is concerned ---------------------------------------------------------------------------------------


def _narrow(connection: duckdb.DuckDBPyConnection, snapshot: Snapshot, subjects: Sequence[Subject]) -> None:
    """Let the views of results hold the clusters that the subjects are in, and nothing else; `placed` has the subjects
    of these clusters, and those asked for that are in none, numbered as the engine numbers them."""
    asked = pa.table(
        {
            "subject_type": pa.array([subject.type.value for subject in subjects], pa.string()),
            "subject_id": pa.array([subject.id for subject in subjects], pa.string()),
        }
    )
    connection.register("asked", asked)
    memberships = snapshot.sql("memberships", stored=True)
    _see(connection, "memberships", f"FROM {memberships} SEMI JOIN asked USING (subject_type, subject_id)")
    connection.execute(f"CREATE TEMP TABLE concerned AS SELECT DISTINCT cluster_id FROM ({results.memberships_now()})")
    connection.execute(
        "CREATE TEMP TABLE perhaps AS SELECT DISTINCT subject_type, subject_id "
        f"FROM {memberships} SEMI JOIN concerned USING (cluster_id) UNION SELECT subject_type, subject_id FROM asked"
    )
    _see(connection, "memberships", f"FROM {memberships} SEMI JOIN perhaps USING (subject_type, subject_id)")
    for table in ("clusters", "evidence", "merges"):
        rows = snapshot.sql(table, stored=True)
        _see(connection, table, f"FROM {rows} SEMI JOIN concerned USING (cluster_id)")
    connection.execute(
        f"""
        CREATE TEMP TABLE placed AS
        SELECT CAST(row_number() OVER (ORDER BY subject_type, subject_id) - 1 AS INTEGER) AS subject, *
        FROM (SELECT DISTINCT subject_type, subject_id FROM asked)
        FULL JOIN (SELECT subject_type, subject_id, cluster_id, confidence, provisional
                   FROM ({results.memberships_now()}) SEMI JOIN concerned USING (cluster_id))
        USING (subject_type, subject_id)
        """
    )


def _see(connection: duckdb.DuckDBPyConnection, table: str, sql: str) -> None:
    connection.execute(f"CREATE OR REPLACE TEMP VIEW {table}_rows AS {sql}")


def _merges(
    connection: duckdb.DuckDBPyConnection, snapshot: Snapshot, subjects: int, decided: Decided, needed: float
) -> tuple[Whole, Ints, Ints]:
    """The merges of the clusters concerned in their order, as their place in `told` and a member of each side, without
    those that decisions stated: these come from the decisions themselves; and without those that rest on what was
    withdrawn. Makes `weakened`, what those lost that it does not decide.

    Where a decision holds a cluster together, a resolution has not looked for evidence. What had been told before
    counts after all the rest between those who are together now, should the decision be taken back.
    """
    told = connection.sql(results.merges_now()).to_arrow_table()
    connection.register("told_given", told.append_column("place", pa.array(np.arange(told.num_rows))))
    connection.execute("CREATE TEMP TABLE told AS FROM told_given")
    if connection.execute(f"SELECT 1 FROM told WHERE {_BY_DECISION.format('evidence')} LIMIT 1").fetchone():
        connection.execute(_former_merges(snapshot))
    connection.execute(
        f"""
        CREATE TEMP TABLE named AS
        SELECT row_number() OVER (ORDER BY m.place) - 1 AS merge, m.place, l.subject AS left_subject,
               r.subject AS right_subject, m.bits, m.evidence
        FROM told AS m JOIN placed AS l ON l.subject_type || ':' || l.subject_id = m."left"
        JOIN placed AS r ON r.subject_type || ':' || r.subject_id = m."right"
        WHERE NOT {_BY_DECISION.format("m.evidence")}
        """
    )
    found = connection.execute(
        "SELECT place, left_subject, right_subject, coalesce(bits, 'NaN'::DOUBLE) AS bits FROM named ORDER BY merge"
    ).fetchnumpy()
    held = _held(connection, len(found["place"]))
    left, right = (np.asarray(found[side], np.int32) for side in ("left_subject", "right_subject"))
    bits = np.asarray(found["bits"], np.float64)
    left, right = name_by_holders(left, right, bits, needed, held, decided, subjects)
    holds, lost = take_out_withdrawn(left, right, bits, needed, held, subjects)
    _weaken(connection, held, lost)
    return found["place"][holds], left[holds], right[holds]


def _weaken(connection: duckdb.DuckDBPyConnection, held: Held, lost: Flags) -> None:
    """Take the values that join no longer out of the evidence of merges; makes `weakened`, where that was."""
    merge = np.repeat(np.arange(len(held.first) - 1), np.diff(held.first))
    connection.register("lost", pa.table({"merge": merge[lost], "v": held.value[lost].astype(np.int64)}))
    connection.execute(
        """
        CREATE TEMP TABLE weakened AS
        SELECT t.place, t.cluster_id, list(n.kind || chr(0) || n.value) AS gone, sum(r.bits) AS bits
        FROM lost JOIN numbered AS n USING (v) JOIN named AS m USING (merge) JOIN told AS t USING (place)
        JOIN rests AS r ON r.merge = lost.merge AND r.kind = n.kind AND r.value = n.value
        GROUP BY ALL
        """
    )
    connection.execute(
        """
        UPDATE told SET
            bits = told.bits - w.bits,
            posterior = CASE WHEN posterior = 1 THEN 1
                             ELSE 1 / (1 + 2 ** (w.bits - log2(posterior / (1 - posterior)))) END,
            evidence = CAST(to_json(list_filter(
                from_json(told.evidence, '["JSON"]'),
                lambda piece: NOT list_contains(w.gone, (piece->>'$.kind') || chr(0) || (piece->>'$.value'))
            )) AS VARCHAR)
        FROM weakened AS w WHERE w.place = told.place
        """
    )


def _former_merges(snapshot: Snapshot) -> str:
    """Add the merges that were told at any time between members of one cluster of now, the latest publication first."""
    names = ", ".join(f'm."{name}"' for name in MERGES.schema.names)
    return f"""
        INSERT INTO told
        SELECT {names}, (SELECT count(*) FROM told) + row_number() OVER (ORDER BY p.place DESC, m.{BATCH}, m.{ROW}) - 1
        FROM {snapshot.sql("merges", stored=True)} AS m
        JOIN (SELECT publication_id, min(({BATCH}, {ROW})) AS place FROM publications_rows GROUP BY 1) AS p
            USING (publication_id)
        JOIN placed AS l ON l.subject_type || ':' || l.subject_id = m."left"
        JOIN placed AS r ON r.subject_type || ':' || r.subject_id = m."right"
        WHERE l.cluster_id = r.cluster_id AND NOT {_BY_DECISION.format("m.evidence")}"""


def _held(connection: duckdb.DuckDBPyConnection, merges: int) -> Held:
    """What the merges in `named` rest on, and which members hold it; makes `uses`, member × identifier of a merge or of
    the evidence."""
    connection.execute(
        f"""
        CREATE TEMP TABLE rests AS
        SELECT merge, piece.kind AS kind, piece.value AS value, piece.bits AS bits
        FROM (SELECT merge, unnest({_PIECES.format("evidence")}) AS piece FROM named) WHERE piece.value <> ''
        """
    )
    connection.execute(
        f"""
        CREATE TEMP TABLE sought AS
        WITH pairs AS (SELECT kind, value FROM rests UNION SELECT kind, value FROM ({results.evidence_now()}))
        SELECT kind, value, kind AS used_kind, value AS used FROM pairs WHERE NOT starts_with(kind, '{SIMILAR}')
        UNION ALL
        SELECT kind, value, substr(kind, {len(SIMILAR) + 1}), unnest(string_split(value, '{AND}'))
        FROM pairs WHERE starts_with(kind, '{SIMILAR}')
        """
    )
    connection.execute(
        f"""
        CREATE TEMP TABLE uses AS
        WITH said AS (
            SELECT p.subject, o.kind, o.value FROM ({steps.all_observations()}) AS o
            JOIN placed AS p USING (subject_type, subject_id))
        SELECT DISTINCT s.kind, s.value, said.subject FROM said
        JOIN sought AS s ON s.used_kind = said.kind AND s.used = said.value
        """
    )
    connection.execute(
        f"""
        CREATE TEMP TABLE numbered AS
        WITH withdrawn AS (
            SELECT DISTINCT s.kind, s.value FROM ({results.withdrawn_now()}) AS w
            SEMI JOIN placed USING (subject_type, subject_id)
            JOIN sought AS s ON s.used_kind = w.kind AND s.used = w.value)
        SELECT kind, value, row_number() OVER (ORDER BY kind, value) - 1 AS v,
               (kind, value) IN (SELECT (kind, value) FROM withdrawn) AS gone
        FROM (SELECT kind, value FROM rests UNION SELECT kind, value FROM uses)
        """
    )
    rests = connection.execute(
        "SELECT merge, v, bits FROM rests JOIN numbered USING (kind, value) WHERE bits > 0 ORDER BY merge, bits DESC, v"
    ).fetchnumpy()
    gone = connection.execute("SELECT gone FROM numbered ORDER BY v").fetchnumpy()["gone"]
    held = connection.execute(
        "SELECT v, subject FROM uses JOIN numbered USING (kind, value) ORDER BY v, subject"
    ).fetchnumpy()
    return Held(
        np.searchsorted(rests["merge"], np.arange(merges + 1)).astype(np.int64),
        rests["v"].astype(np.int32),
        rests["bits"].astype(np.float64),
        np.searchsorted(held["v"], np.arange(len(gone) + 1)).astype(np.int64),
        held["subject"].astype(np.int32),
        gone.astype(np.bool_),
    )


# -- what becomes of it --------------------------------------------------------------------------------------


def _flows(connection: duckdb.DuckDBPyConnection, made: Replayed) -> list[Flow]:
    """Who goes from where to where."""
    connection.register(
        "labelled",
        pa.table({"subject": np.arange(len(made.label), dtype=np.int32), "label": made.label.astype(np.int64)}),
    )
    rows = connection.execute(
        """
        WITH parts AS (SELECT label, count(*) AS size FROM labelled GROUP BY 1),
        moved AS (
            SELECT p.cluster_id AS old, CASE WHEN size > 1 THEN label END AS new,
                   CASE WHEN size = 1 OR p.cluster_id IS NULL THEN subject_type || ':' || subject_id END AS alone
            FROM placed AS p JOIN labelled USING (subject) JOIN parts USING (label))
        SELECT old, new, count(*), alone FROM moved GROUP BY ALL ORDER BY ALL
        """
    ).fetchall()
    return [Flow(*row) for row in rows]


def _stays(flows: Sequence[Flow]) -> bool:
    """Whether everybody stays with everybody."""
    olds = [flow.old for flow in flows if flow.old is not None]
    news = [flow.new for flow in flows if flow.new is not None]
    apart = all(flow.new is None for flow in flows if flow.old is None)
    held = all(flow.new is not None for flow in flows if flow.old is not None)
    return apart and held and len(set(olds)) == len(olds) and len(set(news)) == len(news)


def _give(
    connection: duckdb.DuckDBPyConnection, made: Replayed, places: Whole, decided: Decided, stated: float
) -> None:
    """Hand the clusters made anew to the SQL that follows: `replayed` the subjects, `kept` the merges."""
    sure = np.zeros(len(made.label))
    sure[np.concatenate([decided.left, decided.right])] = stated
    connection.register("sure", pa.table({"subject": np.arange(len(sure), dtype=np.int32), "least": sure}))
    connection.execute(
        """
        CREATE TEMP TABLE replayed AS
        SELECT subject, subject_type, subject_id, label,
               CASE WHEN count(*) OVER (PARTITION BY label) > 1 THEN greatest(coalesce(confidence, 0), least) END
                   AS confidence
        FROM placed JOIN labelled USING (subject) JOIN sure USING (subject)
        """
    )
    by_decision = made.merge < 0
    kept = pa.table(
        {
            "number": np.arange(len(made.merge)),
            "label": made.label[made.left].astype(np.int64),
            "place": pa.array(places[np.maximum(made.merge, 0)] if len(places) else made.merge, mask=by_decision),
            "left_subject": made.left,
            "right_subject": made.right,
            "left_size": made.left_size.astype(np.int64),
            "right_size": made.right_size.astype(np.int64),
        }
    )
    connection.register("kept_given", kept)
    connection.execute(
        f"""
        CREATE TEMP TABLE kept AS
        SELECT k.number, k.label, coalesce(t.round, 0) AS round, l.subject_type || ':' || l.subject_id AS "left",
               r.subject_type || ':' || r.subject_id AS "right", k.left_size, k.right_size, t.bits,
               coalesce(t.posterior, 1.0) AS posterior, coalesce(t.evidence, '{STATED}') AS evidence
        FROM kept_given AS k JOIN placed AS l ON l.subject = k.left_subject
        JOIN placed AS r ON r.subject = k.right_subject LEFT JOIN told AS t USING (place)
        """
    )
    connection.execute(
        f"""
        CREATE TEMP TABLE pieces AS
        SELECT number, label, piece.kind AS kind, piece.value AS value, piece.bits AS bits
        FROM (SELECT number, label, unnest({_PIECES.format("evidence")}) AS piece FROM kept)
        WHERE piece.value <> ''
        """
    )


def _weakest() -> str:
    """The merge with the least evidence of each cluster, as the engine tells it."""
    return """
        WITH ranked AS (
            FROM kept QUALIFY row_number() OVER (PARTITION BY label ORDER BY bits NULLS LAST, number) = 1),
        held AS (
            SELECT number, list({'kind': kind, 'value': value, 'bits': bits} ORDER BY bits DESC, kind, value)
                   FILTER (bits > 0) AS identifiers FROM pieces SEMI JOIN ranked USING (number) GROUP BY 1)
        SELECT r.label,
               CAST(to_json({'bits': round(r.bits, 2), 'stated': json_extract_string(r.evidence, '$[0].stated'),
                             'parts': [r.left_size, r.right_size], 'identifiers': coalesce(h.identifiers, [])})
                    AS VARCHAR) AS weakest
        FROM ranked AS r LEFT JOIN held AS h USING (number)"""


def _rows(connection: duckdb.DuckDBPyConnection, published: Published, publication_id: str) -> dict[str, pa.Table]:
    connection.register("changed", published.changed)
    merges = connection.sql(
        "SELECT ? AS publication_id, c.cluster_id, k.* EXCLUDE (number, label) "
        "FROM kept AS k JOIN changed AS c USING (label) ORDER BY k.number",
        params=[publication_id],
    ).to_arrow_table()
    evidence = connection.sql(_evidence(), params=[publication_id]).to_arrow_table()
    return {
        "memberships": published.memberships,
        "clusters": published.clusters,
        "lineage": published.lineage,
        "evidence": evidence.select(EVIDENCE.schema.names).cast(EVIDENCE.schema),
        "merges": merges.select(MERGES.schema.names).cast(MERGES.schema),
    }


def _evidence() -> str:
    """What was told of the former clusters, for the clusters of which two members or more hold it; it counts what it
    counted where a merge that was kept rests on it."""
    return f"""
        WITH former AS (
            SELECT kind, value, max(bits) AS bits, max(full_bits) AS full_bits, max(holders) AS holders,
                   max(holder_clusters) AS holder_clusters, arg_max(reason, bits) AS reason
            FROM ({results.evidence_now()}) GROUP BY ALL),
        held AS (
            SELECT label, kind, value, count(*) AS members FROM uses JOIN replayed USING (subject)
            GROUP BY ALL HAVING count(*) > 1),
        counted AS (SELECT DISTINCT label, kind, value FROM pieces)
        SELECT ? AS publication_id, c.cluster_id, h.kind, h.value,
               CASE WHEN n.label IS NULL THEN 0 ELSE f.bits END AS bits,
               CASE WHEN n.label IS NULL THEN 0 ELSE f.full_bits END AS full_bits, h.members, f.holders,
               f.holder_clusters,
               CASE WHEN n.label IS NULL AND f.bits > 0 THEN 'shared, decided no merge' ELSE f.reason END AS reason
        FROM held AS h JOIN changed AS c USING (label) JOIN former AS f USING (kind, value)
        LEFT JOIN counted AS n USING (label, kind, value) ORDER BY c.cluster_id, bits DESC, h.kind, h.value"""


def _touched(connection: duckdb.DuckDBPyConnection, published: Published) -> list[Touched]:
    connection.register("published_clusters", published.clusters)
    rows = connection.execute(
        f"""
        SELECT p.cluster_id, coalesce(b.size, 0), p.size, b.confidence, p.confidence
        FROM published_clusters AS p LEFT JOIN ({results.clusters_now()}) AS b USING (cluster_id)
        ORDER BY coalesce(b.size, 0) DESC, p.size DESC, p.cluster_id
        """
    ).fetchall()
    return [Touched(*row) for row in rows]
