"""What is new in a batch: rows that neither the ledger nor the batch itself holds already.

A fact is its content, so every append is compared with everything that was ever accepted, all columns, NULL being
equal to NULL. Rows are compared by 128 bits: two 64-bit hashes by DuckDB, the second over salted values, so that two
rows share both by chance once in 10²⁰ ledgers of a billion rows.

The hashes of accepted rows are kept sorted, in runs that are merged as they grow: look-ups are logarithmic, adding
is cheap. The runs live in memory, 16 bytes a row; beside a local ledger they are also kept in a file (`_seen/`),
which is mapped, not read, so that a new process appends at once. That file is only a shortcut: it names the table,
the version and the DuckDB release that it belongs to, is made anew where it does not fit, and may be deleted.
"""

from __future__ import annotations

import json
import os
import secrets
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from linkage.ledger.parquet import columns, literal, quoted
from linkage.ledger.place import storage_errors
from linkage.ledger.stored import StoredTable

Words = npt.NDArray[np.uint64]
Mask = npt.NDArray[np.bool_]
#: A ledger smaller than this is hashed anew faster than anybody notices.
WORTH_KEEPING = 100_000
_KEPT = pa.schema([("first", pa.uint64()), ("second", pa.uint64())])


@dataclass(frozen=True, slots=True)
class Hashes:
    """The hashes of rows: two parallel arrays of 64-bit words."""

    first: Words
    second: Words

    def __len__(self) -> int:
        return len(self.first)

    def take(self, which: npt.NDArray[np.int64] | Mask) -> Hashes:
        """The hashes at some places."""
        return Hashes(self.first[which], self.second[which])

    def sorted(self) -> Hashes:
        """The same hashes, sorted by their first word."""
        return self.take(np.argsort(self.first))

    @classmethod
    def joined(cls, parts: list[Hashes]) -> Hashes:
        """The hashes of several parts, one after another."""
        empty = np.empty(0, np.uint64)
        return cls(
            np.concatenate([part.first for part in parts] or [empty]),
            np.concatenate([part.second for part in parts] or [empty]),
        )


class Runs:
    """A growing multiset of hashes: sorted runs of falling size."""

    def __init__(self, sorted_run: Hashes | None = None) -> None:
        self._runs = [sorted_run] if sorted_run is not None and len(sorted_run) else []

    def __len__(self) -> int:
        return sum(len(run) for run in self._runs)

    def add(self, hashes: Hashes) -> None:
        """Take hashes in, sorted by their first word."""
        if not len(hashes):
            return
        self._runs.append(hashes)
        while len(self._runs) > 1 and 2 * len(self._runs[-1]) >= len(self._runs[-2]):
            self._merge_last(2)

    def merged(self) -> Hashes:
        """All hashes as one sorted run."""
        self._merge_last(len(self._runs))
        return self._runs[0] if self._runs else Hashes.joined([])

    def hold(self, hashes: Hashes) -> Mask:
        """Tell for each of some hashes, sorted by their first word, whether it is there."""
        found = np.zeros(len(hashes), bool)
        for run in self._runs:
            at = np.searchsorted(run.first, hashes.first)
            looking = np.arange(len(hashes))
            while len(looking):
                # Different rows may share the first word, once in a very long while: look at all that do.
                looking = looking[at[looking] < len(run)]
                looking = looking[run.first[at[looking]] == hashes.first[looking]]
                hit = run.second[at[looking]] == hashes.second[looking]
                found[looking[hit]] = True
                looking = looking[~hit]
                at[looking] += 1
        return found

    def _merge_last(self, count: int) -> None:
        if count > 1:
            both = Hashes.joined(self._runs[-count:])
            # Sorted runs one after another: a stable sort merges them.
            self._runs[-count:] = [both.take(np.argsort(both.first, kind="stable"))]


class Seen:
    """The hashes of every row of a table up to a version: built when first needed, then following the log."""

    def __init__(self, stored: StoredTable, keep: Path | None) -> None:
        self._stored = stored
        self._keep = keep
        self._kept = 0
        self._runs: Runs | None = None
        self._version: int | None = None
        self._salt = secrets.token_hex(8)
        self._lock = threading.Lock()

    def follow(self, connection: duckdb.DuckDBPyConnection, version: int | None) -> None:
        """Bring the hashes up to a version of the table, or beyond."""
        with self._lock:
            if self._runs is None:
                self._runs = self._load(version) or Runs()
            if version is None or (self._version is not None and self._version >= version):
                return
            since = [] if self._version is None else list(self._stored.entries(self._version, version))
            if any(entry.erased is not None for entry in since):
                # What was erased is a new fact when it is said again.
                self._runs, self._version, self._kept = Runs(), None, 0
            source = self._stored.rows_at(version) if self._version is None else self._stored.rows_of(*since)
            if source is not None:
                self._runs.add(self.hash(connection, source).sorted())
            self._version = version
            self._save()

    def took(self, base: int | None, version: int, hashes: Hashes) -> None:
        """Note the rows of our own commit, sorted, without reading them back, if nothing lies between."""
        with self._lock:
            nothing_between = self._version == base or (self._version is None and base == 0)
            if self._runs is not None and nothing_between:
                self._runs.add(hashes)
                self._version = version
                self._save()

    def forget(self) -> None:
        """Forget all hashes, the kept file too: they are made anew of what the table holds."""
        with self._lock:
            self._runs, self._version, self._kept = None, None, 0
            if self._keep is not None:
                for file in self._keep.parent.glob(f"{self._keep.stem}.*"):
                    file.unlink(missing_ok=True)

    def hold(self, hashes: Hashes) -> Mask:
        """Tell for each of some hashes, sorted by their first word, whether a row of the ledger has it."""
        with self._lock:
            return self._runs.hold(hashes) if self._runs is not None else np.zeros(len(hashes), bool)

    def hash(self, connection: duckdb.DuckDBPyConnection, source: str) -> Hashes:
        """The hashes of a relation's rows over the contract's columns, in the relation's order."""
        schema = self._stored.table.schema
        salted = (
            f"{literal(self._salt)} || {quoted(field.name)}" if field.type == pa.string() else quoted(field.name)
            for field in schema
        )
        sql = f"SELECT hash({columns(schema.names)}) AS first, hash({', '.join(salted)}) AS second FROM {source}"
        with storage_errors(f"reading table {self._stored.table.name}"):
            result = connection.execute(sql).fetchnumpy()
        return Hashes(np.asarray(result["first"], np.uint64), np.asarray(result["second"], np.uint64))

    # -- the file beside a local ledger ---------------------------------------------------------------------

    def _load(self, version: int | None) -> Runs | None:
        if self._keep is None or version is None:
            return None
        try:
            kept = pa.ipc.open_file(pa.memory_map(str(self._keep))).read_all()
            about = json.loads(kept.schema.metadata[b"linkage"])
            if about["table"] != self._stored.id() or about["duckdb"] != duckdb.__version__:
                return None
            if about["version"] > version or about["rows"] != kept.num_rows:
                return None
            first, second = (kept.column(name).chunk(0).to_numpy() for name in _KEPT.names)
        except (OSError, ValueError, KeyError, TypeError, IndexError, pa.ArrowException):
            return None
        self._salt, self._version, self._kept = about["salt"], about["version"], kept.num_rows
        return Runs(Hashes(first, second))

    def _save(self) -> None:
        """Keep the hashes once enough have come in since they were last kept."""
        if self._keep is None or self._runs is None:
            return
        if len(self._runs) - self._kept < max(WORTH_KEEPING, self._kept // 4):
            return
        run = self._runs.merged()
        about = {
            "table": self._stored.id(),
            "version": self._version,
            "duckdb": duckdb.__version__,
            "salt": self._salt,
            "rows": len(run),
        }
        rows = pa.record_batch([pa.array(run.first), pa.array(run.second)], schema=_KEPT)
        draft = self._keep.with_suffix(f".{os.getpid()}-{secrets.token_hex(4)}")
        try:
            self._keep.parent.mkdir(parents=True, exist_ok=True)
            with draft.open("wb") as file:
                with pa.ipc.new_file(file, _KEPT.with_metadata({"linkage": json.dumps(about)})) as writer:
                    writer.write_batch(rows)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._keep)
        except OSError:
            # Only a shortcut: the next process will take the long way.
            with suppress(OSError):
                draft.unlink(missing_ok=True)
        self._kept = len(run)


class Novelty:
    """Finds the new rows of one append, slice by slice: against the ledger at `base`, and against its own slices."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, stored: StoredTable, seen: Seen, base: int | None
    ) -> None:
        self._connection = connection
        self._stored = stored
        self._seen = seen
        self._own = Runs()
        seen.follow(connection, base)

    @property
    def hashes(self) -> Hashes:
        """The hashes of all rows found new so far, sorted."""
        return self._own.merged()

    def fresh(self, rows: pa.Table) -> pa.Table:
        """Return the rows that are new, each once, in their order."""
        hashes = self._hash(rows)
        # Stable: of equal rows the first counts.
        order = np.argsort(hashes.first, kind="stable")
        hashes = hashes.take(order)
        old = self._seen.hold(hashes) | self._own.hold(hashes)
        old[1:] |= (hashes.first[1:] == hashes.first[:-1]) & (hashes.second[1:] == hashes.second[:-1])
        self._own.add(hashes.take(~old))
        return _without(rows, order[old])

    def brought(self, source: str) -> Runs | None:
        """The rows of a relation, if any of them is among those found new so far."""
        hashes = self._seen.hash(self._connection, source).sorted()
        return Runs(hashes) if self._own.hold(hashes).any() else None

    def without(self, rows: pa.Table, others: Runs) -> pa.Table:
        """Return the rows that others do not hold."""
        hashes = self._hash(rows)
        order = np.argsort(hashes.first)
        return _without(rows, order[others.hold(hashes.take(order))])

    def _hash(self, rows: pa.Table) -> Hashes:
        self._connection.register("batch", rows)
        try:
            return self._seen.hash(self._connection, "batch")
        finally:
            self._connection.unregister("batch")


def _without(rows: pa.Table, places: npt.NDArray[np.int64]) -> pa.Table:
    if not len(places):
        return rows
    keep = np.ones(rows.num_rows, bool)
    keep[places] = False
    return rows.filter(pa.array(keep))
