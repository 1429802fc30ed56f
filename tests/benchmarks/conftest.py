"""A tiny world as the benchmarks take it, and facts in a few words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import duckdb
import pyarrow as pa
import pytest

from benchmarks.datasets import Dataset, worlds
from linkage.engine import Facts


@pytest.fixture(scope="module")
def world() -> Iterator[Dataset]:
    with worlds(["quiet"], 1000, [3]) as made:
        yield next(made)


@pytest.fixture
def told() -> Callable[[Iterable[tuple[str, str, str]]], Dataset]:
    """A data set of (account, kind, value); the truth says that everybody is somebody else."""

    def make(rows: Iterable[tuple[str, str, str]]) -> Dataset:
        accounts, kinds, values = (list(column) for column in zip(*rows, strict=True))
        observations = pa.table({"subject_id": accounts, "kind": kinds, "value": values})
        names = sorted(set(accounts))
        return Dataset(
            "told", Facts(observations=observations), pa.table({"account_id": names, "actor_id": names}), len(accounts)
        )

    return make


@pytest.fixture
def said() -> Callable[[Dataset], set[tuple[str, str, str]]]:
    """What the facts of a data set say: (account, kind, value)."""

    def read(dataset: Dataset) -> set[tuple[str, str, str]]:
        with duckdb.connect() as connection:
            dataset.facts.register(connection)
            return set(connection.execute("select subject_id, kind, value from observations").fetchall())

    return read
