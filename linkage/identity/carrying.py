"""What is younger than the facts that a resolution read keeps the company it is in.

A resolution takes minutes. Who was linked or decided upon meanwhile is where the newer facts put it, and the labels of
the resolution, which has not seen them, say nothing of it. Such a subject goes where most of its present fellows go
that the resolution has seen; where there are none, its cluster stays as it is. What people hold apart stays apart:
clusters that the labels would bring together against a decision stay as they are now, whole.
"""

from __future__ import annotations

import duckdb
import pyarrow as pa

from linkage.identity import columns
from linkage.identity.columns import take


def carry_over(previous: pa.Table, current: pa.Table, young: pa.Table, apart: pa.Table | None = None) -> pa.Table:
    """Return `current` with every young subject beside its present fellows.

    `previous`: subject_type, subject_id, cluster_id, confidence, provisional of every subject in a live cluster.
    `current`: subject_type, subject_id, label, confidence, as the resolution has them.
    `young`: subject_type, subject_id of those whose place is newer than the facts that the resolution read, those who
    are alone by now too.
    `apart`: decision, side, subject (`account:ID`); whom a decision has on different sides may not be together.
    The answer has a column more, `provisional`: what holds of those who were carried over, null of all others.
    """
    with duckdb.connect() as connection:
        connection.register("previous", take(previous, columns.PREVIOUS, "previous"))
        connection.register("current_labels", take(current, columns.CURRENT, "current", optional=("provisional",)))
        connection.register(
            "apart", columns.APART.empty_table() if apart is None else take(apart, columns.APART, "apart")
        )
        connection.register("young_given", take(young, columns.SUBJECT, "young"))
        connection.execute("CREATE TEMP TABLE young AS SELECT DISTINCT * FROM young_given")
        connection.execute(f"CREATE TEMP TABLE placed AS {_placed()}")
        while _stay(connection):
            connection.execute(f"CREATE OR REPLACE TEMP TABLE placed AS {_placed()}")
        rows: pa.Table = connection.sql("FROM placed").to_arrow_table()
        return rows.cast(columns.CURRENT)


def _stay(connection: duckdb.DuckDBPyConnection) -> bool:
    """Let clusters that would come together against a decision stay as they are; whether there were any."""
    count = "SELECT count(*) FROM young"
    (before,) = connection.execute(count).fetchall()
    connection.execute(
        f"INSERT INTO young SELECT * FROM ({_crossed()}) ANTI JOIN young USING (subject_type, subject_id)"
    )
    return connection.execute(count).fetchall() != [before]


def _placed() -> str:
    """Every subject with its label. Labels below those of the resolution are for what it says nothing of."""
    return """
    WITH lowest AS (SELECT least(coalesce(min(label), 0), 0) AS label FROM current_labels),
    carried AS (
        SELECT y.subject_type, y.subject_id, p.cluster_id, p.confidence, p.provisional,
               coalesce(p.cluster_id, y.subject_type || ':' || y.subject_id) AS company
        FROM young AS y LEFT JOIN previous AS p USING (subject_type, subject_id)
    ),
    fellows AS (
        SELECT p.cluster_id, c.label, count(*) AS members
        FROM previous AS p ANTI JOIN young USING (subject_type, subject_id)
        JOIN current_labels AS c USING (subject_type, subject_id)
        GROUP BY ALL
    ),
    seen AS (
        SELECT cluster_id, label FROM fellows
        QUALIFY row_number() OVER (PARTITION BY cluster_id ORDER BY members DESC, label) = 1
    ),
    companies AS (SELECT DISTINCT cluster_id, company FROM carried),
    homes AS (
        SELECT company, coalesce(s.label, lowest.label - row_number() OVER (ORDER BY company)) AS label
        FROM companies LEFT JOIN seen AS s USING (cluster_id), lowest
    )
    SELECT c.subject_type, c.subject_id, h.label, coalesce(c.confidence, 1.0) AS confidence,
           coalesce(c.provisional, false) AS provisional
    FROM carried AS c JOIN homes AS h USING (company)
    UNION ALL
    SELECT subject_type, subject_id, label, confidence, NULL
    FROM current_labels ANTI JOIN young USING (subject_type, subject_id)
    """


def _crossed() -> str:
    """The members of the clusters that are apart now, that a decision holds apart, and that would be one."""
    return """
    WITH places AS (
        SELECT subject_type || ':' || subject_id AS subject, placed.label,
               coalesce(p.cluster_id, subject_type || ':' || subject_id) AS company
        FROM placed LEFT JOIN previous AS p USING (subject_type, subject_id)
    ),
    sides AS (SELECT DISTINCT decision, side, label, company FROM apart JOIN places USING (subject)),
    ends AS (
        SELECT DISTINCT l.company FROM sides AS l JOIN sides AS r USING (decision, label)
        WHERE l.side <> r.side AND l.company <> r.company
    )
    SELECT subject_type, subject_id FROM previous SEMI JOIN ends ON company = cluster_id
    UNION
    SELECT subject_type, subject_id FROM placed SEMI JOIN ends ON company = subject_type || ':' || subject_id
    """
