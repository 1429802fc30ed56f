"""For which hosts we answer, and how much may come in."""

# ruff: noqa: S104 - an address that everybody reaches
from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from linkage.api.work import Work
from linkage.errors import BadSettings
from linkage.model.loopback import is_loopback
from linkage.server.app import LARGEST_OPERATION, create_app
from linkage.server.records import LARGEST
from linkage.settings import Settings

PING = {"query": "{ __typename }"}


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("linkage.example", False),
        ("10.0.0.1", False),
    ],
)
def test_loopback_is_known(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def test_a_demo_does_not_stand_open_to_a_network(settings: Settings) -> None:
    with pytest.raises(BadSettings, match="without a key"):
        create_app(settings.model_copy(update={"host": "0.0.0.0"}), demo=True)


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "[::2]", "169.254.169.254"])
def test_a_loopback_service_answers_for_its_own_names_only(client: TestClient, host: str) -> None:
    assert client.post("/graphql", json=PING, headers={"Host": host}).status_code == 421


@pytest.mark.parametrize("host", ["127.0.0.1:8410", "localhost", "LOCALHOST:1", "[::1]:8410"])
def test_its_own_names_are_answered(client: TestClient, host: str) -> None:
    assert client.post("/graphql", json=PING, headers={"Host": host}).status_code == 200


def test_a_websocket_for_a_foreign_host_or_from_a_foreign_page_is_refused(client: TestClient) -> None:
    for headers in ({"Host": "evil.example"}, {"Origin": "http://evil.example"}):
        with (
            pytest.raises(WebSocketDisconnect),
            client.websocket_connect("ws://127.0.0.1/graphql", subprotocols=["graphql-transport-ws"], headers=headers),
        ):
            pass


def test_a_body_has_a_size(client: TestClient) -> None:
    large = b'{"query": "{ __typename }", "x": "' + b"x" * LARGEST_OPERATION + b'"}'
    headers = {"Content-Type": "application/json"}
    assert client.post("/graphql", content=large, headers=headers).status_code == 413

    def in_parts() -> Iterator[bytes]:
        for _ in range(LARGEST_OPERATION // 2**16 + 2):
            yield b"x" * 2**16

    response = client.post("/graphql", content=in_parts(), headers=headers)
    assert response.status_code == 413
    assert response.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert LARGEST > LARGEST_OPERATION


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"Content-Encoding": "gzip"}, 415), ({"Content-Length": "9" * 30}, 413), ({"Content-Length": "-1"}, 400)],
)
def test_bodies_that_are_not_plain_are_refused(client: TestClient, headers: dict[str, str], status: int) -> None:
    response = client.post("/graphql", content=b"{}", headers={"Content-Type": "application/json", **headers})
    assert response.status_code == status


def test_every_answer_carries_the_headers_that_browsers_heed(client: TestClient) -> None:
    for response in (client.get("/healthz"), client.post("/graphql", json=PING), client.get("/nowhere")):
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["x-frame-options"] == "DENY"


def test_a_fault_of_ours_is_a_reference(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: object) -> None:
        raise ZeroDivisionError("ann@example.com")

    monkeypatch.setattr(Work, "resolving", property(broken), raising=False)
    response = client.get("/metrics")
    assert response.status_code == 500
    assert response.json()["errors"][0]["extensions"]["code"] == "INTERNAL"
    assert "ann@" not in response.text
