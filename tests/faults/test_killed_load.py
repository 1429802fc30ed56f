"""A load that is cut off at any point and started again gives the graph of an undisturbed load."""

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


def _clean(project: Project) -> bool:
    return json.loads(project.run("graph", "check", "--json"))["differences"] == []


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, cache: Path, world: Path) -> tuple[dict[str, int], int]:
    """What the ledger and the graph hold after a load that nobody disturbed."""
    project = Project(tmp_path_factory.mktemp("undisturbed") / "data", cache)
    project.run("neo4j", "start")
    try:
        project.run("load", str(world))
        return _facts(project), _used(project)
    finally:
        project.end()


def test_a_loader_killed_while_it_fills_the_graph_is_finished_by_the_next_one(
    project: Project, world: Path, undisturbed: tuple[dict[str, int], int]
) -> None:
    for share in (0.1, 0.5):
        loader = project.start("load", str(world))
        eventually(lambda share=share: _used(project) > share * undisturbed[1], "progress")
        loader.kill()
        loader.wait()
    project.run("load", str(world))
    assert (_facts(project), _used(project)) == undisturbed
    assert _clean(project)


def test_a_loader_killed_before_it_reaches_the_graph_loses_and_doubles_nothing(
    project: Project, world: Path, undisturbed: tuple[dict[str, int], int]
) -> None:
    ledger = Ledger(str(project.data / "ledger"))
    for table in ("accounts", "observations"):
        loader = project.start("load", str(world))
        eventually(lambda table=table: ledger.version(table) is not None, f"{table} in the ledger")
        loader.kill()
        loader.wait()
    project.run("load", str(world))
    assert (_facts(project), _used(project)) == undisturbed
    assert _clean(project)


def test_a_neo4j_killed_under_the_load_costs_nothing_but_time(
    project: Project, world: Path, undisturbed: tuple[dict[str, int], int]
) -> None:
    loader = project.start("load", str(world))
    eventually(lambda: _used(project) > 0.3 * undisturbed[1], "progress")
    pid = LocalServer(project.data, project.cache).status().pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    _, said = loader.communicate(timeout=300)
    assert "the graph will catch up" in said or loader.returncode == 0
    project.run("neo4j", "start")
    project.run("load", str(world))
    assert (_facts(project), _used(project)) == undisturbed
    assert _clean(project)
