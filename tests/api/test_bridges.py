"""Who sends a fact that brings two clusters near each other is told so; they are not merged by it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from linkage.api import links
from linkage.graph.connection import Connection, Graph
from linkage.server.app import create_app
from linkage.service import Service
from linkage.settings import Settings
from tests.small_service import Api
from tests.small_world import clusters, linked_project

RECORD = """
mutation ($rows: [ObservationInput!]!) {
  recordObservations(observations: $rows) {
    touched { event cluster { size } } bridges { subject bits left { size } right { size } }
  }
}
"""


@pytest.fixture
def settings(neo4j: Connection, graph: Graph, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return linked_project(tmp_path_factory.mktemp("project"), neo4j, "abc", "defg")


@pytest.fixture
def api(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    monkeypatch.setattr(links, "PATIENCE", 60.0)
    with TestClient(
        create_app(settings, demo=True), base_url="http://127.0.0.1", raise_server_exceptions=False
    ) as opened:
        yield Api(opened)


def test_clusters_that_come_near_each_other_are_named_and_stay_two(api: Api, settings: Settings) -> None:
    shared = [(kind, value) for pair in ("de", "ef", "fg") for kind, value in _of(pair)]
    rows = [{"accountId": "a", "kind": kind, "value": value} for kind, value in shared]
    answer = api.data(RECORD, rows=rows)["recordObservations"]
    assert answer["touched"] == [{"event": None, "cluster": {"size": 3}}]
    (bridge,) = answer["bridges"]
    assert bridge["subject"] == "account:a"
    assert bridge["bits"] > 0
    assert {bridge["left"]["size"], bridge["right"]["size"]} == {3, 4}
    with Service.open(settings) as service:
        assert clusters(service) == {"abc", "defg"}
        service.resolve(gate=False)
        assert clusters(service) == {"abcdefg"}


def _of(pair: str) -> list[tuple[str, str]]:
    return [("email", f"{pair}@example.com"), ("device", f"device-{pair}")]
