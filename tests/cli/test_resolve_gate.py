"""`linkage resolve` on the ledger: what would change much waits, and the command line says how to go on."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from linkage.cli import resolve
from linkage.errors import Conflict
from linkage.graph.connection import Connection, Graph
from linkage.service import Service
from tests.publications import decide, observe
from tests.small_service import settings_for

LETTERS = "abcdefghijklmnopqrstuvwx"


class Project:
    """A project and `linkage resolve` in it."""

    def __init__(self, data: Path, neo4j: Connection) -> None:
        self.settings = settings_for(data, neo4j)
        self._environ = {
            "LINKAGE_DATA": str(data),
            "LINKAGE_NEO4J_URI": neo4j.uri,
            "LINKAGE_NEO4J_PASSWORD": neo4j.password,
        }
        self._app = typer.Typer()
        resolve.register(self._app)

    def resolve(self, *arguments: str) -> Result:
        return CliRunner().invoke(self._app, arguments, env=self._environ)

    def clusters(self) -> int:
        with Service.open(self.settings) as service:
            return len(service.largest_clusters(limit=100))

    def say(self, step: int) -> None:
        """Decide that neighbours at that distance are the same."""
        with Service.open(self.settings) as service:
            observe(service.ledger, *LETTERS)
            for place in range(0, len(LETTERS), 2 * step):
                decide(service.ledger, LETTERS[place], LETTERS[place + step], "same")


@pytest.fixture
def project(tmp_path: Path, neo4j: Connection, graph: Graph) -> Project:
    """Twelve pairs that are resolved, and decisions that make six clusters of them."""
    project = Project(tmp_path / "data", neo4j)
    project.say(1)
    done = project.resolve()
    assert done.exit_code == 0, done.output
    assert project.clusters() == 12
    project.say(2)
    return project


def waiting_id(done: Result) -> str:
    found = re.search(r"--approve (rs_[0-9a-f]+)", done.output)
    assert found, done.output
    return found.group(1)


def test_what_changes_much_is_not_published_until_it_is_approved(project: Project) -> None:
    done = project.resolve()
    assert (
        "Not published: 6 grew, 6 merged. 12 subjects change place, 12 of them were known before: 50.0%" in done.output
    )
    assert "2 → 4 members" in done.output
    assert project.clusters() == 12
    approved = project.resolve("--approve", waiting_id(done), "--reason", "we said so")
    assert f"Published as {waiting_id(done)}: 6 grew, 6 merged." in approved.output
    assert project.clusters() == 6
    again = project.resolve("--approve", waiting_id(done))
    assert isinstance(again.exception, Conflict)


def test_a_refused_one_is_never_published(project: Project) -> None:
    identity = waiting_id(project.resolve())
    assert "will never be published" in project.resolve("--refuse", identity).output
    assert project.clusters() == 12


def test_a_dry_run_says_the_same_and_writes_nothing(project: Project) -> None:
    with Service.open(project.settings) as service:
        before = service.ledger.versions()
    done = project.resolve("--dry-run")
    assert "It would publish: 6 grew, 6 merged." in done.output
    told = json.loads(project.resolve("--dry-run", "--json").stdout)["changes"]
    assert (told["share"], told["model_before"] == told["model_after"]) == (0.5, True)
    with Service.open(project.settings) as service:
        assert service.ledger.versions() == before


def test_another_model_is_compared_with_what_holds(project: Project, tmp_path: Path) -> None:
    from linkage.engine.model import Model

    shipped = Path(Model.load.__globals__["__file__"]).parent
    table = next(shipped.rglob("*.toml")).read_text()
    model = tmp_path / "model.toml"
    model.write_text(re.sub(r"(?m)^version = .*$", 'version = "9"', table))
    done = project.resolve("--compare", str(model))
    assert "It would publish" in done.output
    assert re.search(r"Model: \S+ → 9-", done.output), done.output
    assert project.clusters() == 12


def test_without_a_gate_nothing_waits(project: Project) -> None:
    done = project.resolve("--no-gate")
    assert "Published as" in done.output
    assert project.clusters() == 6


def test_what_excludes_each_other_is_refused(project: Project) -> None:
    assert project.resolve("--dry-run", "--approve", "rs_1").exit_code == 2
