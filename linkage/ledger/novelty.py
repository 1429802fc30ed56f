"""What is new in a batch: rows that neither the ledger nor the batch itself holds already.

A fact is its content, so every append is compared with everything that was ever accepted. Comparing whole rows is
exact and, for a handful of subjects, fast (DuckDB prunes the files by subject). For anything larger the rows are told
apart by a 64-bit hash first: hashes of accepted rows are kept in memory, sorted, 8 bytes a row, in runs that are merged
as they grow. A hash that is not there proves that the row is new; a hash that is there proves nothing (a colliding row
must not be lost), so those rows are compared whole.

The hashes are DuckDB's own and live only as long as the process: they may change with its version.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from linkage.ledger.parquet import columns, literal, quoted, read_files, same_row
from linkage.ledger.place import storage_errors
from linkage.ledger.stored import BATCH, DataFile, LogEntry, StoredTable

Hashes = npt.NDArray[np.uint64]
#: Up to so many distinct subjects DuckDB looks rows up in milliseconds; see docs/ledger.md for the measurement.
FEW_SUBJECTS = 32
#: From so many files on, opening them all costs more than keeping the hashes.
MANY_FILES = 64
_POSITION = "ledger_position"


class Runs:
    """A growing multiset of hashes, as sorted runs of falling size: look-ups stay logarithmic, adding cheap."""

    def __init__(self) -> None:
        self._runs: list[Hashes] = []

    def __len__(self) -> int:
        return sum(len(run) for run in self._runs)

    def add(self, hashes: Hashes) -> None:
        """Take hashes in."""
        if not len(hashes):
            return
        self._runs.append(np.sort(hashes))
        while len(self._runs) > 1 and 2 * len(self._runs[-1]) >= len(self._runs[-2]):
            last = self._runs.pop()
            merged = np.concatenate([self._runs.pop(), last])
            merged.sort(kind="stable")  # two sorted runs: a merge, not a sort
            self._runs.append(merged)

    def hold(self, hashes: Hashes) -> npt.NDArray[np.bool_]:
        """Tell for each hash, which must be sorted, whether it is there."""
        found = np.zeros(len(hashes), bool)
        for run in self._runs:
            at = np.searchsorted(run, hashes)
            np.minimum(at, len(run) - 1, out=at)
            found |= run[at] == hashes
        return found


class Seen:
    """The hashes of every row of a table up to a version, built when first needed, then following the log."""

    def __init__(self, stored: StoredTable) -> None:
        self._stored = stored
        self._runs: Runs | None = None
        self._version: int | None = None
        self._lock = threading.Lock()

    @property
    def built(self) -> bool:
        """Whether the hashes are in memory."""
        return self._runs is not None

    def follow(self, connection: duckdb.DuckDBPyConnection, version: int | None) -> None:
        """Bring the hashes up to a version of the table, or beyond."""
        with self._lock:
            if self._runs is None:
                self._runs = Runs()
                live = self._stored.live(version) if version is not None else []
                if live:
                    self._runs.add(hash_files(connection, self._stored, live))
                self._version = version
            elif version is not None and (self._version is None or self._version < version):
                for entry in self._stored.entries(self._version, version):
                    source = rows_of(self._stored, entry)
                    if source is not None:
                        self._runs.add(hash_rows(connection, self._stored, source))
                self._version = version

    def took(self, base: int | None, version: int, hashes: Hashes) -> None:
        """Note the rows of our own commit without reading them back, if nothing lies between."""
        with self._lock:
            if self._runs is not None and self._version == base:
                self._runs.add(hashes)
                self._version = version

    def hold(self, hashes: Hashes) -> npt.NDArray[np.bool_]:
        """Tell for each sorted hash whether a row of the ledger has it."""
        with self._lock:
            return np.ones(len(hashes), bool) if self._runs is None else self._runs.hold(hashes)


def rows_of(stored: StoredTable, entry: LogEntry) -> str | None:
    """SQL of the rows that a version appended, also where compaction has moved them; None if it appended none."""
    if not entry.appended:
        return None
    present = {file.path for file in stored.live()}
    if all(file.path in present for file in entry.appended):
        return read_files([stored.place.full(file.path) for file in entry.appended])
    everything = read_files([stored.place.full(path) for path in sorted(present)])
    return f"(FROM {everything} WHERE {quoted(BATCH)} = {entry.batch})"


def hash_rows(connection: duckdb.DuckDBPyConnection, stored: StoredTable, source: str) -> Hashes:
    """The hashes of a relation's rows over the contract's columns, in the relation's order."""
    names = columns(stored.table.schema.names)
    with storage_errors(f"reading table {stored.table.name}"):
        result = connection.execute(f"SELECT hash({names}) AS hash FROM {source}").fetchnumpy()
    return np.asarray(result["hash"], np.uint64)


def hash_files(connection: duckdb.DuckDBPyConnection, stored: StoredTable, files: Sequence[DataFile]) -> Hashes:
    """The hashes of the rows of files."""
    return hash_rows(connection, stored, read_files([stored.place.full(file.path) for file in files]))


class Novelty:
    """Finds the new rows of one append, slice by slice: against the ledger at `base`, and against its own slices."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, stored: StoredTable, seen: Seen, base: int | None
    ) -> None:
        self._connection = connection
        self._stored = stored
        self._seen = seen
        self._base = base
        self._names = stored.table.schema.names
        self._live = stored.live(base) if base is not None else []
        self._staged: list[DataFile] = []
        self._hashes: list[Hashes] = []
        self._own = Runs()

    @property
    def hashes(self) -> Hashes:
        """The hashes of all rows found new so far."""
        return np.concatenate(self._hashes) if self._hashes else np.empty(0, np.uint64)

    def staged(self, file: DataFile) -> None:
        """Note where the new rows of the last slice were written."""
        self._staged.append(file)

    def fresh(self, rows: pa.Table) -> pa.Table:
        """Return the rows that are new, each once, in their order."""
        hashes = self._hash(rows)
        order = np.argsort(hashes, kind="stable")
        ordered = hashes[order]
        doubtful = self._own.hold(ordered)
        twice = ordered[1:] == ordered[:-1]
        doubtful[1:] |= twice
        doubtful[:-1] |= twice
        if self._live:
            if self._seen.built or not self._few(rows):
                self._seen.follow(self._connection, self._base)
            doubtful |= self._seen.hold(ordered)
        positions = np.sort(order[doubtful])
        new = np.ones(rows.num_rows, bool)
        if len(positions):
            known = [self._stored.place.full(file.path) for file in (*self._live, *self._staged)]
            new[positions] = self._new_among(rows.take(pa.array(positions, pa.int64())), known)
            rows, hashes = rows.filter(pa.array(new)), hashes[new]
        self._hashes.append(hashes)
        self._own.add(hashes)
        return rows

    def known_in(self, source: str) -> bool:
        """Whether rows of a relation might be among those found new so far."""
        hashes = hash_rows(self._connection, self._stored, source)
        return bool(self._own.hold(np.sort(hashes)).any())

    def without(self, rows: pa.Table, source: str) -> pa.Table:
        """Return the rows that a relation does not hold."""
        return rows.filter(pa.array(self._missing(rows, source)))

    def _hash(self, rows: pa.Table) -> Hashes:
        self._connection.register("batch", rows)
        try:
            return hash_rows(self._connection, self._stored, "batch")
        finally:
            self._connection.unregister("batch")

    def _few(self, rows: pa.Table) -> bool:
        return len(self._live) < MANY_FILES and self._subjects(rows) is not None

    def _subjects(self, rows: pa.Table) -> list[str] | None:
        """The distinct subjects of rows, if they are few and none is missing."""
        subject = self._stored.table.subject
        if rows.num_rows > FEW_SUBJECTS**2:
            return None
        distinct = rows.column(subject).unique().to_pylist()
        named = [str(value) for value in distinct if value is not None]
        return named if len(named) == len(distinct) <= FEW_SUBJECTS else None

    def _new_among(self, rows: pa.Table, known: Sequence[str]) -> npt.NDArray[np.bool_]:
        new = self._first_of_their_kind(rows) if rows.num_rows > 1 else np.ones(rows.num_rows, bool)
        return new & self._missing(rows, read_files(known)) if known else new

    def _first_of_their_kind(self, rows: pa.Table) -> npt.NDArray[np.bool_]:
        sql = (
            f"SELECT {_POSITION} FROM candidates QUALIFY row_number() OVER "
            f"(PARTITION BY {columns(self._names)} ORDER BY {_POSITION}) = 1"
        )
        return self._positions(rows, sql)

    def _missing(self, rows: pa.Table, source: str) -> npt.NDArray[np.bool_]:
        subjects = self._subjects(rows)
        if subjects is not None:
            among = ", ".join(literal(subject) for subject in subjects)
            source = f"(FROM {source} WHERE {quoted(self._stored.table.subject)} IN ({among}))"
        sql = (
            f"SELECT {_POSITION} FROM candidates AS new ANTI JOIN {source} AS old "
            f"ON {same_row(self._names, 'new', 'old')}"
        )
        return self._positions(rows, sql)

    def _positions(self, rows: pa.Table, sql: str) -> npt.NDArray[np.bool_]:
        positions = pa.array(np.arange(rows.num_rows))
        self._connection.register("candidates", rows.append_column(_POSITION, positions))
        try:
            with storage_errors(f"reading table {self._stored.table.name}"):
                found = self._connection.execute(sql).fetchnumpy()[_POSITION]
        finally:
            self._connection.unregister("candidates")
        mask = np.zeros(rows.num_rows, bool)
        mask[np.asarray(found, np.int64)] = True
        return mask
