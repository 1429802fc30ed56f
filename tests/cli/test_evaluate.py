"""`linkage evaluate` from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import typer
from typer.testing import CliRunner

from linkage.cli import evaluate
from linkage.errors import UnreadableFile


@pytest.fixture
def app() -> typer.Typer:
    found = typer.Typer()
    evaluate.register(found)
    return found


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """Clusters and truth of ten accounts: a ring of six found but for two, and a bystander with it."""
    names = [f"a{number}" for number in range(10)]
    clusters = pa.table(
        {
            "account_id": [*names[:9], "stranger"],
            "cluster_id": ["r", "r", "r", "r", "s", "s", "r", "p", "p", "q"],
            "size": [5, 5, 5, 5, 2, 2, 5, 2, 2, 1],
            "confidence": [0.9] * 9 + [1.0],
        }
    )
    pq.write_table(clusters, tmp_path / "clusters.parquet")
    truth = ["account_id,actor_id,style,ring", *(f"{name},ring,hydra,true" for name in names[:6])]
    truth += ["a6,x,office,false", "a7,y,office,false", "a8,y,office,false", "a9,z,alone,false"]
    (tmp_path / "truth.csv").write_text("\n".join(truth) + "\n")
    return ["--clusters", str(tmp_path / "clusters.parquet"), "--truth", str(tmp_path / "truth.csv")]


def test_the_tables_name_every_measure_and_group(app: typer.Typer, files: list[str]) -> None:
    shown = CliRunner().invoke(app, files, env={"COLUMNS": "160"})
    assert shown.exit_code == 0
    for text in (
        "10 accounts",
        "1 rings with 6 accounts",
        "in no cluster",
        "not in the truth",
        "B-cubed, ring members",
    ):
        assert text in shown.stdout
    for text in ("adjusted Rand", "bystanders", "By style", "hydra", "office", "By size", "Reliability", "0.9–1.0"):
        assert text in shown.stdout


def test_the_figures_are_those_of_the_library(app: typer.Typer, files: list[str]) -> None:
    found = json.loads(CliRunner().invoke(app, [*files, "--json", "--bootstrap", "0"]).stdout)
    assert found["ring_b_cubed"]["precision"]["value"] == pytest.approx((4 * 0.8 + 2) / 6)
    assert found["bystanders"] == {"value": 0.25, "low": None, "high": None}
    assert (found["missing"], found["extra"]) == (1, 1)


def test_bands_are_those_of_the_costs_that_a_model_states(app: typer.Typer, files: list[str], tmp_path: Path) -> None:
    shown = CliRunner().invoke(app, files, env={"COLUMNS": "160"}).stdout
    for text in ("By band: acting wrongly costs 20, missing one 1.5, a look 1", "each by its band", "0.667–0.950"):
        assert text in shown
    (tmp_path / "bold.toml").write_text("[bands]\nwrong = 5\n")
    bold = ["--model", str(tmp_path / "bold.toml"), "--json", "--bootstrap", "0"]
    bands = json.loads(CliRunner().invoke(app, [*files, *bold]).stdout)["bands"]
    # Nine members at 0.9, of whom the bystander is not their cluster's actor's.
    assert [(band["band"], band["members"], band["correct"]["value"]) for band in bands["bands"]] == [
        ("act", 9, pytest.approx(8 / 9)), ("review", 0, None), ("abstain", 0, None),
    ]  # fmt: skip
    assert bands["cost"]["value"] == bands["acting_on_all"]["value"] == pytest.approx(5 / 9)
    assert bands["leaving_all"]["value"] == pytest.approx(1.5 * 8 / 9)
    assert (bands["looking_at_all"], bands["act_from"]) == (1.0, 0.8)


def test_intervals_can_be_left_out_of_the_tables(app: typer.Typer, files: list[str]) -> None:
    shown = CliRunner().invoke(app, [*files, "--bootstrap", "0"], env={"COLUMNS": "160"})
    assert "0.867" in shown.stdout


def test_a_missing_file_is_named(app: typer.Typer, files: list[str]) -> None:
    refused = CliRunner().invoke(app, ["--clusters", "nowhere.parquet", *files[2:]])
    assert isinstance(refused.exception, UnreadableFile)
    assert "nowhere.parquet" in str(refused.exception)
