"""A load that is cut off at any point, and started again, gives the ledger of an undisturbed load, and its graph."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from linkage.graph.connection import open_graph
from linkage.graph.local import LocalServer
from linkage.ledger import Ledger
from tests.faults.conftest import Project, eventually

#: whole processes, each with a Neo4j to start
pytestmark = pytest.mark.timeout(900)


def _facts(project: Project) -> dict[str, int]:
    snapshot = Ledger(str(project.data / "ledger")).snapshot()
    return {name: snapshot.table(name).num_rows for name in ("accounts", "organisations", "observations", "usage")}


def _used(project: Project) -> int:
    with open_graph(LocalServer(project.data, project.cache).connection()) as graph:
        return int(graph.read("RETURN COUNT { ()-[:USED]->() } AS used")[0]["used"])


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, cache: Path, world: Path) -> dict[str, int]:
    """What the ledger holds after a load that nobody disturbed; that the graph holds the same, `graph check` says."""
    project = Project(tmp_path_factory.mktemp("undisturbed") / "data", cache)
    project.run("load", "--no-graph", str(world))
    return _facts(project)


def test_a_load_killed_at_any_point_is_finished_by_the_next_one(
    project: Project, world: Path, undisturbed: dict[str, int]
) -> None:
    ledger = Ledger(str(project.data / "ledger"))
    uses = undisturbed["observations"]
    points = {
        "accounts in the ledger": lambda: ledger.version("accounts") is not None,
        "observations in the ledger": lambda: ledger.version("observations") is not None,
        "a tenth of the graph": lambda: _used(project) > 0.1 * uses,
        "half of the graph": lambda: _used(project) > 0.5 * uses,
    }
    for what, reached in points.items():
        loader = project.start("load", str(world))
        eventually(reached, what)
        loader.kill()
        loader.wait()
    _finished_undisturbed(project, world, undisturbed)


def test_a_neo4j_killed_under_the_load_costs_nothing_but_time(
    project: Project, world: Path, undisturbed: dict[str, int]
) -> None:
    loader = project.start("load", str(world))
    eventually(lambda: _used(project) > 0.3 * undisturbed["observations"], "progress")
    pid = LocalServer(project.data, project.cache).status().pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    _, said = loader.communicate(timeout=300)
    assert "the graph will catch up" in said or loader.returncode == 0
    project.run("neo4j", "start")
    _finished_undisturbed(project, world, undisturbed)


def _finished_undisturbed(project: Project, world: Path, undisturbed: dict[str, int]) -> None:
    project.run("load", str(world))
    assert _facts(project) == undisturbed
    assert json.loads(project.run("graph", "check", "--json"))["differences"] == []
