"""A small world, loaded, resolved and in the graph: for tests that need merges as the engine makes them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from linkage.graph.connection import Connection, open_graph
from linkage.scenario import generate
from linkage.service import Service
from linkage.settings import Settings
from tests.small_service import settings_for


@pytest.fixture(scope="module")
def settings(neo4j: Connection, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A project whose ledger and graph hold a resolved world of 1,000 accounts, for one module of tests."""
    with open_graph(neo4j) as graph:
        graph.run("MATCH (n) CALL (n) { DETACH DELETE n } IN TRANSACTIONS")
    folder = tmp_path_factory.mktemp("resolved")
    generate("mixed", 1_000, 7, folder / "world")
    made = settings_for(folder / "project", neo4j)
    with Service.open(made) as opened:
        opened.load([folder / "world"])
        opened.resolve()
        opened.catch_up()
    return made


@pytest.fixture(scope="module")
def service(settings: Settings) -> Iterator[Service]:
    """The parts of that project."""
    with Service.open(settings) as opened:
        yield opened
