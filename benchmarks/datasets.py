"""Data sets as the benchmarks take them: normalised facts, read once, and the truth."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from linkage import ingest
from linkage.engine import Facts
from linkage.evaluate import read_table
from linkage.scenario import generate

#: Endings of the truth in a data set, the first that is there.
_TRUTH = ("truth.parquet", "truth.csv", "truth.csv.gz", "truth.jsonl")
_TABLES = ("observations", "accounts", "organisations", "usage", "decisions")
#: Mappings of stored data sets, by the name of their folder.
_MAPPINGS = Path(__file__).parents[1] / "docs" / "mappings"


@dataclass(frozen=True, slots=True)
class Dataset:
    """Facts in the ledger's columns as Parquet files, with the truth.

    `records` holds account_id and the source's own columns, where the source is a table of records with one value each:
    a peer that compares records gets them as its makers would have them.
    """

    name: str
    facts: Facts
    truth: pa.Table
    observations: int
    records: pa.Table | None = None


@contextmanager
def worlds(names: Sequence[str], accounts: int, seeds: Sequence[int]) -> Iterator[Iterator[Dataset]]:
    """Generated worlds, one after the other; their files are gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:

        def made() -> Iterator[Dataset]:
            for name in names:
                for seed in seeds:
                    world = generate(name, accounts, seed, Path(folder) / f"{name}-{seed}")
                    yield prepared(f"{name}, seed {seed}", world.out, Path(folder) / f"{name}-{seed}-facts")

        yield made()


@contextmanager
def stored(root: Path) -> Iterator[Iterator[Dataset]]:
    """Every data set with a truth in `root` and its folders, by name; nothing where the folder is missing."""
    found = sorted({truth.parent for ending in _TRUTH for truth in root.rglob(ending)}) if root.is_dir() else []
    with tempfile.TemporaryDirectory() as folder:
        yield (
            prepared("/".join(dataset.relative_to(root).parts) or dataset.name, dataset, Path(folder) / str(number))
            for number, dataset in enumerate(found)
        )


def prepared(name: str, dataset: Path, work: Path, records: pa.Table | None = None) -> Dataset:
    """The data set that the files in a folder make, its facts normalised once, as Parquet files in `work`."""
    work.mkdir(parents=True)
    files: dict[str, list[str]] = {table: [] for table in _TABLES}
    observations = 0
    for batch in ingest.read([dataset], mapping=_mapping(dataset)):
        if batch.record in files and batch.rows.num_rows:
            path = work / f"{batch.record}-{len(files[batch.record]):05}.parquet"
            pq.write_table(batch.rows, path, compression="zstd", compression_level=1)
            files[batch.record].append(str(path))
            observations += batch.rows.num_rows if batch.record == "observations" else 0
    truth = next(dataset / ending for ending in _TRUTH if (dataset / ending).is_file())
    return Dataset(name, Facts(**files), read_table(truth), observations, records)


def _mapping(dataset: Path) -> ingest.Mapping | None:
    path = _MAPPINGS / f"{dataset.name}.toml"
    return ingest.Mapping.load(path) if path.is_file() else None
