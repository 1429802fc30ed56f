"""The runner: runs named steps on one DuckDB connection, times them, and tells how far it is."""

from __future__ import annotations

import resource
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import duckdb
import numpy.typing as npt
import pyarrow as pa

from linkage.model.progress import Progress, silent


class Runner:
    """A DuckDB connection with limits, the named tables made on it, and what each step took."""

    def __init__(self, memory_limit: str, threads: int, progress: Progress = silent) -> None:
        self._spill = tempfile.TemporaryDirectory(prefix="linkage-engine-")
        self.progress = progress
        self.timings: dict[str, float] = {}
        self.connection = duckdb.connect(
            config={
                "memory_limit": memory_limit,
                "threads": threads,
                "temp_directory": self._spill.name,
                "preserve_insertion_order": False,
            }
        )

    def close(self) -> None:
        """Close the connection and remove what was spilled to disk."""
        self.connection.close()
        self._spill.cleanup()

    def table(self, name: str, sql: str) -> None:
        """Make the named table of a step."""
        with self.step(name):
            self.connection.execute(f'CREATE TEMP TABLE "{name}" AS {sql}')

    def view(self, name: str, sql: str) -> None:
        """Name a query that is read once or cheap to repeat."""
        self.connection.execute(f'CREATE TEMP VIEW "{name}" AS {sql}')

    def drop(self, *names: str) -> None:
        """Free tables that no later step reads."""
        for name in names:
            self.connection.execute(f'DROP TABLE "{name}"')

    def arrow(self, sql: str) -> pa.Table:
        """The answer of a query as an Arrow table."""
        table: pa.Table = self.connection.sql(sql).to_arrow_table()
        return table

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """The rows of a small query."""
        return self.connection.execute(sql, list(parameters)).fetchall()

    def arrays(self, sql: str, parameters: Sequence[object] = ()) -> dict[str, npt.NDArray[Any]]:
        """The columns of a query as numpy arrays."""
        return self.connection.execute(sql, list(parameters)).fetchnumpy()

    def give(self, name: str, **columns: object) -> None:
        """Register columns (numpy or Arrow) as a table of that name."""
        self.connection.register(name, pa.table(columns))

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time a step and report it."""
        self.progress(name, 0, None)
        start = time.perf_counter()
        yield
        self.timings[name] = round(self.timings.get(name, 0.0) + time.perf_counter() - start, 3)


def peak_memory() -> int:
    """Largest resident size of this process so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
