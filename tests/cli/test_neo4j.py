"""`linkage neo4j` says how the managed server stands; its starts and stops are tried in tests/faults."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from linkage.cli import neo4j


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> typer.Typer:
    monkeypatch.setenv("LINKAGE_DATA", str(tmp_path / "data"))
    built = typer.Typer()
    neo4j.register(built)

    @built.callback()
    def nothing() -> None: ...

    return built


def test_status_without_a_server_is_told_and_fails(app: typer.Typer) -> None:
    answer = CliRunner().invoke(app, ["neo4j", "status"])
    assert answer.exit_code == 1
    assert "does not run" in answer.output


def test_status_is_told_as_json(app: typer.Typer, tmp_path: Path) -> None:
    answer = CliRunner().invoke(app, ["neo4j", "status", "--json"])
    told = json.loads(answer.output)
    assert (told["running"], told["uri"], told["home"]) == (False, None, str(tmp_path / "data" / "neo4j"))


def test_stopping_nothing_is_no_failure(app: typer.Typer) -> None:
    answer = CliRunner().invoke(app, ["neo4j", "stop"])
    assert (answer.exit_code, answer.output) == (0, "Neo4j was not running.\n")
