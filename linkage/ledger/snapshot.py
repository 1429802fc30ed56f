"""A snapshot: the ledger as it stood at certain versions, for reading at the speed of the disk."""

from __future__ import annotations

from collections.abc import Mapping

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from linkage.errors import NotFound
from linkage.ledger.parquet import columns, quoted, read_files, read_nothing
from linkage.ledger.place import Place, storage_errors
from linkage.ledger.stored import BATCH, ROW, StoredTable, stored_schema
from linkage.ledger.tables import TABLES


class Snapshot:
    """The tables of the ledger at fixed versions; a table without a version has no rows."""

    def __init__(self, place: Place, stored: Mapping[str, StoredTable], versions: Mapping[str, int]) -> None:
        self._place = place
        self._stored = stored
        self._files: dict[str, list[str]] = {}
        #: table → version, for the tables that exist
        self.versions: dict[str, int] = dict(versions)

    def files(self, table: str) -> list[str]:
        """The Parquet files of a table: paths (or URLs). Beside the contract's columns they hold two of storage."""
        if table not in TABLES:
            raise NotFound(f"the ledger has no table {table}", next_step=f"Tables: {', '.join(TABLES)}.")
        if table not in self._files:
            version = self.versions.get(table)
            stored = self._stored[table]
            live = [] if version is None else stored.live(version)
            if version != stored.version and any(stored.place.size(file.path) is None for file in live):
                raise NotFound(
                    f"version {version} of table {table} was compacted and its files have since been cleaned up",
                    next_step="Take a newer version (`linkage ledger history`), or compact with a longer retention.",
                )
            self._files[table] = [stored.place.full(file.path) for file in live]
        return self._files[table]

    def table(self, name: str) -> pa.Table:
        """All rows of a table in the order in which the ledger took them."""
        schema = TABLES[name].schema if self.files(name) else None
        if schema is None:
            return TABLES[name].schema.empty_table()
        stored = self._stored[name]
        prefix = len(stored.place.url) + 1
        with storage_errors(f"reading table {name}"):
            parts = [
                pq.read_table(stored.place.files.open_input_file(path[prefix:]), schema=stored.schema)
                for path in self.files(name)
            ]
        rows = pa.concat_tables(parts).sort_by([(BATCH, "ascending"), (ROW, "ascending")])
        return rows.select(schema.names)

    def sql(self, table: str, *, stored: bool = False) -> str:
        """A relation over the rows of a table: the contract's columns, or with the two of storage as well."""
        files = self.files(table)
        schema = stored_schema(TABLES[table]) if stored else TABLES[table].schema
        return f"(SELECT {columns(schema.names)} FROM {read_files(files)})" if files else read_nothing(schema)

    def register(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Make a view per table, and beside it `TABLE_rows` with the two columns that give the order."""
        with storage_errors("opening a snapshot"):
            self._place.attach(connection)
            for name in TABLES:
                connection.execute(f"CREATE OR REPLACE TEMP VIEW {quoted(name)} AS FROM {self.sql(name)}")
                connection.execute(
                    f"CREATE OR REPLACE TEMP VIEW {quoted(name + '_rows')} AS FROM {self.sql(name, stored=True)}"
                )
