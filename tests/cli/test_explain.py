"""`linkage explain`, `why-not` and `how`, over a world that was resolved."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from linkage.cli import explain, how
from linkage.engine import Model
from linkage.errors import BadInput, NotFound
from linkage.service import Service
from linkage.settings import Settings
from tests.resolved_world import service, settings
from tests.small_service import name_project

__all__ = ["service", "settings"]

MODEL = Model.load()


@pytest.fixture
def app(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> typer.Typer:
    name_project(settings, monkeypatch)
    made = typer.Typer()
    explain.register(made)
    how.register(made)
    return made


@pytest.fixture(scope="module")
def cluster(service: Service) -> str:
    identity: str = next(one["cluster_id"] for one in service.largest_clusters() if one["accounts"] < 200)
    return identity


@pytest.fixture(scope="module")
def pair(service: Service, cluster: str) -> tuple[str, str]:
    """Two accounts that one merge joined on evidence."""
    merge = next(one for one in service.merges_of([cluster])[cluster] if one.stated is None and one.left_size == 1)
    return merge.left.id, merge.right.id


def run(app: typer.Typer, *arguments: str) -> Result:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 0, result.output
    return result


def test_explain_shows_bits_that_add_up_to_the_total(app: typer.Typer, pair: tuple[str, str]) -> None:
    shown = run(app, "explain", *pair).stdout
    table = shown.partition("why it counts so")[2].partition("bits of evidence")[0]
    bits = [float(one.replace("−", "-")) for one in re.findall(r"^ ([ −\d]+\.\d) ", table, re.MULTILINE)]
    *pieces, total = bits
    assert pieces
    assert sum(pieces) == pytest.approx(total)
    assert "In words" in shown
    assert "Before looking" in shown


def test_explain_answers_scripts_with_every_bit_and_no_whole_value(
    app: typer.Typer, pair: tuple[str, str], service: Service
) -> None:
    said = run(app, "explain", *pair, "--json").stdout
    found: dict[str, Any] = json.loads(said)
    assert found["total_bits"] == pytest.approx(sum(piece["bits"] for piece in found["evidence"]))
    assert found["posterior"] == pytest.approx(1 / (1 + 2 ** -(found["total_bits"] + found["prior_bits"])))
    assert found["linked"] is True
    assert found["joined_by"]["evidence"]
    for side in ("left", "right"):
        assert found["places"][side]["band"] == MODEL.bands.costs.band(found["places"][side]["confidence"])
        assert any(f"({found['places'][side]['band']})" in line for line in found["sentences"])
    values = [
        piece.value for merge in service.merges_of([found["cluster"]])[found["cluster"]] for piece in merge.evidence
    ]
    assert not [value for value in values if len(value) > 5 and value in said]


def test_why_not_says_what_is_missing(app: typer.Typer, pair: tuple[str, str], service: Service) -> None:
    inside = {member for one in service.largest_clusters() for member in (one["cluster_id"],)}
    placed = service.clusters_of_accounts().to_pylist()
    alone = next(row["account_id"] for row in placed if row["cluster_id"] not in inside and row["size"] == 1)
    shown = run(app, "why-not", pair[0], alone).stdout
    assert "are not linked" in shown
    assert "bits are missing" in shown.replace("\n", " ")
    found = json.loads(run(app, "why-not", pair[0], alone, "--json").stdout)
    assert found["linked"] is False
    assert found["missing_bits"] == pytest.approx(found["needed_bits"] - found["total_bits"])


def test_how_shows_merges_cut_and_hypotheses(app: typer.Typer, cluster: str) -> None:
    shown = run(app, "how", cluster, "--last", "2").stdout
    assert "The latest 2 of" in shown
    assert "The weakest cut" in shown
    assert "one actor" in shown
    assert re.search(r"% sure: .* \((act|review|abstain)\)", shown)
    found = json.loads(run(app, "how", cluster, "--json").stdout)
    assert len(found["merges"]) == found["size"] - 1
    assert sum(found["weakest_cut"]["parts"]) == found["size"]
    assert {one["cause"] for one in found["hypotheses"]} >= {"single_actor", "employer", "family"}
    assert found["band"] == MODEL.bands.costs.band(found["confidence"])


def test_an_id_that_ended_answers_with_what_it_lives_on_in(app: typer.Typer, cluster: str, service: Service) -> None:
    service.graph.write(
        "MATCH (c:Cluster {id: $id}) CREATE (:Cluster {id: 'cl_old', size: 0, retired_at: datetime()})"
        "-[:SUCCEEDED_BY {how: 'merged'}]->(c) CREATE (:Cluster {id: 'cl_gone', size: 0})",
        id=cluster,
    )
    assert f"It lives on in {cluster}" in run(app, "how", "cl_old").stdout
    assert json.loads(run(app, "how", "cl_old", "--json").stdout)["successors"] == [cluster]
    assert "None of its members" in run(app, "how", "cl_gone").stdout


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        (("explain", "nobody", "nobody-else"), NotFound, "there is no account 'nobody'"),
        (("how", "cl_nowhere"), NotFound, "there is no cluster 'cl_nowhere'"),
        (("explain", "a", "a"), BadInput, "two different subjects"),
    ],
)
def test_what_there_is_not_is_told_with_the_next_step(
    app: typer.Typer, arguments: tuple[str, ...], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        CliRunner().invoke(app, list(arguments), catch_exceptions=False)


def test_an_empty_id_is_wrong_usage(app: typer.Typer) -> None:
    assert CliRunner().invoke(app, ["explain", "", "b"]).exit_code == 2


@pytest.mark.parametrize("command", ["explain", "why-not", "how"])
def test_help_teaches_with_examples(app: typer.Typer, command: str) -> None:
    shown = run(app, command, "--help").stdout
    assert "Examples" in shown
    assert f"linkage {command} " in shown
