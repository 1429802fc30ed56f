"""People's records: what the engine is told of them, and the columns that peers compare."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.datasets import Dataset
from benchmarks.people import FAKE, FEBRL, HISTORICAL, PEOPLE, People, read

Said = Callable[[Dataset], set[tuple[str, str, str]]]

FEBRL_ROWS = """rec_id, given_name, surname, street_number, address_1, address_2, suburb, postcode, state, \
date_of_birth, soc_sec_id
rec-223-org, , waller, 6, tullaroop street, willaroo, st james, 4011, wa, 19081209, 6988048
rec-223-dup-0, ann, walter, 6, tullaroop street, willaroo, st james, 4011, wa, 19081399, 6988048
"""
FAKE_ROWS = """unique_id,first_name,surname,dob,city,email,cluster
7,Grace,Kelly,1991-04-26,,grace.kelly52@jones.com,1
8,,,1991-04-26,Hull,grace.kelly52@jones.com,1
"""


@pytest.fixture
def febrl(tmp_path: Path) -> Dataset:
    source = tmp_path / "dataset.csv"
    source.write_text(FEBRL_ROWS)
    return read("FEBRL", FEBRL, [source], tmp_path / "work")


def test_a_persons_records_are_known_by_the_number_in_their_name(febrl: Dataset) -> None:
    assert febrl.truth.to_pylist() == [
        {"account_id": "rec-223-org", "actor_id": "rec-223"},
        {"account_id": "rec-223-dup-0", "actor_id": "rec-223"},
    ]


def test_a_record_says_name_address_birth_and_number(febrl: Dataset, said: Said) -> None:
    facts = said(febrl)
    assert ("rec-223-org", "person_name", "waller") in facts
    assert ("rec-223-org", "date_of_birth", "1908-12-09") in facts
    assert ("rec-223-dup-0", "national_id", "6988048") in facts
    assert {kind for account, kind, _ in facts if account == "rec-223-dup-0"} == {
        "person_name",
        "postal_address",
        "national_id",
    }  # there is no 99th of January


def test_the_records_keep_their_own_columns(febrl: Dataset) -> None:
    assert febrl.records is not None
    row = febrl.records.to_pylist()[0]
    assert (row["given_name"], row["surname"], row["postcode"]) == (None, "waller", "4011")


def test_splinks_simulated_people_say_what_they_have(tmp_path: Path, said: Said) -> None:
    (tmp_path / "fake.csv").write_text(FAKE_ROWS)
    found = read("fake", FAKE, [tmp_path / "fake.csv"], tmp_path / "work")
    assert said(found) == {
        ("7", "person_name", "grace kelly"),
        ("7", "date_of_birth", "1991-04-26"),
        ("7", "email", "grace.kelly52@jones.com"),
        ("8", "date_of_birth", "1991-04-26"),
        ("8", "email", "grace.kelly52@jones.com"),
        ("8", "city", "Hull"),
    }
    assert found.records is not None
    assert found.records.to_pylist()[0]["given_name"] == "Grace"
    assert found.truth.to_pylist()[1] == {"account_id": "8", "actor_id": "1"}


def test_a_historical_persons_postcode_is_the_address_and_an_early_birth_a_kind_of_its_own(
    tmp_path: Path, said: Said
) -> None:
    values = {
        "unique_id": "Q1-2",
        "cluster": "Q1",
        "first_name": "tom",
        "surname": "clifford",
        "dob": "1630-08-01",
        "birth_place": "devon",
        "postcode_fake": "tq13 8df",
        "occupation": "politician",
    }
    source = tmp_path / "historical.parquet"
    pq.write_table(pa.Table.from_pylist([values]), source)
    found = read("historical", HISTORICAL, [source], tmp_path / "work")
    assert {(kind, value) for _, kind, value in said(found)} == {
        ("person_name", "tom clifford"),
        ("born", "1630-08-01"),
        ("postal_address", "tq13 8df"),
        ("birth_place", "devon"),
        ("occupation", "politician"),
    }
    assert found.records is not None
    assert found.records.to_pylist()[0]["postcode_fake"] == "tq13 8df"


def test_records_that_are_not_on_this_machine_say_how_to_get_them() -> None:
    absent = People("some", FAKE, "duckdb", ["duckdb/no_such.csv"], "this fetches it")
    assert absent.left_out == "no_such.csv is not on this machine; this fetches it"
    assert People("some", FAKE, "duckdb", ["duckdb/__init__.py"]).left_out == ""
    assert "no_such_package is not installed" in People("some", FAKE, "no_such_package", []).left_out


def test_every_set_of_records_is_known_by_its_name() -> None:
    assert list(PEOPLE) == ["FEBRL 1", "FEBRL 2", "FEBRL 3", "FEBRL 4", "fake_1000", "historical_50k"]
