"""Erasure: rows that are to be nowhere any more, or not as they are, taken out of the files that hold them.

A file that holds any is written anew without them and put in its place by a commit, as in compaction: readers and
writers go on. What the log says of a commit are paths and numbers of rows, never a value, so it stays as it is. The old
files are removed at the end, by `StoredTable.drop_unneeded`; until then whoever reads them is not disturbed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from linkage.ledger.parquet import quoted, read_files
from linkage.ledger.place import explain, storage_errors
from linkage.ledger.stored import BATCH, ROW, DataFile, NotCommitted, Overtaken, StoredTable

_READ = 122_880


@dataclass(frozen=True, slots=True)
class Edit:
    """Which rows of a table are concerned, an SQL condition over its columns, and what is to stand in the place of one:
    None: nothing. `lists` are tables that the condition may name."""

    condition: str
    change: Callable[[dict[str, Any]], dict[str, Any] | None]
    lists: Mapping[str, pa.Table]


@dataclass(frozen=True, slots=True)
class Erased:
    """How many rows of a table went, and how many stay and say less."""

    table: str
    removed: int
    changed: int


def concerned(connection: duckdb.DuckDBPyConnection, table: str, relation: str, edit: Edit) -> Erased:
    """What an edit would do to the rows of a relation."""
    _register(connection, edit)
    rows = connection.sql(f"SELECT t.* FROM {relation} AS t WHERE {edit.condition}").to_arrow_table().to_pylist()
    after = [edit.change(row) for row in rows]
    changed = sum(new is not None and new != old for old, new in zip(rows, after, strict=True))
    return Erased(table, sum(new is None for new in after), changed)


def rewrite(stored: StoredTable, connection: duckdb.DuckDBPyConnection, edit: Edit) -> Erased:
    """Write the files anew that hold rows which are concerned; other writers may be at work."""
    _register(connection, edit)
    removed = changed = 0
    written: set[str] = set()
    while (base := stored.refresh()) is not None and (file := _next(stored, connection, edit, written)) is not None:
        rows = _rows(stored, connection, f"WHERE {edit.condition}", file).to_pylist()
        after = [edit.change(row) for row in rows]
        new = _write(stored, connection, edit, file, [row for row in after if row is not None])
        try:
            stored.commit_erasure(file, new, base=base)
        except Overtaken:
            stored.discard([new])
            continue
        except NotCommitted as refused:
            stored.discard([new])
            cause = refused.__cause__ or refused
            raise explain(f"erasing from table {stored.table.name}", cause) from cause
        written.add(new.path)
        removed += sum(row is None for row in after)
        changed += sum(row is not None and row != old for old, row in zip(rows, after, strict=True))
    return Erased(stored.table.name, removed, changed)


def _register(connection: duckdb.DuckDBPyConnection, edit: Edit) -> None:
    for name, rows in edit.lists.items():
        connection.register(name, rows)


def _next(stored: StoredTable, connection: duckdb.DuckDBPyConnection, edit: Edit, written: set[str]) -> DataFile | None:
    """A file that holds rows which are concerned, of those that were not written here."""
    files = {stored.place.full(file.path): file for file in stored.live() if file.path not in written}
    for path, file in files.items():
        with storage_errors(f"reading table {stored.table.name}"):
            sql = f"SELECT 1 FROM {read_files([path])} AS t WHERE {edit.condition} LIMIT 1"
            if connection.execute(sql).fetchall():
                return file
        written.add(file.path)
    return None


def _rows(stored: StoredTable, connection: duckdb.DuckDBPyConnection, where: str, file: DataFile) -> pa.Table:
    names = ", ".join(f"t.{quoted(name)}" for name in stored.schema.names)
    with storage_errors(f"reading table {stored.table.name}"):
        path = stored.place.full(file.path)
        found: pa.Table = connection.sql(f"SELECT {names} FROM {read_files([path])} AS t {where}").to_arrow_table()
        return found.cast(stored.schema)


def _write(
    stored: StoredTable,
    connection: duckdb.DuckDBPyConnection,
    edit: Edit,
    file: DataFile,
    changed: Sequence[Mapping[str, Any]],
) -> DataFile:
    """A file of all rows that stay, in their order."""
    names = ", ".join(f"t.{quoted(name)}" for name in stored.schema.names)
    connection.register("changed_rows", pa.Table.from_pylist(list(changed), schema=stored.schema))
    path = stored.place.full(file.path)
    sql = (
        f"SELECT {names} FROM {read_files([path])} AS t WHERE ({edit.condition}) IS NOT TRUE "
        f"UNION ALL SELECT {names} FROM changed_rows AS t ORDER BY {BATCH}, {ROW}"
    )
    try:
        with storage_errors(f"writing to table {stored.table.name}"):
            return stored.write_stored(_batches(connection, sql, stored))
    finally:
        connection.unregister("changed_rows")


def _batches(connection: duckdb.DuckDBPyConnection, sql: str, stored: StoredTable) -> Iterator[pa.RecordBatch]:
    for batch in connection.sql(sql).to_arrow_reader(_READ):
        yield from pa.Table.from_batches([batch]).cast(stored.schema).to_batches()


def mentions(column: str, texts: str) -> str:
    """The SQL condition that a column holds any of the texts of a list (column `text`, lower case)."""
    return f"EXISTS (FROM {texts} AS m WHERE contains(lower({column}), m.text))"
