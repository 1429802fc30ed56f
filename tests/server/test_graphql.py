"""GraphQL over HTTP: media types, statuses, and what attackers send."""

# ruff: noqa: E501 - operations and queries stay on the line they read best on
from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from graphql import get_introspection_query
from starlette.testclient import TestClient

from linkage.api.limits import Limits
from linkage.server.app import create_app
from linkage.server.graphql import GRAPHQL_TYPE
from linkage.settings import Settings

NEW = {"Accept": GRAPHQL_TYPE}
OLD = {"Accept": "application/json"}
JSON = {"Content-Type": "application/json"}


def post(client: TestClient, query: str, accept: dict[str, str] = OLD, **more: Any) -> Any:
    return client.post("/graphql", json={"query": query, **more}, headers=accept)


def code(response: Any) -> str:
    found: str = response.json()["errors"][0]["extensions"]["code"]
    return found


@pytest.mark.parametrize(
    ("query", "more", "expected"),
    [
        ("{", {}, "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", {}, "GRAPHQL_VALIDATION_FAILED"),
        ("query ($n: Int!) { accounts(first: $n) { nodes { id } } }", {}, "BAD_USER_INPUT"),
        ("query ($n: Int) { accounts(first: $n) { nodes { id } } }", {"variables": {"n": "x"}}, "BAD_USER_INPUT"),
        ("query A { __typename } query B { __typename }", {"operationName": "C"}, "GRAPHQL_VALIDATION_FAILED"),
        ("fragment F on Query { __typename }", {}, "GRAPHQL_VALIDATION_FAILED"),
        ("{ accounts(first: 201) { nodes { id } } }", {}, "GRAPHQL_VALIDATION_FAILED"),
        ("{ " + "a{" * 900, {}, "GRAPHQL_PARSE_FAILED"),
        ("{ " + "x " * 3_000 + "}", {}, "GRAPHQL_PARSE_FAILED"),
    ],
)
def test_where_nothing_was_executed_there_is_no_data(client: TestClient, query: str, more: Any, expected: str) -> None:
    new = post(client, query, NEW, **more)
    assert (new.status_code, "data" in new.json(), code(new)) == (400, False, expected)
    assert new.headers["content-type"].startswith(GRAPHQL_TYPE)
    old = post(client, query, OLD, **more)
    assert old.status_code in (200, 400)
    assert old.headers["content-type"].startswith("application/json")


def test_an_error_of_a_field_leaves_the_rest(client: TestClient) -> None:
    response = post(client, '{ __typename path(from: "a1", to: "a1") { length } }', NEW)
    assert response.status_code == 200
    assert response.json()["data"] == {"__typename": "Query", "path": None}


@pytest.mark.parametrize(
    ("accept", "answered"),
    [
        ("*/*", "application/json"),
        ("application/*", "application/json"),
        ("application/json, application/graphql-response+json;q=0.5", "application/json"),
        (f"{GRAPHQL_TYPE}, application/json;q=0.9", GRAPHQL_TYPE),
        (f"text/event-stream, {GRAPHQL_TYPE}", GRAPHQL_TYPE),
        ("application/json;q=x, " + GRAPHQL_TYPE, GRAPHQL_TYPE),
    ],
)
def test_the_client_says_what_it_understands(client: TestClient, accept: str, answered: str) -> None:
    response = post(client, "{ __typename }", {"Accept": accept})
    assert response.headers["content-type"].startswith(answered)


def test_who_understands_nothing_we_speak_is_told(client: TestClient) -> None:
    assert post(client, "{ __typename }", {"Accept": "image/png"}).status_code == 406


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"5",
        b'"x"',
        b"[]",
        b'[{"query": "{ __typename }"}]',
        b"{}",
        b'{"query": null}',
        b'{"query": 5}',
        b'{"query": ""}',
        b'{"query": {"a": 1}}',
        b'{"query": "{ __typename }", "variables": []}',
        b'{"query": "{ __typename }", "variables": "x"}',
        b'{"query": "{ __typename }", "operationName": 5}',
        b'{"query": "{ __typename }", "extensions": 5}',
        b'{"query": "{ __typename }", "variables": {"a": NaN}}',
        b'{"query": "{ __typename }", "variables": {"a": ' + b"9" * 5_000 + b"}}",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"query": "\xff\xfe"}',
        '{"query": "{ __typename }"}'.encode("utf-16"),
    ],
)
def test_a_body_that_is_no_request_is_a_client_error(client: TestClient, body: bytes) -> None:
    response = client.post("/graphql", content=body, headers=JSON)
    assert response.status_code == 400
    assert code(response) == "BAD_USER_INPUT"


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/graphql",
        "application/json; charset=utf-16",
    ],
)
def test_only_json_in_utf8_is_taken(client: TestClient, content_type: str | None) -> None:
    headers = {} if content_type is None else {"Content-Type": content_type}
    assert client.post("/graphql", content=b'{"query": "{ __typename }"}', headers=headers).status_code == 415


def test_queries_may_come_by_get_but_nothing_that_changes_anything(client: TestClient) -> None:
    assert client.get("/graphql", params={"query": "{ __typename }"}, headers=NEW).json()["data"] == {
        "__typename": "Query"
    }
    response = client.get("/graphql", params={"query": "mutation { startResolution { id } }"}, headers=NEW)
    assert response.status_code == 405
    assert response.headers["allow"] == "POST"
    assert client.put("/graphql", json={}).status_code == 405
    assert client.get("/graphql", params={"query": "{ __typename }", "variables": "[1]"}).status_code == 400
    assert client.get("/graphql", params={"query": "{ __typename }", "variables": "{"}).status_code == 400


def test_introspection_as_the_explorer_does_it_passes(client: TestClient) -> None:
    query = get_introspection_query(descriptions=True, input_value_deprecation=True, directive_is_repeatable=True)
    assert "errors" not in post(client, query).json()


BOMB = (
    "{ ...F0 } "
    + " ".join(f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(45))
    + " fragment F45 on Query { __typename }"
)
ATTACKS = {
    "fragment bomb": BOMB.replace("__typename", "statistics { accounts }"),
    "fragment circle": "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }",
    "aliases": "{ " + " ".join(f"a{n}: __typename" for n in range(400)) + " }",
    "directives": "{ __typename " + "@skip(if: false) " * 100 + "}",
    "fan-out": "{ clusters(first: 40) { nodes { members(first: 40) { nodes { identifiers(first: 40) { nodes { heldBy(first: 40) { nodes { id } } } } } } } } }",
    "circular introspection": "{ __schema { types { fields { type { fields { type { fields { type { name } } } } } } } } }",
    "negative page": "{ clusters(first: -1) { nodes { id } } }",
    "huge page": "{ clusters(first: 1000000000) { nodes { id } } }",
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_document_that_would_cost_too_much_is_refused_before_it_runs(client: TestClient, attack: str) -> None:
    response = post(client, ATTACKS[attack], NEW)
    assert response.status_code == 400
    assert code(response) == "GRAPHQL_VALIDATION_FAILED"


HOSTILE = [
    "a1'}) DETACH DELETE n //",
    "`) MATCH (n) RETURN n //",
    "\\u0060",
    "\u0000",
    "\ud800",
    "\u202e",
    "x" * 5_000,
    "${jndi:ldap://x}",
    "*",
    "%00",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_what_is_hostile_in_an_argument_is_only_text(client: TestClient, text: str) -> None:
    query = """query ($s: String!, $i: ID!) { account(accountId: $s) { id } organisation(organisationId: $s) { id }
      identifier(kind: "device", value: $s) { id } node(id: $i) { id } }"""
    response = client.post(
        "/graphql", content=json.dumps({"query": query, "variables": {"s": text, "i": text}}), headers={**JSON, **NEW}
    )
    assert response.status_code < 500
    assert "INTERNAL" not in response.text
    for field in (
        "search(text: $s) { nodes { id } }",
        'why(left: $s, right: "a1") { linked }',
        "clusters(after: $s) { nodes { id } }",
        "neighbourhood(ids: [$s]) { truncated }",
    ):
        kind = "ID" if "why" in field or "neigh" in field else "String"
        body = json.dumps({"query": f"query ($s: {kind}!) {{ {field} }}", "variables": {"s": text}})
        response = client.post("/graphql", content=body, headers={**JSON, **NEW})
        assert response.status_code < 500
        assert "INTERNAL" not in response.text, field


def test_personal_data_of_a_query_is_not_logged(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="linkage"):
        post(client, '{ account(accountId: "ann@example.com") { id nothing } }')
        post(client, '{ path(from: "ann@example.com", to: "ann@example.com") { length } }')
        post(client, '{ search(text: "ann@example.com") { nodes { id } } }')
    assert "ann@" not in caplog.text


def test_an_operation_has_a_deadline(settings: Settings, client: TestClient) -> None:
    hasty = create_app(settings, limits=Limits(seconds=0.0), demo=True)
    with TestClient(hasty, base_url="http://127.0.0.1") as impatient:
        response = post(impatient, "{ statistics { accounts } }", NEW)
    assert response.status_code == 400
    assert "too long" in response.text


def test_a_subscription_needs_a_stream(client: TestClient) -> None:
    assert post(client, "subscription { resolutionProgress { state } }", NEW).status_code == 400


def test_a_subscription_comes_as_events_or_over_a_websocket(client: TestClient) -> None:
    query = "subscription { resolutionProgress { state } }"
    with client.stream(
        "POST", "/graphql", json={"query": query}, headers={"Accept": f"text/event-stream, {GRAPHQL_TYPE}"}
    ) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        text = "".join(response.iter_text())
    assert "event: next" in text
    assert "NOT_FOUND" in text
    with client.websocket_connect("ws://127.0.0.1/graphql", subprotocols=["graphql-transport-ws"]) as socket:
        socket.send_json({"type": "connection_init"})
        assert socket.receive_json()["type"] == "connection_ack"
        socket.send_json({"id": "1", "type": "subscribe", "payload": {"query": "{ statistics { accounts } }"}})
        assert socket.receive_json()["payload"]["data"]["statistics"]["accounts"] == 6
        assert socket.receive_json()["type"] == "complete"
        socket.send_json({"id": "2", "type": "subscribe", "payload": {"query": ATTACKS["fragment bomb"]}})
        refused = socket.receive_json()
        assert refused["type"] == "error"
        assert refused["payload"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
        socket.send_json({"id": "3", "type": "subscribe", "payload": {"query": query}})
        assert socket.receive_json()["payload"]["errors"][0]["extensions"]["code"] == "NOT_FOUND"


def test_who_accepts_events_only_gets_events_for_a_query_too(client: TestClient) -> None:
    with client.stream(
        "POST", "/graphql", json={"query": "{ __typename }"}, headers={"Accept": "text/event-stream"}
    ) as response:
        text = "".join(response.iter_text())
    assert '"__typename":"Query"' in text.replace(" ", "")
