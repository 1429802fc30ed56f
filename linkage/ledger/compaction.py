"""Compaction: many small files become few large ones, with the same rows in the same order.

Compacted files are sorted by commit, so that the rows which one version appended still lie together and are found by
looking at few row groups. The files they replace stay on disk until they are older than the retention: until then old
snapshots can be read, and a reader in the middle of one is not disturbed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from linkage.ledger.parquet import read_files
from linkage.ledger.place import explain, storage_errors
from linkage.ledger.stored import BATCH, ROW, DataFile, NotCommitted, Overtaken, StoredTable
from linkage.model.progress import Progress

#: A file from this size on is left alone, and files are joined up to twice this size.
LARGE = 64 * 1024 * 1024
#: Files that nothing names any more are removed after a week.
RETENTION_HOURS = 168
_READ = 122_880


@dataclass(frozen=True, slots=True)
class Compacted:
    """What compaction did to a table: its files before and after, and old files removed from disk."""

    table: str
    files_before: int
    files_after: int
    removed: int


def compact(
    stored: StoredTable,
    connection: duckdb.DuckDBPyConnection,
    *,
    below: int,
    retention_hours: int,
    progress: Progress,
) -> Compacted:
    """Join the files of a table that have fewer bytes than `below`, then remove files older than the retention that no
    version needs now."""
    stored.refresh()
    before = stored.live()
    groups = list(_groups(before, below))
    step = f"compact {stored.table.name}"
    for done, group in enumerate(groups):
        progress(step, done, len(groups))
        _join(stored, connection, group)
    removed = stored.clean_up(retention_hours)
    progress(step, len(groups), len(groups))
    return Compacted(stored.table.name, len(before), len(stored.live()), removed)


def _groups(files: list[DataFile], below: int) -> Iterator[list[DataFile]]:
    """Small files in groups that make one file each."""
    group: list[DataFile] = []
    size = 0
    for file in files:
        if file.size >= below:
            continue
        if group and size + file.size > 2 * LARGE:
            if len(group) > 1:
                yield group
            group, size = [], 0
        group.append(file)
        size += file.size
    if len(group) > 1:
        yield group


def _join(stored: StoredTable, connection: duckdb.DuckDBPyConnection, group: list[DataFile]) -> None:
    paths = [stored.place.full(file.path) for file in group]
    with storage_errors(f"compacting table {stored.table.name}"):
        sql = f"SELECT {', '.join(_quoted(stored))} FROM {read_files(paths)} ORDER BY {BATCH}, {ROW}"
        joined = stored.write_stored(_batches(connection, sql, stored))
    while (base := stored.refresh()) is not None and _all_live(stored, group):
        try:
            stored.commit_replace(group, [joined], base=base)
        except Overtaken:
            continue  # somebody appended: nothing of ours is touched by that
        except NotCommitted as refused:
            stored.discard([joined])
            cause = refused.__cause__ or refused
            raise explain(f"compacting table {stored.table.name}", cause) from cause
        return
    stored.discard([joined])  # another process has compacted these files


def _quoted(stored: StoredTable) -> list[str]:
    return [f'"{name}"' for name in stored.schema.names]


def _batches(connection: duckdb.DuckDBPyConnection, sql: str, stored: StoredTable) -> Iterator[pa.RecordBatch]:
    for batch in connection.sql(sql).to_arrow_reader(_READ):
        yield from pa.Table.from_batches([batch]).cast(stored.schema).to_batches()


def _all_live(stored: StoredTable, group: list[DataFile]) -> bool:
    live = {file.path for file in stored.live()}
    return all(file.path in live for file in group)
