"""Facts as the engine takes them: ledger tables in memory or as Parquet files, any of which may be missing.

Columns that a table lacks are taken as NULL: facts straight from a file need not name what they do not know.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import duckdb
import pyarrow as pa

Table = pa.Table | Sequence[str] | None

#: The columns the engine reads, with their SQL types (names as in the ledger); times become microseconds.
COLUMNS: dict[str, dict[str, str]] = {
    "observations": {
        "subject_type": "VARCHAR",
        "subject_id": "VARCHAR",
        "kind": "VARCHAR",
        "value": "VARCHAR",
        "first_seen": "MICROSECONDS",
        "last_seen": "MICROSECONDS",
    },
    "accounts": {"account_id": "VARCHAR", "created_at": "MICROSECONDS", "organisation_id": "VARCHAR"},
    "organisations": {
        "organisation_id": "VARCHAR",
        "name": "VARCHAR",
        "domain": "VARCHAR",
        "registration_number": "VARCHAR",
        "attributes": "VARCHAR",
    },
    "usage": {"account_id": "VARCHAR", "window_start": "MICROSECONDS", "requests": "BIGINT"},
    "decisions": {
        "decision_id": "VARCHAR",
        "left": "VARCHAR",
        "right": "VARCHAR",
        "left_members": "VARCHAR",
        "right_members": "VARCHAR",
        "judgement": "VARCHAR",
        "decided_at": "MICROSECONDS",
    },
}


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known: each an Arrow table in the ledger's columns, a list of Parquet files, or None."""

    observations: Table = None
    accounts: Table = None
    organisations: Table = None
    usage: Table = None
    decisions: Table = None
    #: observations that do not count, all columns equal
    withdrawn: Table = None

    def register(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Create one view per table on the connection, with exactly the columns of `COLUMNS`."""
        withdrawn, withdrawn_columns = _source(connection, "withdrawn", self.withdrawn)
        for name in COLUMNS:
            source, present = _source(connection, name, getattr(self, name))
            if name == "observations" and withdrawn_columns:
                source = _without(source, withdrawn, withdrawn_columns)
            _register(connection, name, source, present)


def _without(source: str, withdrawn: str, columns: Iterable[str]) -> str:
    """A source without the rows that are withdrawn, all of these columns being equal."""
    same = " AND ".join(f'o."{name}" IS NOT DISTINCT FROM w."{name}"' for name in columns)
    return f"(FROM {source} AS o WHERE NOT EXISTS (FROM {withdrawn} AS w WHERE {same}))"


def _register(connection: duckdb.DuckDBPyConnection, name: str, source: str, present: frozenset[str]) -> None:
    columns = ", ".join(_column(column, kind, column in present) for column, kind in COLUMNS[name].items())
    connection.execute(f'CREATE VIEW "{name}" AS SELECT {columns} FROM {source}')


def _source(connection: duckdb.DuckDBPyConnection, name: str, table: Table) -> tuple[str, frozenset[str]]:
    if table is None or (not isinstance(table, pa.Table) and not table):
        return "(SELECT 1 WHERE false)", frozenset()
    if isinstance(table, pa.Table):
        connection.register(f"given_{name}", table)
        return f'"given_{name}"', frozenset(table.column_names)
    files = ", ".join("'" + str(path).replace("'", "''") + "'" for path in table)
    source = f"read_parquet([{files}], union_by_name = true)"
    described = connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
    return source, frozenset(row[0] for row in described)


def _column(name: str, kind: str, present: bool) -> str:
    kind_of_null = "BIGINT" if kind == "MICROSECONDS" else kind
    if not present:
        return (
            f"CAST('account' AS VARCHAR) AS {name}"
            if name == "subject_type"
            else f'CAST(NULL AS {kind_of_null}) AS "{name}"'
        )
    if kind == "MICROSECONDS":
        return f'epoch_us("{name}") AS "{name}"'
    return f'CAST("{name}" AS {kind}) AS "{name}"'
