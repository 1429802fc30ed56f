"""`linkage fit` from end to end: what it learns from, what it writes, and what it refuses."""

from __future__ import annotations

import csv
import json
import tomllib
from collections.abc import Iterable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import typer
from typer.testing import CliRunner, Result

from linkage.cli import fit, resolve
from linkage.engine import Model
from linkage.errors import BadInput, BadLabels, UnreadableFile
from linkage.service import fitting

RINGS = 12


def write(path: Path, rows: Iterable[Iterable[object]]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)


def period(day: int) -> list[str]:
    return [f"2026-01-{day:02}T00:00:00Z", "2026-02-20T00:00:00Z"]


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """Rings of four, each on two devices and two cards, and families of two on one card; without labels."""
    folder = tmp_path / "world"
    folder.mkdir()
    rows: list[list[object]] = [["account_id", "kind", "value", "first_seen", "last_seen"]]
    for ring in range(RINGS):
        day = 1 + ring
        rows += [[f"r{ring}-{n}", "device", f"d{ring}-{n % 2}", *period(day)] for n in range(4)]
        rows += [[f"r{ring}-{n}", "payment_method", f"c{ring}-{n // 2}", *period(day)] for n in range(4)]
        rows += [[f"h{ring}-{n}", "payment_method", f"family{ring}", *period(day)] for n in range(2)]
        rows += [[f"h{ring}-{n}", "phone", f"+49301234{ring:02}{n}", *period(day)] for n in range(2)]
    write(folder / "observations.csv", rows)
    return folder


def truth_rows(rings: int = RINGS) -> list[list[str]]:
    rows = [["account_id", "actor_id"]]
    for ring in range(rings):
        rows += [[f"r{ring}-{n}", f"r{ring}"] for n in range(4)] + [[f"h{ring}-{n}", f"h{ring}-{n}"] for n in range(2)]
    return rows


def decided(world: Path, rings: int = RINGS) -> None:
    rows = [["left", "right", "judgement", "decided_at"]]
    for ring in range(rings):
        rows += [[f"r{ring}-{n}", f"r{ring}-{n + 1}", "same", "2026-03-01T00:00:00Z"] for n in range(3)]
        rows += [[f"h{ring}-0", f"h{ring}-1", "different", "2026-03-01T00:00:00Z"]]
        rows += [[f"r{ring}-0", f"r{(ring + 1) % RINGS}-0", "different", "2026-03-01T00:00:00Z"]]
    write(world / "decisions.csv", rows)


def run(*arguments: object) -> Result:
    app = typer.Typer()
    fit.register(app)
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def summary_of(*arguments: object) -> dict[str, object]:
    done = run(*arguments, "--json")
    assert done.exit_code == 0, done.exception
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_truth_teaches_and_the_file_says_where_it_comes_from(world: Path, tmp_path: Path) -> None:
    write(world / "truth.csv", truth_rows())
    out = tmp_path / "mine.toml"
    done = run(world, "--out", out, "--turns", 1)
    assert done.exit_code == 0, done.exception
    told = " ".join(done.stdout.split())
    assert f"world: {6 * RINGS} accounts; truth of {6 * RINGS} accounts, {3 * RINGS} actors, {RINGS} of two" in told
    assert "B³ F1, all accounts" in told
    top = out.read_text().split("version =")[0]
    assert f"from model {Model.load().fingerprint}." in top
    assert "log loss of a pair, held out" in top
    assert not list(tmp_path.glob(".mine*"))


def test_what_was_measured_is_what_resolve_then_does(world: Path, tmp_path: Path) -> None:
    write(world / "truth.csv", truth_rows())
    out = tmp_path / "mine.toml"
    summary = summary_of(world, "--out", out, "--turns", 1)
    assert Model.load(out).fingerprint == summary["model"]
    app = typer.Typer()
    resolve.register(app)
    arguments = [str(world), "--out", str(tmp_path / "answer"), "--model", str(out), "--json"]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.exception
    assert json.loads(done.stdout)["model"] == summary["model"]
    assert pq.read_table(tmp_path / "answer" / "clusters.parquet").num_rows == 6 * RINGS


def test_the_answer_is_never_worth_less_than_the_start(world: Path, tmp_path: Path) -> None:
    write(world / "truth.csv", truth_rows())
    summary = summary_of(world, "--out", tmp_path / "mine.toml", "--turns", 2)
    given, *others = summary["candidates"]
    assert given["name"] == "as given"
    chosen = next(each for each in summary["candidates"] if each["name"] == summary["chosen"])
    assert others
    assert chosen["worth"] >= given["worth"]


def met(name: str, worth: float, brier: float = 0.1) -> fitting.Candidate:
    return fitting.Candidate(name, 0, Model.load(), (fitting.Outcome(worth, {"brier": brier}),))


def test_the_best_clusters_win_unless_pairs_are_judged_worse_than_before() -> None:
    models = [met("as given", 0.90), met("turn 1", 0.93), met("turn 2", 0.95)]
    assert fitting.choose(models, [0.5, 0.4, 0.4]).name == "turn 2"
    assert fitting.choose(models, [0.5, 0.4, 0.6]).name == "turn 1"
    assert fitting.choose(models, [0.5, 0.6, 0.6]).name == "as given"
    assert fitting.choose(models, [None, None, None]).name == "turn 2"


def test_of_equal_clusters_the_better_confidence_wins_and_else_the_start() -> None:
    assert fitting.choose([met("as given", 0.9), met("curves", 0.9, 0.05)], [0.5, 0.5]).name == "curves"
    assert fitting.choose([met("as given", 0.9), met("same", 0.9)], [0.5, 0.5]).name == "as given"


def test_where_nothing_is_better_the_answer_is_the_start_and_says_so(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(world / "truth.csv", truth_rows())
    (tmp_path / "start.toml").write_text('version = "ours"\n[kinds.device]\npurity = 0.8\n')
    monkeypatch.setattr(fitting.Candidate, "rank", property(lambda self: -self.turn - (self.name != "as given")))
    out = tmp_path / "mine.toml"
    summary = summary_of(world, "--out", out, "--turns", 1, "--model", tmp_path / "start.toml")
    assert "the answer is the model as it was given" in " ".join(summary["notes"])
    assert summary["changed"] == 0
    assert tomllib.loads(out.read_text()) == {"version": "ours", "kinds": {"device": {"purity": 0.8}}}


def test_decisions_teach_where_there_is_no_truth(world: Path, tmp_path: Path) -> None:
    decided(world)
    summary = summary_of(world, "--out", tmp_path / "mine.toml", "--turns", 1)
    assert summary["learnt_from"] == ["decisions"]
    assert summary["measured"]
    assert {"same_together", "different_apart"} <= set(summary["before"])


def test_without_labels_the_own_clusters_teach_and_it_says_that_nothing_is_measured(
    world: Path, tmp_path: Path
) -> None:
    out = tmp_path / "mine.toml"
    done = run(world, "--out", out, "--turns", 1)
    assert done.exit_code == 0, done.exception
    assert "Nothing was measured" in " ".join(done.stderr.split())
    assert "Nothing was measured" in out.read_text()
    assert "held out" not in done.stdout


def refused(*arguments: object) -> BadLabels:
    done = run(*arguments)
    assert isinstance(done.exception, BadLabels)
    return done.exception


def test_all_that_stands_in_the_way_is_told_together(world: Path, tmp_path: Path) -> None:
    few, strange, bare = (tmp_path / name for name in ("few", "strange", "bare"))
    for folder in (few, strange, bare):
        folder.mkdir()
        (folder / "observations.csv").write_bytes((world / "observations.csv").read_bytes())
    write(few / "truth.csv", truth_rows(2))
    write(strange / "truth.csv", [["account_id", "actor_id"], ["x1", "a"], ["x2", "a"]])
    decided(world, rings=2)
    fault = refused(world, few, strange, bare, "--out", tmp_path / "mine.toml")
    assert [line.split(" ", 1)[0].rstrip(":") for line in fault.details] == ["world", "strange", "bare", "the"]
    assert "6 decisions 'same' and 4 'different'" in fault.details[0]
    assert "names 2 accounts, none of which is in the data" in fault.details[1]
    assert "2 actors of two accounts or more among few" in fault.details[3]
    assert fault.next_step
    assert not (tmp_path / "mine.toml").exists()


def test_one_truth_may_be_given_for_all(world: Path, tmp_path: Path) -> None:
    write(tmp_path / "known.csv", [*truth_rows(), ["elsewhere", "x"]])
    done = run(world, "--truth", tmp_path / "known.csv", "--out", tmp_path / "mine.toml", "--turns", 1)
    assert done.exit_code == 0, done.exception
    assert "1 accounts of the truth are not in the data" in " ".join(done.stderr.split())


@pytest.mark.parametrize("out", ["none/mine.toml", "."])
def test_a_place_that_cannot_be_written_to_is_told_before_anything_is_read(tmp_path: Path, out: str) -> None:
    assert isinstance(run(tmp_path / "no data either", "--out", tmp_path / out).exception, BadInput)


@pytest.mark.parametrize("what", ["data set", "truth"])
def test_files_that_are_not_there_are_told(world: Path, tmp_path: Path, what: str) -> None:
    named = [tmp_path / "none"] if what == "data set" else [world, "--truth", tmp_path / "none.csv"]
    done = run(*named, "--out", tmp_path / "mine.toml")
    assert isinstance(done.exception, UnreadableFile)


def test_help_teaches() -> None:
    told = " ".join(run("--help").stdout.split())
    assert "held out" in told
    assert "nothing is measured" in told
