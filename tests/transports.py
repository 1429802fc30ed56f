"""One operation over each way that leads to `/graphql`: what comes back of it, in one form."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from starlette.testclient import TestClient

Operation = dict[str, Any]
#: Sends an operation as a caller, and tells the first answer: `data`, `errors`, `extensions`.
Transport = Callable[[TestClient, str, Operation], dict[str, Any]]


def over_http(client: TestClient, shown: str, operation: Operation) -> dict[str, Any]:
    """As a POST."""
    headers = {"Authorization": shown, "Accept": "application/graphql-response+json"}
    answer: dict[str, Any] = client.post("/graphql", json=operation, headers=headers).json()
    return answer


def over_websocket(client: TestClient, shown: str, operation: Operation) -> dict[str, Any]:
    """As a message on a socket of its own."""
    url = str(client.base_url).replace("http", "ws") + "/graphql"
    with client.websocket_connect(url, subprotocols=["graphql-transport-ws"]) as socket:
        socket.send_json({"type": "connection_init", "payload": {"authorization": shown}})
        assert socket.receive_json()["type"] == "connection_ack"
        socket.send_json({"id": "1", "type": "subscribe", "payload": operation})
        told = socket.receive_json()
    return {"errors": told["payload"]} if told["type"] == "error" else dict(told["payload"])


def over_sse(client: TestClient, shown: str, operation: Operation) -> dict[str, Any]:
    """As a stream of events."""
    headers = {"Authorization": shown, "Accept": "text/event-stream"}
    with client.stream("POST", "/graphql", json=operation, headers=headers) as response:
        lines = [line for line in response.iter_lines() if line.startswith("data: {")]
    answer: dict[str, Any] = json.loads(lines[0].removeprefix("data: "))
    return answer.get("payload", answer)


TRANSPORTS: dict[str, Transport] = {"HTTP": over_http, "WebSocket": over_websocket, "SSE": over_sse}


def code_of(answer: dict[str, Any]) -> str | None:
    """The code of the first error; None: there is none."""
    errors = answer.get("errors")
    return errors[0]["extensions"]["code"] if errors else None
