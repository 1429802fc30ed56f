"""Observations as one row an account, for peers that compare records."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from benchmarks import records
from benchmarks.datasets import Dataset
from benchmarks.records import Kind, Records, lay_out

Told = Callable[[list[tuple[str, str, str]]], Dataset]


def laid_out(dataset: Dataset) -> tuple[Records, dict[str, dict[str, Any]]]:
    """What the columns are, and the rows by account."""
    with duckdb.connect() as connection:
        found = lay_out(dataset, connection, similar=["person_name"])
        rows = connection.sql("select * from account_records").to_arrow_table().to_pylist()
    return found, {row["unique_id"]: row for row in rows}


def test_a_kind_with_several_values_of_an_account_becomes_an_array(told: Told) -> None:
    ips = [("a", "ip", "10.0.0.1"), ("a", "ip", "10.0.0.2"), ("b", "ip", "10.0.0.2")]
    found, rows = laid_out(told([*ips, ("a", "phone", "+1"), ("b", "phone", "+1")]))
    assert found.kinds == (Kind("ip", True), Kind("phone", False))
    assert rows["a"]["ip"] == ["10.0.0.2", "10.0.0.1"]  # the one that others hold comes first
    assert rows["a"]["ip_3"] == ["10.0.0.2"]
    assert (rows["a"]["phone"], rows["b"]["ip"]) == ("+1", ["10.0.0.2"])


def test_kinds_that_nobody_shares_are_left_out_unless_they_may_be_similar(told: Told) -> None:
    found, _ = laid_out(
        told([("a", "device", "d1"), ("b", "device", "d2"), ("a", "person_name", "ann"), ("b", "person_name", "bob")])
    )
    assert [kind.name for kind in found.kinds] == ["person_name"]


def test_records_block_on_shared_values_and_on_the_words_of_names(told: Told) -> None:
    found, rows = laid_out(
        told([("a", "person_name", "ann lee"), ("b", "person_name", "ann li"), ("c", "phone", "+1")])
    )
    assert found.blocks == ("person_name_words_block",)
    assert rows["a"]["person_name_words_block"] == ["ann"]
    assert rows["c"]["person_name_words_block"] is None


def test_values_of_a_crowd_make_no_block(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "PAIRS_PER_RULE", 5)
    crowd = [(account, "device", "crowd") for account in "abcd"]
    _, rows = laid_out(told([*crowd, ("a", "device", "rare"), ("b", "device", "rare")]))
    assert rows["a"]["device_block"] == ["rare"]
    assert rows["c"]["device_block"] is None


def test_the_sources_own_columns_win_over_observations(told: Told) -> None:
    facts = told([("a", "phone", "+1"), ("b", "phone", "+1")])
    own = pa.table({"account_id": ["a", "b"], "surname": ["lee", "lee"]})
    found, rows = laid_out(Dataset(facts.name, facts.facts, facts.truth, facts.observations, own))
    assert [kind.name for kind in found.kinds] == ["surname"]
    assert rows["a"]["surname"] == "lee"


def test_a_model_is_trained_on_columns_that_agree_in_enough_pairs(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "TRAINING_PAIRS", 2)
    monkeypatch.setattr(records, "TRAINING_PAIRS_PER_RECORD", 1)
    accounts = "abcdef"
    rows = [(account, "ip", "10.0.0.1") for account in accounts]  # everybody's: fifteen pairs
    rows += [
        (account, kind, f"{kind}{place // 2}") for kind in ("device", "email") for place, account in enumerate(accounts)
    ]
    rows += [("a", "phone", "+1"), ("b", "phone", "+1")]
    found, _ = laid_out(told(rows))
    assert found.trained == ('"device"', '"email"')
