"""What every test may use: one real Neo4j for the whole run, and the graph in it, emptied for each test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from linkage.graph.connection import Connection, Graph, open_graph
from linkage.graph.kinds import SEARCH
from linkage.graph.local import LocalServer, Memory
from linkage.graph.schema import apply_schema, search_index
from linkage.settings import Settings

SMALL = Memory("512m", "64m")
#: Half of a short run is the compiling of Neo4j's own code: the quick compiler is enough.
QUICK = ("-XX:TieredStopAtLevel=1",)


@pytest.fixture(scope="session")
def cache() -> Path:
    """The user's own cache: jars are fetched once a machine, not once a test run."""
    return Settings.load(os.environ).cache


@pytest.fixture(scope="session")
def neo4j(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[Connection]:
    """A managed Neo4j for this run, stopped at its end."""
    server = LocalServer(tmp_path_factory.mktemp("neo4j"), cache, memory=SMALL, port=0, java_options=QUICK)
    with server.held() as connection:
        yield connection


@pytest.fixture(scope="session")
def _schema(neo4j: Connection) -> Iterator[Graph]:
    with open_graph(neo4j) as graph:
        apply_schema(graph)
        yield graph


@pytest.fixture
def graph(_schema: Graph) -> Graph:
    """The graph, empty, with its constraints and indexes."""
    _schema.run("MATCH (n) CALL (n) { DETACH DELETE n } IN TRANSACTIONS")
    _schema.run(search_index(SEARCH))  # a wipe takes it away until the graph is filled again
    _schema.run("CALL db.awaitIndexes(60)")
    return _schema
