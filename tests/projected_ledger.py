"""A ledger written by hand, its graph and the application over both: for tests of what is published and when."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from linkage.graph.connection import Connection, Graph
from linkage.server.app import create_app
from linkage.service import Service
from linkage.settings import Settings
from tests.small_service import Api, settings_for

LETTERS = "abcdefgh"


@pytest.fixture
def settings(neo4j: Connection, graph: Graph, tmp_path: Path) -> Settings:
    """A project with nothing in its ledger and an empty graph."""
    return settings_for(tmp_path / "project", neo4j)


@pytest.fixture
def service(settings: Settings) -> Iterator[Service]:
    with Service.open(settings) as opened:
        yield opened


@contextmanager
def served(settings: Settings) -> Iterator[Api]:
    """The application of a project."""
    app = create_app(settings, demo=True)
    with TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False) as client:
        yield Api(client)


@pytest.fixture
def api(settings: Settings) -> Iterator[Api]:
    with served(settings) as opened:
        yield opened
