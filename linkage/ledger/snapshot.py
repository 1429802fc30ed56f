"""A snapshot: the ledger as it stood at certain versions, for reading at the speed of the disk."""

from __future__ import annotations

from collections.abc import Mapping

import duckdb
import pyarrow as pa

from linkage.errors import NotFound
from linkage.ledger.parquet import columns, quoted, read_files, read_nothing
from linkage.ledger.place import Place, storage_errors
from linkage.ledger.stored import BATCH, ROW, Rows, StoredTable, stored_schema
from linkage.ledger.tables import TABLES


class Snapshot:
    """The tables of the ledger at fixed versions; a table without a version has no rows."""

    def __init__(self, place: Place, stored: Mapping[str, StoredTable], versions: Mapping[str, int]) -> None:
        self._place = place
        self._stored = stored
        self._rows: dict[str, Rows] = {}
        #: table → version, for the tables that exist
        self.versions: dict[str, int] = dict(versions)

    def files(self, table: str) -> list[str]:
        """The Parquet files of a table: paths (or URLs). Beside the contract's columns they hold two of storage.

        Raises `NotFound` for a version before a compaction whose files are gone; `sql`, `table` and the views of
        `register` give its rows all the same.
        """
        rows = self._of(table)
        if rows.condition:
            raise NotFound(
                f"version {self.versions[table]} of table {table} was compacted and has no files of its own any more",
                next_step="Read it as a table or through a view, or take a newer version (`linkage ledger history`).",
            )
        return self._paths(table)

    def table(self, name: str) -> pa.Table:
        """All rows of a table in the order in which the ledger took them."""
        schema = TABLES[name].schema
        with duckdb.connect() as connection, storage_errors(f"reading table {name}"):
            self._place.attach(connection)
            sql = f"SELECT {columns(schema.names)} FROM {self.sql(name, stored=True)} ORDER BY {BATCH}, {ROW}"
            rows: pa.Table = connection.sql(sql).to_arrow_table()
            return rows.cast(schema)

    def sql(self, table: str, *, stored: bool = False) -> str:
        """A relation over the rows of a table: the contract's columns, or with the two of storage as well."""
        rows = self._of(table)
        schema = stored_schema(TABLES[table]) if stored else TABLES[table].schema
        if not rows.files:
            return read_nothing(schema)
        where = f" WHERE {rows.condition}" if rows.condition else ""
        return f"(SELECT {columns(schema.names)} FROM {read_files(self._paths(table))}{where})"

    def _of(self, table: str) -> Rows:
        if table not in TABLES:
            raise NotFound(f"the ledger has no table {table}", next_step=f"Tables: {', '.join(TABLES)}.")
        if table not in self._rows:
            version = self.versions.get(table)
            self._rows[table] = Rows(()) if version is None else self._stored[table].as_of(version)
        return self._rows[table]

    def _paths(self, table: str) -> list[str]:
        place = self._stored[table].place
        return [place.full(file.path) for file in self._of(table).files]

    def register(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Make a view per table, and beside it `TABLE_rows` with the two columns that give the order."""
        with storage_errors("opening a snapshot"):
            self._place.attach(connection)
            for name in TABLES:
                connection.execute(f"CREATE OR REPLACE TEMP VIEW {quoted(name)} AS FROM {self.sql(name)}")
                connection.execute(
                    f"CREATE OR REPLACE TEMP VIEW {quoted(name + '_rows')} AS FROM {self.sql(name, stored=True)}"
                )
