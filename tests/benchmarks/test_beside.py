"""Figures of several runs become one set of tables; a run may be of some methods and some data sets only."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from benchmarks import __main__ as command
from benchmarks import accuracy, beside
from benchmarks.accuracy import Result
from benchmarks.datasets import Dataset
from benchmarks.peers import METHODS, PEERS


@pytest.fixture(scope="module")
def results(world: Dataset) -> list[Result]:
    peers = [peer for name in ("graph-database", "linkage") for peer in METHODS[name]]
    return list(accuracy.measure(world, peers, bootstrap=0))


def kept(results: Iterable[Result], **changed: Any) -> dict[str, Any]:
    """A run's figures as a file has them; `changed` sets ring F1 of methods, a space for each underscore."""
    run: dict[str, Any] = json.loads(json.dumps(accuracy.as_json(results)))
    for result in run["results"]:
        name = result["method"].replace(" ", "_")
        if name in changed:
            result["report"]["ring_b_cubed"]["f1"]["value"] = changed[name]
    return run


def rows(text: str) -> list[list[str]]:
    return [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("| ")
    ]


def test_a_data_set_is_a_row_and_a_method_a_column_this_engine_first(results: list[Result]) -> None:
    heading, row, *_ = rows(beside.tables([kept(results)]))
    assert heading == ["data", "accounts", "linkage", "graph database"]
    assert row[:2] == ["quiet, seed 3", "1,000"]
    assert re.fullmatch(r"\*{0,2}[01]\.\d{3} \([01]\.\d{3} / [01]\.\d{3}\)\*{0,2}", row[2])


def test_the_best_of_a_row_is_bold_and_so_are_equals(results: list[Result]) -> None:
    _, row, *_ = rows(beside.tables([kept(results, linkage=0.9, graph_database=0.5)]))
    assert row[2].startswith("**0.900 (")
    assert row[3].startswith("0.500 (")
    _, row, *_ = rows(beside.tables([kept(results, linkage=0.9, graph_database=0.9)]))
    assert all(cell.startswith("**") for cell in row[2:])


def test_the_later_file_counts_where_two_have_the_same_method(results: list[Result]) -> None:
    engine = [result for result in results if result.method == "linkage"]
    _, row, *_ = rows(beside.tables([kept(results, linkage=0.1, graph_database=0.2), kept(engine, linkage=0.3)]))
    assert row[2].startswith("**0.300")
    assert row[3].startswith("0.200")


def test_records_have_a_table_of_everybody_and_stay_away_where_they_have_no_rings(results: list[Result]) -> None:
    run = kept([Result("FEBRL 1", result.method, result.seconds, result.report) for result in results])
    for result in run["results"]:
        result["report"]["ring_b_cubed"] = {part: {"value": None} for part in ("f1", "precision", "recall")}
    text = beside.tables([kept(results), run])
    assert [row[0] for row in rows(text) if row[0] != "data"] == ["quiet, seed 3", "quiet, seed 3", "FEBRL 1"]


def test_the_tables_say_what_made_them(results: list[Result]) -> None:
    assert f"model {accuracy.as_json(results)['made_by']['model']}" in beside.tables([kept(results), kept(results)])


def test_a_run_of_some_methods_keeps_their_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "figures.json"
    asked = "accuracy --methods components graph-database --worlds quiet --accounts 1000 --people"
    monkeypatch.setattr(sys, "argv", ["benchmarks", *asked.split(), "--data", str(tmp_path), "--json", str(file)])
    command.main()
    told = json.loads(file.read_text())
    assert [result["method"] for result in told["results"]] == [
        *(f"components, ≤ {cap}" for cap in (2, 5, 20)),
        "graph database",
    ]


def test_every_peer_can_be_chosen_by_a_word() -> None:
    assert [peer for peers in METHODS.values() for peer in peers] == list(PEERS)
