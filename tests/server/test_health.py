"""Health: what is wrong is told, and nothing hangs on it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from linkage.graph.connection import Connection
from linkage.server.app import create_app
from linkage.service import room
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
    assert ready.json()["checks"] == {"database": "ok", "ledger": "ok", "storage": "ok", "projection": "ok"}
    assert "linkage_cypher_queries_total" in client.get("/metrics").text


def test_on_a_disk_that_is_nearly_full_reads_go_on_and_nothing_is_written(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "FLOOR", 2**60)
    ready = api.client.get("/readyz")
    assert ready.status_code == 503
    assert ready.json()["checks"]["storage"] == "STORAGE_FULL"
    assert api.data("{ statistics { accounts } }")["statistics"]["accounts"] == 6
    recording = 'mutation { recordAccounts(accounts: [{accountId: "x2"}]) { accepted } }'
    deciding = """mutation { decide(left: "a1", right: "a2", judgement: SAME, author: "ann", reason: "seen") {
      publicationId } }"""
    for mutation in (recording, deciding):
        code, message = api.error(mutation)
        assert code == "STORAGE_FULL"
        assert str(api.app.state.parts.service.settings.data) not in message
    sent = api.client.post(
        "/v1/accounts", content=b'{"account_id": "x2"}', headers={"Content-Type": "application/x-ndjson"}
    )
    assert (sent.status_code, sent.json()["errors"][0]["extensions"]["code"]) == (503, "STORAGE_FULL")


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
