"""What held at a moment: clusters, members, evidence, attributes, as the ledger's history has them.

A publication counts from its own time on, so what was published is asked of the ledger as it is, without the
publications that came later. Attributes are those of the table's version at the moment.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import duckdb

from linkage.identity import successors
from linkage.ledger import Ledger, results
from linkage.ledger.tables import LINEAGE
from linkage.model import Merge

Row = dict[str, Any]
#: (type as the graph says it, id)
Key = tuple[str, str]

#: The type of a subject in the graph → in the ledger.
TYPES = {"Account": "account", "Organisation": "organisation"}
_NAMES = {ledger: graph for graph, ledger in TYPES.items()}
_ATTRIBUTES = {
    "Account": ("accounts", "account_id", results.accounts_now),
    "Organisation": ("organisations", "organisation_id", results.organisations_now),
}
_IDS = "cluster_id IN (SELECT unnest($ids))"


@contextmanager
def at_moment(ledger: Ledger, moment: datetime) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with the views of the ledger, of publications those up to the moment."""
    with duckdb.connect() as connection:
        ledger.snapshot().register(connection)
        for name in ("publications", "publications_rows"):
            connection.execute(f'CREATE TEMP TABLE held AS FROM {name} WHERE "at" <= ?', [moment])
            connection.execute(f"DROP VIEW {name}")
            connection.execute(f"ALTER TABLE held RENAME TO {name}")
        yield connection


def clusters(ledger: Ledger, moment: datetime, ids: Sequence[str]) -> dict[str, Row]:
    """Clusters by id, as the graph would have had them; those that were not known yet are left out."""
    with at_moment(ledger, moment) as connection:
        return _clusters(connection, ids)


def places(ledger: Ledger, moment: datetime, keys: Sequence[Key]) -> dict[Key, Row]:
    """For each subject its membership and cluster; those that stood alone are left out."""
    with at_moment(ledger, moment) as connection:
        connection.execute("CREATE TEMP TABLE asked (subject_type VARCHAR, subject_id VARCHAR)")
        connection.executemany("INSERT INTO asked VALUES (?, ?)", [(TYPES[kind], one) for kind, one in keys])
        members = _members(connection, "true")
        known = _clusters(connection, sorted({row["cluster_id"] for row in members}))
    return {
        (_NAMES[row["subject_type"]], row["subject_id"]): {
            "membership": _membership(row),
            "cluster": known[row["cluster_id"]],
        }
        for row in members
    }


def members(ledger: Ledger, moment: datetime, cluster_id: str) -> list[Row]:
    """The members of a cluster: type, id, membership."""
    with at_moment(ledger, moment) as connection:
        connection.execute(
            "CREATE TEMP TABLE asked AS SELECT DISTINCT subject_type, subject_id FROM memberships WHERE cluster_id = ?",
            [cluster_id],
        )
        found = _members(connection, "cluster_id = $cluster", cluster=cluster_id)
    return [
        {"type": _NAMES[row["subject_type"]], "id": row["subject_id"], "membership": _membership(row)} for row in found
    ]


def subjects(ledger: Ledger, moment: datetime, type_name: str, ids: Sequence[str]) -> dict[str, Row]:
    """Subjects by id with their attributes of then; those of whom nothing was known yet are left out."""
    table, key, last = _ATTRIBUTES[type_name]
    versions = ledger.snapshot(at=moment).versions
    facts = {
        name: version for name, version in versions.items() if name in (table, "accounts", "observations", "usage")
    }
    with duckdb.connect() as connection:
        ledger.snapshot(facts).register(connection)
        only = f"{key} IN (SELECT unnest($ids))"
        found = {row[key]: _named(row, key) for row in _rows(connection, last(only), ids=list(ids))}
        missing = [identity for identity in ids if identity not in found]
        if missing:
            seen = _rows(connection, _mentioned(type_name), ids=missing, type=TYPES[type_name])
            found |= {row["id"]: {"id": row["id"]} for row in seen}
    return found


def evidence(ledger: Ledger, moment: datetime, cluster_id: str) -> list[Row]:
    """What held a cluster together: rows of the ledger's table, strongest first."""
    with at_moment(ledger, moment) as connection:
        found = _rows(connection, results.evidence_now(_IDS), ids=[cluster_id])
    return sorted(found, key=lambda row: (-(row["bits"] or 0.0), row["kind"], row["value"]))


def merges(ledger: Ledger, moment: datetime, cluster_id: str) -> list[Merge]:
    """How a cluster had come together, in its order."""
    with at_moment(ledger, moment) as connection:
        return [Merge.of(row) for row in _rows(connection, results.merges_now(_IDS), ids=[cluster_id])]


def lineage(ledger: Ledger, moment: datetime, cluster_id: str) -> list[Row]:
    """What a cluster had come from and what had become of it: rows of the ledger's table, newest first."""
    with at_moment(ledger, moment) as connection:
        related = "successor_id IS NOT NULL AND (cluster_id = $id OR successor_id = $id)"
        return _rows(connection, f"SELECT * FROM ({results.lineage_now()}) WHERE {related}", id=cluster_id)[::-1]


def living(ledger: Ledger, moment: datetime, cluster_id: str) -> list[Row]:
    """The clusters that lived then and had come of one, largest first: itself while it lived."""
    with at_moment(ledger, moment) as connection:
        rows = connection.sql(results.lineage_now()).to_arrow_table().cast(LINEAGE.schema)
        found = _clusters(connection, successors(rows, cluster_id))
    return sorted(found.values(), key=lambda row: (-row["size"], row["id"]))


def _clusters(connection: duckdb.DuckDBPyConnection, ids: Sequence[str]) -> dict[str, Row]:
    rows = _rows(
        connection,
        f'SELECT c.*, p."at" FROM ({results.clusters_ever(_IDS)}) AS c JOIN publications AS p USING (publication_id)',
        ids=list(ids),
    )
    names = ("size", "accounts", "organisations", "confidence", "created_at", "weakest", "told_by")
    return {
        row["cluster_id"]: {
            "id": row["cluster_id"],
            **{name: row[name] for name in names},
            "updated_at": row["at"],
            "retired_at": None if row["size"] else row["at"],
        }
        for row in rows
    }


def _members(connection: duckdb.DuckDBPyConnection, condition: str, **parameters: object) -> list[Row]:
    """Of the subjects in `asked` where they were, and since when."""
    only = "(subject_type, subject_id) IN (SELECT (subject_type, subject_id) FROM asked)"
    return _rows(
        connection,
        f"""
        WITH said AS (
            SELECT m.*, q."at", p.place FROM memberships AS m JOIN ({results.publications_in_order()}) AS p
            USING (publication_id) JOIN publications AS q USING (publication_id)
            SEMI JOIN asked AS a ON a.subject_type = m.subject_type AND a.subject_id = m.subject_id
        ),
        held AS (SELECT * FROM ({results.memberships_now(only)}) WHERE {condition}),
        elsewhere AS (
            SELECT h.subject_type, h.subject_id, max(s.place) AS place
            FROM held AS h JOIN said AS s USING (subject_type, subject_id)
            WHERE s.cluster_id IS DISTINCT FROM h.cluster_id GROUP BY ALL
        )
        SELECT h.*, (SELECT min(s."at") FROM said AS s
                     WHERE s.subject_type = h.subject_type AND s.subject_id = h.subject_id
                       AND (e.place IS NULL OR s.place > e.place)) AS since
        FROM held AS h LEFT JOIN elsewhere AS e USING (subject_type, subject_id)
        ORDER BY h.subject_type, h.subject_id
        """,
        **parameters,
    )


def _membership(row: Row) -> Row:
    return {"confidence": row["confidence"], "since": row["since"], "provisional": bool(row["provisional"])}


def _named(row: Row, key: str) -> Row:
    return {"id": row[key], **{name: value for name, value in row.items() if name != key}}


def _mentioned(type_name: str) -> str:
    """Subjects that facts speak of though nobody described them."""
    table, key = ("usage", "account_id") if type_name == "Account" else ("accounts", "organisation_id")
    return (
        "SELECT DISTINCT subject_id AS id FROM observations "
        "WHERE subject_type = $type AND subject_id IN (SELECT unnest($ids)) "
        f"UNION SELECT DISTINCT {key} FROM {table} WHERE {key} IN (SELECT unnest($ids))"
    )


def _rows(connection: duckdb.DuckDBPyConnection, sql: str, **parameters: object) -> list[Row]:
    answer = connection.execute(sql, parameters)
    names = [column[0] for column in answer.description or ()]
    return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]
