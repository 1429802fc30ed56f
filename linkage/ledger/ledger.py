"""The ledger: append, snapshot, changes. A write is accepted when its commit is on disk.

Appending is optimistic. Rows are compared with the ledger as it stands, written as files that nobody sees yet, and
committed as the next version. If another writer took that version, only what it brought is compared and the commit
is tried again; the files stay, unless they now hold a duplicate or a number that is too low.
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import tenacity

from linkage.errors import BadInput, LedgerDamaged, LedgerUnavailable, NotFound
from linkage.ledger import erasure
from linkage.ledger.compaction import LARGE, RETENTION_HOURS, Compacted, compact
from linkage.ledger.novelty import Novelty, Runs, Seen
from linkage.ledger.parquet import columns
from linkage.ledger.place import Place, explain, storage_errors
from linkage.ledger.snapshot import Snapshot
from linkage.ledger.stored import ROW, ROW_GROUP, DataFile, LogEntry, NotCommitted, Overtaken, StoredTable
from linkage.ledger.tables import FACTS, TABLES
from linkage.ledger.verification import faults
from linkage.model.progress import Progress, silent

#: Rows that are compared, written and held in memory at a time.
SLICE = 4 * ROW_GROUP
_DISTINCT = frozenset(table.name for table in FACTS)
#: Files of fewer bytes, and so many of them, are joined without being asked; what they were goes an hour later.
TINY = 4 * 2**20
SCATTERED = 500
TIDY_RETENTION_HOURS = 1
#: Seconds that an append keeps trying while others are faster.
PATIENCE = 120.0


@dataclass(frozen=True, slots=True)
class Appended:
    """What an append did. `version` is None where nothing was written; `repeated`: that batch id was there already."""

    accepted: int
    duplicate: int
    version: int | None
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """The rows of one of several callers whose rows are appended together."""

    rows: pa.Table
    batch_id: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """The rows that one version of a table appended, in order: how many, and the rows themselves, read as they are
    taken."""

    table: str
    version: int
    rows: int
    batches: Iterator[pa.RecordBatch]


@dataclass(frozen=True, slots=True)
class Commit:
    """One version of a table: when, by which operation, how many rows it appended, under which batch ids."""

    table: str
    version: int
    at: datetime
    operation: str
    rows: int
    batch_ids: tuple[str, ...]


class Ledger:
    """The append-only store in a folder or at an object-store URL. Its tables are made on their first append."""

    def __init__(
        self,
        url: str,
        *,
        memory_limit: str = "2GB",
        threads: int | None = None,
        protect: Callable[[str, pa.Table], pa.Table] = lambda table, rows: rows,
    ) -> None:
        """`protect` makes of the rows of a table what may be kept of them; it is asked before anything is compared."""
        self._protect = protect
        self.place = Place(url)
        self._stored = {name: StoredTable(table, self.place.table(name)) for name, table in TABLES.items()}
        seen = Path(self.place.url) / "_seen" if self.place.local else None
        self._seen = {
            name: Seen(stored, None if seen is None else seen / f"{name}.arrow")
            for name, stored in self._stored.items()
        }
        self._memory_limit = memory_limit
        self._threads = threads
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._lock = threading.Lock()

    # -- writing --------------------------------------------------------------------------------------------

    def append(self, table: str, rows: pa.Table | Iterable[pa.RecordBatch], *, batch_id: str | None = None) -> Appended:
        """Add rows to a table; facts that are there already, all columns equal, are not added again.

        All of the call's rows become one version, or none. With a `batch_id` that is in the ledger already nothing
        is written. Raises `BadInput` for other columns than the table's, `LedgerUnavailable` where the storage
        refuses; then nothing was added.
        """
        stored = self._table(table)
        base = stored.refresh()
        if batch_id is not None and stored.committed(batch_id):
            return Appended(0, 0, None, repeated=True)
        with self.place.writing(), self._cursor() as connection:
            batch = _Batch(stored, self._seen[table], connection, base, distinct=table in _DISTINCT)
            try:
                batch.take(self._protect(table, piece) for piece in _slices(rows, stored))
                return self._commit(batch, batch_id)
            except BaseException:
                batch.abandon()
                raise

    def append_together(self, table: str, parts: Sequence[Part]) -> list[Appended]:
        """Add the rows of several callers in one commit; each is told of its own, as if it had appended alone."""
        stored = self._table(table)
        base = stored.refresh()
        parts = [Part(self._protect(table, _conform(part.rows, stored)), part.batch_id) for part in parts]
        named = [part.batch_id for part in parts if part.batch_id is not None]
        if len(named) == len(set(named)) and not any(stored.committed(batch_id) for batch_id in named):
            with self.place.writing(), self._cursor() as connection:
                batch = _Batch(stored, self._seen[table], connection, base, distinct=table in _DISTINCT)
                try:
                    return batch.commit_together(parts)
                except Overtaken:
                    batch.abandon()
                except BaseException:
                    batch.abandon()
                    raise
        # Something of it is there already, or another writer was faster: one after the other.
        return [self.append(table, part.rows, batch_id=part.batch_id) for part in parts]

    def _commit(self, batch: _Batch, batch_id: str | None) -> Appended:
        patience = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(Overtaken),
            wait=tenacity.wait_random_exponential(multiplier=0.005, max=1.0),
            stop=tenacity.stop_after_delay(PATIENCE),
        )
        try:
            return patience(lambda: batch.commit(batch_id))
        except tenacity.RetryError as error:
            raise LedgerUnavailable(
                f"table {batch.stored.table.name} was written by others for {PATIENCE:.0f} s without a gap",
                next_step="Try again; nothing of this batch was taken.",
            ) from error

    # -- reading --------------------------------------------------------------------------------------------

    def version(self, table: str) -> int | None:
        """The current version of a table; None where nothing was ever appended."""
        return self._table(table).refresh()

    def versions(self) -> dict[str, int]:
        """The current version of every table that exists."""
        found = ((name, self.version(name)) for name in TABLES)
        return {name: version for name, version in found if version is not None}

    def snapshot(self, versions: dict[str, int] | None = None, *, at: datetime | None = None) -> Snapshot:
        """The ledger now, at the versions named (tables not named: without rows), or as it stood at a moment."""
        if versions is not None and at is not None:
            raise BadInput("a snapshot is taken by versions or by time, not both")
        if at is not None:
            if at.tzinfo is None:
                raise BadInput("the moment of a snapshot needs a time zone")
            found = ((name, self._stored[name].version_at(at)) for name in TABLES)
            versions = {name: version for name, version in found if version is not None}
        current = self.versions()
        if versions is None:
            versions = current
        ahead = [f"{name}: {v}" for name, v in versions.items() if v < 0 or v > current.get(self._known(name), -1)]
        if ahead:
            raise NotFound("the ledger has no such versions", details=ahead)
        return Snapshot(self.place, self._stored, versions)

    def changes(self, table: str, after: int | None = None) -> Iterator[Change]:
        """The rows that each version after `after` appended, version by version (None: from the start).

        Versions that only keep the table in order have no rows and are left out. Rows are given in the order they
        were appended in, also where compaction has since moved them to another file.
        """
        stored = self._table(table)
        last = stored.refresh()
        if last is not None and after is not None and after > last:
            raise LedgerDamaged(
                f"table {table} ends at version {last}, but {after} was read before: the ledger was set back",
                next_step="Run `linkage graph rebuild` to bring the graph to what the ledger holds.",
            )
        for entry in stored.entries(after, last):
            if entry.appended:
                yield Change(table, entry.version, entry.rows, self._rows(stored, entry))

    def appended_since(self, table: str, after: int | None = None) -> str | None:
        """SQL of the rows that all versions after `after` appended (None: from the start), in no order.

        None where there are none. For a connection that `place.attach` has seen.
        """
        stored = self._table(table)
        return stored.rows_of(*stored.entries(after, stored.refresh()))

    def _rows(self, stored: StoredTable, entry: LogEntry) -> Iterator[pa.RecordBatch]:
        recent = stored.recent(entry.version)
        if recent is not None:
            yield from recent.to_batches()
            return
        source = stored.rows_of(entry)
        sql = f"SELECT {columns(stored.table.schema.names)} FROM {source} ORDER BY {ROW}"
        with self._cursor() as connection, storage_errors(f"reading version {entry.version} of {stored.table.name}"):
            for batch in connection.sql(sql).to_arrow_reader(65_536):
                yield from pa.Table.from_batches([batch]).cast(stored.table.schema).to_batches()

    def history(self, table: str) -> list[Commit]:
        """The versions of a table, oldest first."""
        stored = self._table(table)
        stored.refresh()
        return [
            Commit(table, entry.version, entry.at, entry.operation, entry.rows, entry.batch_ids)
            for entry in stored.entries()
        ]

    # -- upkeep ---------------------------------------------------------------------------------------------

    def compact(
        self, *, below: int = LARGE, retention_hours: int = RETENTION_HOURS, progress: Progress = silent
    ) -> list[Compacted]:
        """Join files with fewer bytes than `below` and remove files that no version has needed for `retention_hours`.

        Readers and writers may go on meanwhile. Snapshots of versions that were current before are readable as
        long as the retention; `changes` gives every version's rows for ever.
        """
        there = (stored for stored in self._stored.values() if stored.refresh() is not None)
        return [self._compact(stored, below, retention_hours, progress) for stored in there]

    def tidy(self) -> list[Compacted]:
        """Join what single calls have left in the tables that are full of it: cheap enough for every minute."""
        scattered = (
            stored
            for stored in self._stored.values()
            if stored.refresh() is not None and sum(file.size < TINY for file in stored.live()) >= SCATTERED
        )
        return [self._compact(stored, TINY, TIDY_RETENTION_HOURS, silent) for stored in scattered]

    def _compact(self, stored: StoredTable, below: int, retention_hours: int, progress: Progress) -> Compacted:
        with self.place.writing(), self._cursor() as connection:
            return compact(stored, connection, below=below, retention_hours=retention_hours, progress=progress)

    def erase(self, edits: Mapping[str, erasure.Edit], *, progress: Progress = silent) -> list[erasure.Erased]:
        """Take rows out of tables, or let them say less, in every file of the current version; done twice it does
        nothing more. What older versions held is gone once `drop_unneeded` is through."""
        done = []
        for step, (table, edit) in enumerate(edits.items(), 1):
            with self.place.writing(), self._cursor() as connection:
                done.append(erasure.rewrite(self._table(table), connection, edit))
            progress("erase from the ledger", step, len(edits))
        return done

    def drop_unneeded(self) -> int:
        """Remove what no current version needs: older files, what killed writers left, the hashes of rows.

        Waits for whoever writes to a local ledger; who reads an older version meanwhile meets missing files.
        """
        with self.place.alone():
            for seen in self._seen.values():
                seen.forget()
            return sum(stored.drop_unneeded() for stored in self._stored.values() if stored.refresh() is not None)

    def verify(self, *, deep: bool = False, progress: Progress = silent) -> list[str]:
        """Name every fault: log entries, files, sizes and row counts; deep: every page against its checksum."""
        return [fault for stored in self._stored.values() for fault in faults(stored, deep=deep, progress=progress)]

    # -- inside ---------------------------------------------------------------------------------------------

    def _known(self, name: str) -> str:
        if name not in TABLES:
            raise NotFound(f"the ledger has no table {name}", next_step=f"Tables: {', '.join(TABLES)}.")
        return name

    def _table(self, name: str) -> StoredTable:
        return self._stored[self._known(name)]

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        with self._lock:
            if self._connection is None:
                spill = Path(tempfile.gettempdir(), f"linkage-ledger-{os.getpid()}")
                config: dict[str, str | int] = {"memory_limit": self._memory_limit, "temp_directory": str(spill)}
                if self._threads is not None:
                    config["threads"] = self._threads
                self._connection = duckdb.connect(config=config)  # type: ignore[arg-type]
                self.place.attach(self._connection)
            return self._connection.cursor()


class _Batch:
    """One append under way: what was found new and written, waiting for its commit."""

    def __init__(
        self,
        stored: StoredTable,
        seen: Seen,
        connection: duckdb.DuckDBPyConnection,
        base: int | None,
        *,
        distinct: bool,
    ) -> None:
        self.stored = stored
        self._seen = seen
        self._base = base
        self._novelty = Novelty(connection, stored, seen, base) if distinct else None
        self._number = stored.number(base)
        self._files: list[DataFile] = []
        #: what the files hold, as long as it is one slice
        self._rows: pa.Table | None = None
        self._rows_in = 0
        self._rows_out = 0
        self._stale = False

    def take(self, slices: Iterable[pa.Table]) -> None:
        """Write the new ones of some rows to files, one a slice, while the next slice is being compared."""
        written: list[Future[DataFile]] = []
        try:
            with ThreadPoolExecutor(1, "ledger-writer") as writer:
                waiting: Callable[[], DataFile] | None = None
                for rows in slices:
                    fresh = self._fresh(rows)
                    if not fresh.num_rows:
                        continue
                    if waiting is not None:
                        if written:
                            written[-1].result()  # no more than one slice is being written, and one waits
                        written.append(writer.submit(waiting))
                    waiting = partial(self.stored.write, fresh, self._number, self._rows_out)
                    self._rows = None if self._rows_out else fresh
                    self._rows_out += fresh.num_rows
                if waiting is not None:
                    # The last slice, most often the only one, is worth no thread.
                    last: Future[DataFile] = Future()
                    last.set_result(waiting())
                    written.append(last)
        finally:
            self._files = [file.result() for file in written if file.exception() is None]
        for file in written:
            file.result()

    def commit_together(self, parts: Sequence[Part]) -> list[Appended]:
        """Write the new rows of several callers as one file and make it the next version; `Overtaken` where another
        writer did so first."""
        fresh = [self._fresh(part.rows) for part in parts]
        rows = pa.concat_tables(fresh)
        if rows.num_rows:
            self._files = [self.stored.write(rows, self._number, 0)]
            self._rows, self._rows_out = rows, rows.num_rows
        if self.stored.refresh() != self._base:
            raise Overtaken
        named = [part.batch_id for part, new in zip(parts, fresh, strict=True) if part.batch_id and new.num_rows]
        version = self._commit_new(named) if rows.num_rows else None
        return [
            Appended(new.num_rows, part.rows.num_rows - new.num_rows, version if new.num_rows else None)
            for part, new in zip(parts, fresh, strict=True)
        ]

    def _commit_new(self, batch_ids: Sequence[str]) -> int:
        version = self._commit_files(batch_ids)
        if self._novelty is not None and not self._stale:
            self._seen.took(self._base, version, self._novelty.hashes)
        if self._rows is not None:
            self.stored.remember(version, self._rows)
        return version

    def _fresh(self, rows: pa.Table) -> pa.Table:
        self._rows_in += rows.num_rows
        fresh = rows if self._novelty is None else self._novelty.fresh(rows)
        if fresh.num_rows:
            self._make_table()
        return fresh

    def _make_table(self) -> None:
        if self._base is None:
            self.stored.make()
            # Made by us it has no rows yet; made by another writer it is looked at before the commit.
            self._base = 0

    def commit(self, batch_id: str | None) -> Appended:
        """Make the files the next version; raise `Overtaken` where another writer did so first."""
        current = self.stored.refresh()
        if batch_id is not None and self.stored.committed(batch_id):
            self.abandon()
            return Appended(0, 0, None, repeated=True)
        if current != self._base:
            self._catch_up(current)
        duplicate = self._rows_in - self._rows_out
        if not self._rows_out:
            return Appended(0, duplicate, None)
        version = self._commit_new(() if batch_id is None else (batch_id,))
        return Appended(self._rows_out, duplicate, version)

    def _commit_files(self, batch_ids: Sequence[str]) -> int:
        # From here on they may be in the ledger, whatever the storage says: only who knows better removes them.
        files, self._files = self._files, []
        try:
            return self.stored.commit_append(files, base=self._base, number=self._number, batch_ids=batch_ids)
        except Overtaken:
            self._files = files
            raise
        except NotCommitted as refused:
            self._files = files
            cause = refused.__cause__ or refused
            raise explain(f"writing to table {self.stored.table.name}", cause) from cause

    def abandon(self) -> None:
        """Remove what was written and not committed."""
        self.stored.discard(self._files)
        self._files = []

    def _catch_up(self, current: int | None) -> None:
        """Compare with what others committed meanwhile; write anew what must change."""
        source = self.stored.rows_of(*self.stored.entries(self._base, current))
        others = self._novelty.brought(source) if source is not None and self._novelty is not None else None
        if others is not None or (source is not None and self.stored.ordered):
            self._number = self.stored.number(current)
            self._rewrite(others)
        self._base = current

    def _rewrite(self, others: Runs | None) -> None:
        """Write the files anew: under another number, and without the rows that others brought."""
        old, self._files, self._rows, self._rows_out = self._files, [], None, 0
        try:
            for file in old:
                rows = self.stored.read(file)
                if others is not None and self._novelty is not None:
                    rows = self._novelty.without(rows, others)
                if rows.num_rows:
                    self._files.append(self.stored.write(rows, self._number, self._rows_out))
                    self._rows_out += rows.num_rows
        finally:
            self.stored.discard(old)
        self._stale = others is not None


def _slices(rows: pa.Table | Iterable[pa.RecordBatch], stored: StoredTable) -> Iterator[pa.Table]:
    """Hand the rows on in tables of the contract's columns and of bounded size."""
    if isinstance(rows, pa.Table):
        for start in range(0, rows.num_rows, SLICE):
            yield _conform(rows.slice(start, SLICE), stored)
        if not rows.num_rows:
            _conform(rows, stored)
        return
    waiting: list[pa.RecordBatch] = []
    held = 0
    for batch in rows:
        waiting.append(batch)
        held += batch.num_rows
        if held >= SLICE:
            yield from _slices(pa.Table.from_batches(waiting), stored)
            waiting, held = [], 0
    if waiting:
        yield from _slices(pa.Table.from_batches(waiting), stored)


def _conform(rows: pa.Table, stored: StoredTable) -> pa.Table:
    schema = stored.table.schema
    faults = [f"missing column: {name}" for name in schema.names if name not in rows.column_names]
    faults += [f"unknown column: {name}" for name in rows.column_names if name not in schema.names]
    if faults:
        raise BadInput(f"these are no rows of table {stored.table.name}", details=faults)
    if rows.schema.equals(schema):
        return rows
    try:
        # Times finer than a microsecond are cut, everything else must fit.
        arrays = [pc.cast(rows.column(f.name), f.type, safe=not pa.types.is_timestamp(f.type)) for f in schema]
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise BadInput(f"these are no rows of table {stored.table.name}", details=[str(error)]) from error
    return pa.table(arrays, schema=schema)
