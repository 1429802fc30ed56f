"""`linkage withdraw`, `reinstate` and `withdrawals`, over rings that were resolved."""

from __future__ import annotations

import json

import pytest
import typer
from typer.testing import CliRunner, Result

from linkage.cli import withdraw
from linkage.errors import BadInput
from linkage.graph.connection import Connection, Graph
from linkage.service import Service
from linkage.settings import Settings
from tests.small_service import name_project
from tests.small_world import clusters, linked_project


@pytest.fixture
def settings(neo4j: Connection, graph: Graph, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return linked_project(tmp_path_factory.mktemp("project"), neo4j, "abc")


@pytest.fixture
def app(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> typer.Typer:
    name_project(settings, monkeypatch)
    made = typer.Typer()
    withdraw.register(made)
    return made


def run(app: typer.Typer, *arguments: str) -> Result:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 0, result.output
    return result


def test_observations_are_withdrawn_listed_and_reinstated(app: typer.Typer, settings: Settings) -> None:
    wanted = ("withdraw", "c", "--reason", "a typing error", "--author", "ann")
    told = run(app, *wanted, "--dry-run").stdout
    assert told.startswith("2 observations withdrawn: Takes account:c out of cl_")
    assert "3 → 2" in told
    with Service.open(settings) as service:
        assert clusters(service) == {"abc"}
    assert json.loads(run(app, *wanted, "--json").stdout)["observations"] == 2
    with Service.open(settings) as service:
        assert clusters(service) == {"ab"}
    listed = run(app, "withdrawals").stdout
    assert "account:c" in listed
    assert "a typing error" in listed
    back = run(app, "reinstate", "c", "--kind", "device", "--reason", "it was right").stdout
    assert back.startswith("1 observation reinstated.")
    assert [row["kind"] for row in json.loads(run(app, "withdrawals", "--json").stdout)] == ["email"]


def test_what_names_nothing_is_refused(app: typer.Typer) -> None:
    result = CliRunner().invoke(app, ["withdraw", "--reason", "why"])
    assert isinstance(result.exception, BadInput)
    assert "No observation is withdrawn." in run(app, "withdrawals").output
