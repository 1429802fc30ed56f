"""`linkage decide`, `undo`, `retract` and `decisions`, over rings that were resolved."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from linkage.cli import decide
from linkage.errors import NotFound
from linkage.graph.connection import Connection, Graph
from linkage.service import Service
from linkage.settings import Settings
from tests.small_service import name_project
from tests.small_world import linked_project


@pytest.fixture
def settings(neo4j: Connection, graph: Graph, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return linked_project(tmp_path_factory.mktemp("project"), neo4j, "abc", "de")


@pytest.fixture
def service(settings: Settings) -> Iterator[Service]:
    with Service.open(settings) as opened:
        yield opened


@pytest.fixture
def app(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> typer.Typer:
    name_project(settings, monkeypatch)
    made = typer.Typer()
    decide.register(made)
    return made


def run(app: typer.Typer, *arguments: str) -> Result:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 0, result.output
    return result


def answer(app: typer.Typer, *arguments: str) -> Any:
    return json.loads(run(app, *arguments, "--json").stdout)


def cluster_of(service: Service, account: str) -> str:
    found = {row["account_id"]: row["cluster_id"] for row in service.clusters_of_accounts().to_pylist()}
    return str(found[account])


def test_a_dry_run_tells_what_a_decision_then_does(app: typer.Typer, service: Service) -> None:
    cluster, other = cluster_of(service, "a"), cluster_of(service, "d")
    arguments = ("decide", cluster, "d", "--same", "--reason", "one card", "--author", "ann")
    told = run(app, *arguments, "--dry-run").stdout
    assert told.startswith(f"Merges {cluster} (3) and {other} (2) into one cluster of 5.")
    assert "3 → 5" in told
    assert "2, ended" in told
    assert cluster_of(service, "d") == other
    done = run(app, *arguments)
    assert told in done.stdout
    assert "linkage retract dc_" in done.output
    assert cluster_of(service, "d") == cluster
    assert service.check_graph() == []


def test_scripts_get_every_member_of_a_group(app: typer.Typer, service: Service) -> None:
    cluster = cluster_of(service, "a")
    effect = answer(app, "decide", cluster, "c", "--different", "--reason", "two shops")
    (stated,) = effect["decisions"]
    assert stated["left_members"] == ["account:a", "account:b"]
    assert stated["author"]
    assert effect["clusters"] == [
        {
            "cluster": cluster,
            "size_before": 3,
            "size_after": 2,
            "confidence_before": pytest.approx(effect["clusters"][0]["confidence_before"]),
            "confidence_after": pytest.approx(effect["clusters"][0]["confidence_after"]),
        }
    ]


def test_what_contradicts_is_listed_until_one_is_taken_back(app: typer.Typer) -> None:
    first = answer(app, "decide", "a", "b", "--different", "--reason", "two people")["decisions"][0]["decision"]
    run(app, "decide", "a", "x", "--same", "--reason", "one phone")
    told = run(app, "decide", "x", "b", "--same", "--reason", "one card").output
    assert "Nothing changes: an earlier decision says that they are different." in told
    assert f"It contradicts {first}" in told
    both = answer(app, "decisions", "--conflicts")
    assert [one["contradicts"] for one in both] == [[both[1]["decision"]], [both[0]["decision"]]]
    assert len(answer(app, "decisions", "--about", "x")) == 2
    shown = run(app, "decisions").stdout
    assert "contradicts" in shown
    assert "one phone" in shown

    preview = run(app, "retract", first, "--reason", "a slip", "--dry-run").stdout
    assert run(app, "retract", first, "--reason", "a slip", "--author", "eve").stdout == preview
    assert "taken back by eve: a slip" in run(app, "decisions").stdout.replace("\n", " ").replace("  ", " ")
    assert "No such decisions." in run(app, "decisions", "--conflicts").output


def test_a_merge_is_undone_and_a_later_word_takes_the_place_of_an_earlier_one(
    app: typer.Typer, service: Service
) -> None:
    cluster = cluster_of(service, "d")
    told = run(app, "undo", cluster, "d", "e", "--reason", "a tablet").stdout
    assert told.startswith(f"Dissolves {cluster} (2): all its members stand alone.")
    assert run(app, "undo", cluster, "d", "e", "--reason", "a tablet", "--dry-run").stdout.startswith("Nothing changes")
    run(app, "decide", "y", "z", "--same", "--reason", "one card")
    later = run(app, "decide", "z", "y", "--undecided", "--reason", "not so sure").output
    assert "It takes the place of dc_" in later
    assert "a later one counts" in run(app, "decisions", "--about", "y").stdout.replace("\n", " ")


def test_wrong_calls_are_told(app: typer.Typer) -> None:
    for arguments in (
        ("decide", "a", "b", "--reason", "r"),
        ("decide", "a", "b", "--same", "--different", "--reason", "r"),
    ):
        wrong = CliRunner().invoke(app, list(arguments))
        assert wrong.exit_code == 2
        assert "--undecided" in wrong.output
    assert CliRunner().invoke(app, ["undo", "cl_1", "", "b", "--reason", "r"]).exit_code == 2
    assert isinstance(CliRunner().invoke(app, ["retract", "dc_none", "--reason", "r"]).exception, NotFound)
