"""Health: what is wrong is told, and nothing hangs on it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from linkage.graph.connection import Connection
from linkage.server.app import create_app
from tests.small_service import Api, settings_for


@pytest.fixture(scope="module")
def cut_off(neo4j: Connection, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """The application while nobody answers where Neo4j should be."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    settings = settings_for(tmp_path_factory.mktemp("cut-off"), neo4j, neo4j_uri=f"bolt://127.0.0.1:{port}")
    with TestClient(create_app(settings, demo=True), base_url="http://127.0.0.1") as client:
        yield Api(client)


def test_a_healthy_service_says_so(client: TestClient) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    ready = client.get("/readyz")
    assert ready.status_code == 200
    assert ready.json()["checks"] == {"database": "ok", "ledger": "ok", "projection": "ok"}
    assert "linkage_cypher_queries_total" in client.get("/metrics").text


def test_without_neo4j_reads_say_so_and_facts_are_taken(cut_off: Api) -> None:
    assert cut_off.error("{ statistics { accounts } }")[0] == "DATABASE_UNAVAILABLE"
    recorded = cut_off.client.post(
        "/v1/accounts", content=b'{"account_id": "x1"}', headers={"Content-Type": "application/x-ndjson"}
    )
    assert recorded.json()["accepted"] == 1
    assert cut_off.data(
        'mutation { recordObservations(observations: [{accountId: "x1", kind: "device", value: "d-x1"}]) { accepted } }'
    )
    assert cut_off.client.get("/healthz").status_code == 200
    ready = cut_off.client.get("/readyz")
    assert ready.status_code == 503
    assert ready.json()["checks"]["database"] == "DATABASE_UNAVAILABLE"
    assert ready.json()["checks"]["ledger"] == "ok"


def test_errors_do_not_tell_where_the_database_is(cut_off: Api) -> None:
    assert "127.0.0.1" not in str(cut_off.post("{ statistics { accounts } }"))


def test_a_ledger_that_cannot_be_written_is_told(neo4j: Connection, tmp_path: Path) -> None:
    settings = settings_for(tmp_path / "data", neo4j)
    (tmp_path / "data" / "ledger").write_text("in the way")
    with TestClient(create_app(settings, demo=True), base_url="http://127.0.0.1") as client:
        recorded = client.post(
            "/v1/accounts", content=b'{"account_id": "x1"}', headers={"Content-Type": "application/x-ndjson"}
        )
    assert recorded.status_code == 503
    assert recorded.json()["errors"][0]["extensions"]["code"] == "LEDGER_UNAVAILABLE"
    assert str(tmp_path) not in recorded.text
