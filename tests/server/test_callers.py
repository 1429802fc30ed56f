"""Who calls, and whether they may."""

from __future__ import annotations

import pytest
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from linkage.access.keys import KeyRing
from linkage.access.roles import Role
from linkage.access.table import OPEN_ENDPOINTS, TABLE
from linkage.audit.log import AuditLog
from linkage.audit.reading import records
from linkage.server.app import create_app
from linkage.server.callers import endpoint_of
from linkage.settings import Settings, project_secret
from tests.small_service import Api

PING = {"query": "{ __typename }"}
SOCKET = "ws://linkage.example/graphql"
NDJSON = {"Content-Type": "application/x-ndjson"}


@pytest.fixture
def ring(settings: Settings) -> KeyRing:
    return KeyRing(settings.data, project_secret(settings.data))


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer wrong",
        "Basic {token}",
        "{token}",
        "Bearer {token}x",
        "Bearer ünï",
        "Bearer " + "x" * 9_000,
    ],
)
def test_without_a_good_key_nothing_is_answered(guarded: TestClient, ring: KeyRing, header: str) -> None:
    _, token = ring.create("a test", Role.ADMIN)
    shown = {"Authorization": header.format(token=token).encode()}
    for headers in ({}, shown):
        response = guarded.post("/graphql", json=PING, headers=headers)
        assert response.status_code == 401
        assert response.headers["www-authenticate"] == "Bearer"
        assert response.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
        assert guarded.post("/v1/accounts", content=b"{}", headers=headers).status_code == 401
        assert guarded.get("/metrics", headers=headers).status_code == 401
        assert guarded.get("/graphql?query={__typename}", headers=headers).status_code == 401
        assert guarded.get("/nowhere", headers=headers).status_code == 401


def test_with_a_key_it_is(guarded: TestClient, keys: dict[Role, str]) -> None:
    for shown in keys.values():
        assert guarded.post("/graphql", json=PING, headers={"Authorization": shown}).status_code == 200
        lower = shown.replace("Bearer", "bearer")
        assert guarded.get("/metrics", headers={"Authorization": lower}).status_code == 200


def test_pages_and_health_need_no_key(guarded: TestClient) -> None:
    assert guarded.get("/healthz").status_code == 200
    assert guarded.get("/readyz").status_code == 200
    assert guarded.get("/graphql", headers={"Accept": "text/html"}).status_code == 200


def test_a_revocation_takes_effect_at_once(guarded: TestClient, ring: KeyRing) -> None:
    key, token = ring.create("a test", Role.VIEWER)
    headers = {"Authorization": f"Bearer {token}"}
    assert guarded.post("/graphql", json=PING, headers=headers).status_code == 200
    ring.revoke(key.id)
    assert guarded.post("/graphql", json=PING, headers=headers).status_code == 401


def test_facts_are_sent_by_those_who_may(guarded: TestClient, keys: dict[Role, str], settings: Settings) -> None:
    statuses = {
        role: guarded.post("/v1/accounts", content=b"", headers={"Authorization": shown, **NDJSON}).status_code
        for role, shown in keys.items()
    }
    assert {role for role, status in statuses.items() if status == 200} == {Role.SERVICE, Role.ADMIN}
    assert {status for status in statuses.values() if status != 200} == {403}
    log = AuditLog(settings.data, project_secret(settings.data))
    refused = [one["role"] for _, one in records(log) if one["asked"] == ["POST /v1/{record}"]]
    assert refused == [role for role, status in statuses.items() if status == 403]


def test_what_has_no_row_is_not_there(guarded: TestClient, keys: dict[Role, str]) -> None:
    headers = {"Authorization": keys[Role.ADMIN]}
    assert guarded.get("/nowhere", headers=headers).status_code == 404
    response = guarded.get("/v1/accounts", headers=headers)
    assert (response.status_code, response.headers["allow"]) == (405, "POST")


def test_every_route_has_its_rows(settings: Settings) -> None:
    rows = set(TABLE) | OPEN_ENDPOINTS
    for route in create_app(settings).routes:
        if isinstance(route, WebSocketRoute):
            assert f"WEBSOCKET {route.path}" in rows
        elif isinstance(route, Mount):
            assert f"GET {route.path}" in rows
        else:
            assert isinstance(route, Route)
            methods = (route.methods or {"GET", "POST"}) - {"HEAD"}
            assert {f"{method} {endpoint_of(route.path)}" for method in methods} <= rows


@pytest.mark.parametrize("by_header", [True, False])
def test_a_websocket_shows_the_key_in_a_header_or_in_its_first_message(
    guarded: TestClient, keys: dict[Role, str], by_header: bool
) -> None:
    shown = {"authorization": keys[Role.VIEWER]}
    protocols = ["graphql-transport-ws"]
    with guarded.websocket_connect(SOCKET, subprotocols=protocols, headers=shown if by_header else {}) as socket:
        socket.send_json({"type": "connection_init", "payload": {} if by_header else shown})
        assert socket.receive_json()["type"] == "connection_ack"


@pytest.mark.parametrize("payload", [{}, {"authorization": "Bearer wrong"}, {"authorization": 5}])
def test_a_websocket_without_a_good_key_is_closed(guarded: TestClient, payload: dict[str, object]) -> None:
    with guarded.websocket_connect(SOCKET, subprotocols=["graphql-transport-ws"]) as socket:
        socket.send_json({"type": "connection_init", "payload": payload})
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_json()
        assert closed.value.code == 4403


def test_an_operation_of_a_websocket_is_refused_once_its_key_is_revoked(guarded: TestClient, ring: KeyRing) -> None:
    key, token = ring.create("a test", Role.VIEWER)
    with guarded.websocket_connect(SOCKET, subprotocols=["graphql-transport-ws"]) as socket:
        socket.send_json({"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}})
        assert socket.receive_json()["type"] == "connection_ack"
        socket.send_json({"type": "subscribe", "id": "1", "payload": PING})
        assert socket.receive_json()["type"] == "next"
        assert socket.receive_json()["type"] == "complete"
        ring.revoke(key.id)
        socket.send_json({"type": "subscribe", "id": "2", "payload": PING})
        refused = socket.receive_json()
    assert refused["type"] == "error"
    assert refused["payload"][0]["extensions"]["code"] == "UNAUTHENTICATED"


def test_in_a_demo_a_wrong_key_is_still_wrong(client: TestClient, api: Api) -> None:
    assert client.post("/graphql", json=PING).status_code == 200
    assert client.post("/graphql", json=PING, headers={"Authorization": "Bearer lk_x.y"}).status_code == 401


def test_keys_that_cannot_be_read_let_nobody_in(guarded: TestClient, settings: Settings, ring: KeyRing) -> None:
    _, token = ring.create("a test", Role.ADMIN)
    path = settings.data / "keys.json"
    held = path.read_bytes()
    path.write_text("nonsense")
    try:
        response = guarded.post("/graphql", json=PING, headers={"Authorization": f"Bearer {token}"})
    finally:
        path.write_bytes(held)
    assert response.status_code == 503
    assert response.json()["errors"][0]["extensions"]["code"] == "KEYS_UNREADABLE"
    assert str(settings.data) not in response.text
