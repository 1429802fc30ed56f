"""`linkage ledger` says what happened, tidies up, and fails loudly when something is gone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from linkage.cli import ledger as command
from linkage.errors import LedgerDamaged
from linkage.ledger import Ledger
from tests.ledger.facts import observations


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> typer.Typer:
    monkeypatch.setenv("LINKAGE_DATA", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    app = typer.Typer()
    app.callback()(lambda: None)
    command.register(app)
    return app


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    ledger = Ledger(str(tmp_path / "ledger"))
    ledger.append("observations", observations([1, 2]), batch_id="b1")
    ledger.append("observations", observations([3]))
    return ledger


def run(app: typer.Typer, *arguments: str) -> str:
    result = CliRunner().invoke(app, ["ledger", *arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def test_history_lists_versions(app: typer.Typer, ledger: Ledger) -> None:
    assert "append" in run(app, "history")
    rows = [json.loads(line) for line in run(app, "history", "observations", "--json").splitlines()]
    assert [(row["version"], row["operation"], row["rows"], row["batch_ids"]) for row in rows] == [
        (0, "create table", 0, []),
        (1, "append", 2, ["b1"]),
        (2, "append", 1, []),
    ]
    assert len(run(app, "history", "--last", "1", "--json").splitlines()) == 1


def test_an_empty_ledger_is_said_to_be_empty(app: typer.Typer) -> None:
    assert "empty" in run(app, "history")
    assert "empty" in run(app, "compact")
    assert "empty" in run(app, "verify")
    assert json.loads(run(app, "verify", "--json")) == {"faults": [], "versions": {}}


def test_compact_says_what_it_did(app: typer.Typer, ledger: Ledger) -> None:
    assert "observations: 2 → 1 files" in run(app, "compact")
    (done,) = json.loads(run(app, "compact", "--keep-days", "0", "--json"))
    assert done == {"table": "observations", "files_before": 1, "files_after": 1, "removed": 2}


def test_verify_names_the_faults_and_fails(app: typer.Typer, ledger: Ledger) -> None:
    assert "sound" in run(app, "verify", "--deep")
    Path(ledger.snapshot().files("observations")[0]).unlink()
    with pytest.raises(LedgerDamaged, match="missing"):
        CliRunner().invoke(app, ["ledger", "verify"], catch_exceptions=False)
    result = CliRunner().invoke(app, ["ledger", "verify", "--json"])
    assert result.exit_code == 1
    assert len(json.loads(result.stdout)["faults"]) == 1
