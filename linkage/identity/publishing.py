"""From the engine's labels to published clusters: ids kept, and only the difference to what was published before.

A label is the engine's name for a part of the subjects in one resolution and means nothing in the next. Parts of two
subjects or more are clusters and get an id; `linkage.identity.matching` says which id. Everything else here is the
difference: what a reader of the last publication has to change to hold this one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from linkage.identity import columns, lineage
from linkage.identity.columns import take
from linkage.identity.ids import random_id
from linkage.identity.matching import heirs

#: A confidence that moved by no more than this since it was last published is not published again.
CONFIDENCE_STEP = 0.01


@dataclass(frozen=True, slots=True)
class Published:
    """What a resolution publishes.

    `labels` names every cluster of this resolution, changed or not; the others are the difference, in the columns of
    the ledger's tables `memberships` (cluster_id null: now alone), `clusters` (size 0: ended) and `lineage`.
    """

    labels: pa.Table
    memberships: pa.Table
    clusters: pa.Table
    lineage: pa.Table

    @property
    def changed(self) -> pa.Table:
        """The labels (label, cluster_id) of clusters born or changed: those whose evidence is to be published."""
        live = self.clusters.filter(pc.field("size") > 0).column("cluster_id")
        return self.labels.filter(pc.is_in(self.labels.column("cluster_id"), value_set=live.combine_chunks()))


def assign(
    previous: pa.Table,
    previous_clusters: pa.Table,
    current: pa.Table,
    *,
    publication_id: str,
    at: datetime,
    new_id: Callable[[], str] = random_id,
    weakest: pa.Table | None = None,
    provisional: bool = False,
) -> Published:
    """Give clusters their ids and return the difference to what was published before.

    `previous`: subject_type, subject_id, cluster_id and, if known, confidence and whether it is provisional, of every
    subject in a live cluster.
    `previous_clusters`: cluster_id, created_at and, if known, size and confidence, of every live cluster, and whether
    it is `retold`: published though nobody moved, because its evidence changed.
    `current`: subject_type, subject_id, label, confidence of every subject, those that are alone too, and, where that
    is not what `provisional` says of all, whether it is provisional.
    `weakest`: label, weakest (JSON) of clusters. Further columns are ignored.
    `provisional`: whether the next resolution has yet to see what is published; one that is not confirms what was.
    A cluster's confidence is the mean of its members': the expected share of them that belongs to its actor.
    Raises `ValueError` where a subject is named twice or a column is missing.
    """
    with duckdb.connect() as connection:
        given = {
            "run": pa.table(
                {"publication_id": [publication_id], "at": [at], "provisional": [provisional]}, schema=columns.RUN
            ),
            "previous_given": take(previous, columns.PREVIOUS, "previous", optional=("confidence", "provisional")),
            "clusters_given": take(
                previous_clusters, columns.PREVIOUS_CLUSTERS, "previous_clusters", optional=("confidence", "retold")
            ),
            "current_given": take(current, columns.CURRENT, "current", optional=("provisional",)),
            "weakest": columns.WEAKEST.empty_table() if weakest is None else take(weakest, columns.WEAKEST, "weakest"),
        }
        for name, table in given.items():
            connection.register(name, table)
        _make(connection, _prepared())
        _refuse_doubled(connection)
        labels = _named(connection, new_id)
        connection.register("labels", labels)
        _make(connection, _compared())
        return Published(
            labels,
            _fetch(connection, _memberships(), columns.MEMBERSHIPS),
            _fetch(connection, _clusters(), columns.CLUSTERS),
            _fetch(connection, lineage.events(), columns.LINEAGE),
        )


# -- the steps, as SQL texts --------------------------------------------------------------------------------


def _prepared() -> dict[str, str]:
    """Live clusters before, parts of two subjects or more now, and how many members every pair of the two shares."""
    return {
        "before": "FROM previous_given WHERE cluster_id IS NOT NULL",
        "parts": "SELECT label, count(*) AS size FROM current_given GROUP BY label HAVING count(*) > 1",
        "members": "SELECT c.* FROM current_given AS c SEMI JOIN parts USING (label)",
        "shares": "SELECT cluster_id, label, count(*) AS overlap "
        "FROM before JOIN members USING (subject_type, subject_id) GROUP BY cluster_id, label",
    }


def _ranked_old() -> str:
    return (
        "SELECT cluster_id FROM (SELECT DISTINCT cluster_id FROM shares) LEFT JOIN "
        "(SELECT cluster_id, min(created_at) AS created_at FROM clusters_given GROUP BY cluster_id) "
        "USING (cluster_id) ORDER BY created_at NULLS LAST, cluster_id"
    )


def _ranked_new() -> str:
    return "SELECT label FROM parts ORDER BY size DESC, label"


def _numbered_shares() -> str:
    return (
        "SELECT o.place AS old, n.place AS new, overlap FROM shares "
        "JOIN old_ranked AS o USING (cluster_id) JOIN new_ranked AS n USING (label)"
    )


def _compared() -> dict[str, str]:
    """Every subject before and now, side by side, and the flows between clusters."""
    return {
        "after": "SELECT m.*, l.cluster_id FROM members AS m JOIN labels AS l USING (label)",
        "compared": "SELECT subject_type, subject_id, b.cluster_id AS old, a.cluster_id AS now, "
        "b.confidence AS old_confidence, a.confidence AS confidence, "
        "coalesce(a.provisional, run.provisional) AS provisional, "
        "coalesce(b.provisional, false) AND NOT coalesce(a.provisional, run.provisional) AS confirmed "
        "FROM before AS b FULL JOIN after AS a USING (subject_type, subject_id), run",
        "flows": "SELECT old, now, count(*) AS members FROM compared GROUP BY old, now",
    }


def _memberships() -> str:
    return (
        "SELECT publication_id, subject_type, subject_id, now AS cluster_id, confidence, compared.provisional "
        "FROM compared, run "
        f"WHERE old IS DISTINCT FROM now OR confirmed "
        f"OR {_moved('old_confidence', 'confidence')} "
        "ORDER BY subject_type, subject_id"
    )


def _clusters() -> str:
    """Clusters born, clusters whose members or confidence changed or are now confirmed, and, with size 0, those that
    ended."""
    return f"""
    WITH touched AS (
        SELECT old AS cluster_id FROM flows WHERE old IS DISTINCT FROM now AND old IS NOT NULL
        UNION SELECT now FROM flows WHERE old IS DISTINCT FROM now AND now IS NOT NULL
        UNION SELECT now FROM compared WHERE confirmed AND now IS NOT NULL
        UNION SELECT cluster_id FROM clusters_given SEMI JOIN labels USING (cluster_id) WHERE retold
    ),
    former AS (
        SELECT cluster_id, min(created_at) AS created_at, any_value(confidence) AS confidence
        FROM clusters_given GROUP BY cluster_id
    ),
    latter AS (
        SELECT cluster_id, any_value(label) AS label, count(*) AS size,
               count(*) FILTER (subject_type = 'account') AS accounts,
               count(*) FILTER (subject_type = 'organisation') AS organisations, avg(confidence) AS confidence
        FROM after GROUP BY cluster_id
    )
    SELECT publication_id, cluster_id, coalesce(l.size, 0) AS size, coalesce(accounts, 0) AS accounts,
           coalesce(organisations, 0) AS organisations, l.confidence,
           coalesce(f.created_at, run."at") AS created_at, w.weakest, publication_id AS told_by
    FROM run, touched FULL JOIN latter AS l USING (cluster_id) LEFT JOIN former AS f USING (cluster_id)
    LEFT JOIN weakest AS w USING (label)
    WHERE cluster_id IN (FROM touched) OR {_moved("f.confidence", "l.confidence")}
    ORDER BY cluster_id
    """


def _moved(old: str, new: str) -> str:
    """The condition that a known confidence is no longer what was published."""
    return f"coalesce(abs({old} - {new}) > {CONFIDENCE_STEP!r}, false)"


# -- running them -------------------------------------------------------------------------------------------


def _named(connection: duckdb.DuckDBPyConnection, new_id: Callable[[], str]) -> pa.Table:
    """Name every part: by inheritance where there is something to inherit, with a new id elsewhere."""
    old = connection.sql(_ranked_old()).to_arrow_table()
    new = connection.sql(_ranked_new()).to_arrow_table()
    connection.register("old_ranked", old.append_column("place", pa.array(np.arange(old.num_rows))))
    connection.register("new_ranked", new.append_column("place", pa.array(np.arange(new.num_rows))))
    pairs = connection.execute(_numbered_shares()).fetchnumpy()
    matched = heirs(
        np.asarray(pairs["old"], np.int64),
        np.asarray(pairs["new"], np.int64),
        np.asarray(pairs["overlap"], np.int64),
        np.arange(old.num_rows),
        np.arange(new.num_rows),
    )
    former = old.column("cluster_id").to_pylist()
    issued = set(connection.execute("SELECT cluster_id FROM before").fetchnumpy()["cluster_id"].tolist())
    ids: list[str] = []
    for place in range(new.num_rows):
        if place in matched:
            ids.append(former[matched[place]])
        else:
            ids.append(_unused(new_id, issued))
    return pa.table([new.column("label").cast(pa.int64()), pa.array(ids, pa.string())], schema=columns.LABELS)


def _unused(new_id: Callable[[], str], issued: set[str]) -> str:
    while (candidate := new_id()) in issued:
        pass
    issued.add(candidate)
    return candidate


def _refuse_doubled(connection: duckdb.DuckDBPyConnection) -> None:
    for name in ("before", "current_given"):
        doubled = connection.execute(
            f"SELECT subject_type, subject_id FROM {name} GROUP BY ALL HAVING count(*) > 1 LIMIT 1"
        ).fetchone()
        if doubled:
            raise ValueError(f"{doubled[0]} {doubled[1]} is named twice: a subject has one place")


def _make(connection: duckdb.DuckDBPyConnection, texts: dict[str, str]) -> None:
    for name, text in texts.items():
        connection.execute(f"CREATE TEMP TABLE {name} AS {text}")


def _fetch(connection: duckdb.DuckDBPyConnection, sql: str, schema: pa.Schema) -> pa.Table:
    rows: pa.Table = connection.sql(sql).to_arrow_table()
    return rows.cast(schema)
