"""`linkage scenario` from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from linkage.cli import scenario
from linkage.errors import BadInput
from linkage.scenario import HABITS


@pytest.fixture
def app() -> typer.Typer:
    found = typer.Typer()
    scenario.register(found)
    return found


def test_the_list_names_every_world(app: typer.Typer) -> None:
    for arguments in (["list"], []):
        shown = CliRunner().invoke(app, arguments)
        assert shown.exit_code == 0
        assert all(name in shown.stdout for name in HABITS)
    assert set(json.loads(CliRunner().invoke(app, ["list", "--json"]).stdout)) == set(HABITS)


def test_a_world_is_written_and_summed_up(app: typer.Typer, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["mixed", "--accounts", "1000", "--seed", "2", "--out", str(tmp_path / "w")])
    assert done.exit_code == 0
    assert "1,000 accounts" in done.stdout
    assert (tmp_path / "w" / "truth.parquet").is_file()


def test_what_was_written_can_be_had_as_json(app: typer.Typer, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["quiet", "--accounts", "1000", "--out", str(tmp_path), "--json"])
    found = json.loads(done.stdout)
    assert (found["name"], found["accounts"], found["out"]) == ("quiet", 1_000, str(tmp_path))


def test_a_world_needs_a_folder(app: typer.Typer) -> None:
    assert CliRunner().invoke(app, ["mixed"]).exit_code == 2


def test_an_unknown_world_is_refused_with_the_names_there_are(app: typer.Typer, tmp_path: Path) -> None:
    refused = CliRunner().invoke(app, ["nowhere", "--out", str(tmp_path)])
    assert isinstance(refused.exception, BadInput)
    assert "mixed" in str(refused.exception)
