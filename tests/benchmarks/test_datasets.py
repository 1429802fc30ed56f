"""Data sets: stored ones with their mapping, people's records as Febrl writes them."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from benchmarks.datasets import Dataset, people, stored

FEBRL = """rec_id, given_name, surname, street_number, address_1, address_2, suburb, postcode, state, \
date_of_birth, soc_sec_id
rec-223-org, , waller, 6, tullaroop street, willaroo, st james, 4011, wa, 19081209, 6988048
rec-223-dup-0, ann, walter, 6, tullaroop street, willaroo, st james, 4011, wa, 19081399, 6988048
"""


def said(dataset: Dataset) -> set[tuple[str, str, str]]:
    with duckdb.connect() as connection:
        dataset.facts.register(connection)
        return set(connection.execute("select subject_id, kind, value from observations").fetchall())


def test_a_stored_data_set_is_read_with_the_mapping_of_its_name(tmp_path: Path) -> None:
    folder = tmp_path / "chicago_ece_sites"
    folder.mkdir()
    (folder / "observations.csv").write_text(
        "account_id,kind,value,count\n1,org_name,Ellington,1\n1,email,2013-01-01,1\n"
    )
    (folder / "truth.csv").write_text("account_id,actor_id\n1,224\n")
    with stored(tmp_path) as found:
        (dataset,) = list(found)
        assert dataset.name == "chicago_ece_sites"
        assert [kind for _, kind, _ in said(dataset)] == ["organisation_name"]


def test_a_folder_without_data_sets_gives_none(tmp_path: Path) -> None:
    with stored(tmp_path / "nowhere") as found:
        assert list(found) == []


@pytest.fixture
def febrl(tmp_path: Path) -> Dataset:
    source = tmp_path / "dataset.csv"
    source.write_text(FEBRL)
    return people("FEBRL", [str(source)], tmp_path / "work")


def test_a_persons_records_are_known_by_the_number_in_their_name(febrl: Dataset) -> None:
    assert febrl.truth.to_pylist() == [
        {"account_id": "rec-223-org", "actor_id": "rec-223"},
        {"account_id": "rec-223-dup-0", "actor_id": "rec-223"},
    ]


def test_a_record_says_name_address_birth_and_number(febrl: Dataset) -> None:
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
