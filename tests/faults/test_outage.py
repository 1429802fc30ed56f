"""Neo4j stops while the service runs: facts are still taken, reads say so, and everything catches up."""

from __future__ import annotations

import socket

import httpx2 as httpx
import pytest

from tests.faults.conftest import Project, eventually

#: whole processes, each with a Neo4j to start
pytestmark = pytest.mark.timeout(900)

ACCOUNT = '{ account(accountId: "%s") { accountId } }'


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _ask(client: httpx.Client, account: str) -> dict[str, object]:
    answer: dict[str, object] = client.post("/graphql", json={"query": ACCOUNT % account}).json()
    return answer


def _send(client: httpx.Client, account: str) -> httpx.Response:
    return client.post(
        "/v1/accounts", content=f'{{"account_id": "{account}"}}\n', headers={"Content-Type": "application/x-ndjson"}
    )


def _is_there(client: httpx.Client, account: str) -> bool:
    return _ask(client, account).get("data") == {"account": {"accountId": account}}


def test_the_service_outlives_its_database(project: Project) -> None:
    port = _free_port()
    service = project.start("serve", "--demo", "--port", str(port))
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:

        def ready() -> bool:
            try:
                return client.get("/readyz").status_code == 200
            except httpx.TransportError:
                return False

        eventually(ready, "the service is ready")
        assert _send(client, "before").status_code == 200
        eventually(lambda: _is_there(client, "before"), "the first account is in the graph")

        project.run("neo4j", "stop")
        assert _send(client, "meanwhile").status_code == 200
        errors = _ask(client, "before")["errors"]
        assert isinstance(errors, list)
        assert [error["extensions"]["code"] for error in errors] == ["DATABASE_UNAVAILABLE"]
        assert client.get("/healthz").status_code == 200
        eventually(lambda: not ready(), "readiness tells of the outage")

        project.run("neo4j", "start")
        eventually(lambda: _is_there(client, "meanwhile"), "what was taken meanwhile is in the graph")
        eventually(ready, "the service is ready again")
    service.terminate()
    assert service.wait(timeout=60) == 0
