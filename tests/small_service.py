"""The application over the small graph, for tests of the API and of the server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from linkage.access.keys import KeyRing
from linkage.access.roles import Role
from linkage.graph.connection import Connection, Graph, open_graph
from linkage.graph.schema import apply_schema
from linkage.server.app import create_app
from linkage.settings import Settings, project_secret
from tests import small_graph


class Api:
    """What a test asks through."""

    def __init__(self, client: TestClient) -> None:
        self.client = client

    @property
    def app(self) -> Starlette:
        app = self.client.app
        assert isinstance(app, Starlette)
        return app

    def post(self, query: str, **variables: Any) -> dict[str, Any]:
        """The whole answer."""
        response = self.client.post("/graphql", json={"query": query, "variables": variables})
        answer: dict[str, Any] = response.json()
        return answer

    def data(self, query: str, **variables: Any) -> dict[str, Any]:
        """The data of an answer without errors."""
        answer = self.post(query, **variables)
        assert "errors" not in answer, answer["errors"]
        data: dict[str, Any] = answer["data"]
        return data

    def error(self, query: str, **variables: Any) -> tuple[str, str]:
        """Code and message of the first error."""
        error = self.post(query, **variables)["errors"][0]
        return error["extensions"]["code"], error["message"]

    def queries(self, query: str, **variables: Any) -> int:
        """How many Cypher queries an operation costs, without the two looks at how far publications are."""
        reader = self.app.state.parts.reader
        before = reader.queries
        self.data(query, **variables)
        spent: int = reader.queries - before - 2
        return spent


def settings_for(data: Path, neo4j: Connection, **more: str) -> Settings:
    """Settings of a project in that folder, with the small graph's secret."""
    data.mkdir(parents=True, exist_ok=True)
    (data / "secret.key").write_bytes(small_graph.SECRET)
    return Settings.load(
        {
            "LINKAGE_DATA": str(data),
            "LINKAGE_NEO4J_URI": neo4j.uri,
            "LINKAGE_NEO4J_PASSWORD": neo4j.password,
            **{f"LINKAGE_{name.upper()}": value for name, value in more.items()},
        }
    )


def name_project(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the environment name a project, for commands that are run in it."""
    assert settings.neo4j_password is not None
    monkeypatch.setenv("LINKAGE_DATA", str(settings.data))
    monkeypatch.setenv("LINKAGE_NEO4J_URI", str(settings.neo4j_uri))
    monkeypatch.setenv("LINKAGE_NEO4J_PASSWORD", settings.neo4j_password.get_secret_value())


@pytest.fixture(scope="module")
def small(neo4j: Connection) -> Iterator[Graph]:
    """The small graph, for one module of tests that only read it."""
    with open_graph(neo4j) as graph:
        apply_schema(graph)
        small_graph.create(graph)
        yield graph


@pytest.fixture(scope="module")
def settings(neo4j: Connection, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A project with nothing in its ledger."""
    return settings_for(tmp_path_factory.mktemp("project"), neo4j)


@pytest.fixture(scope="module")
def client(small: Graph, settings: Settings) -> Iterator[TestClient]:
    """The application over the small graph."""
    app = create_app(settings, demo=True)
    with TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False) as opened:
        yield opened


def keys_of(settings: Settings) -> dict[Role, str]:
    """A new key of each role, ready for the header."""
    ring = KeyRing(settings.data, project_secret(settings.data))
    return {role: f"Bearer {ring.create(f'a test, {role}', role)[1]}" for role in Role}


@pytest.fixture(scope="module")
def guarded(small: Graph, settings: Settings) -> Iterator[TestClient]:
    """The application as it listens to a network: whoever calls shows a key."""
    wide = settings.model_copy(update={"host": "0.0.0.0"})  # noqa: S104 - nothing listens
    with TestClient(create_app(wide), base_url="http://linkage.example", raise_server_exceptions=False) as opened:
        yield opened


@pytest.fixture(scope="module")
def keys(settings: Settings) -> dict[Role, str]:
    """A key of each role, as its header."""
    return keys_of(settings)


@pytest.fixture(scope="module")
def api(client: TestClient) -> Api:
    """Questions to the application over the small graph."""
    return Api(client)
