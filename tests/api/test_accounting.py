"""What an answer shows is written down before it goes out: who, why, what was asked, opaque ids."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from linkage.access.roles import Role
from linkage.api.ids import NodeId
from linkage.audit.checking import verify
from linkage.audit.log import AuditLog
from linkage.audit.reading import records
from linkage.settings import Settings, project_secret
from tests.small_graph import opaque

EMAIL = opaque("email:ann@example.com")
REVEALED = (
    'query Who { identifier(kind: "email", value: "ann@example.com") { value(reveal: true, purpose: " case 17 ") } }'
)
MASKED = '{ identifier(kind: "email", value: "ann@example.com") { value heldBy { nodes { subjectId } } } }'

Asked = Callable[..., Any]


@pytest.fixture
def log(settings: Settings) -> AuditLog:
    return AuditLog(settings.data, project_secret(settings.data))


@pytest.fixture
def ask(guarded: TestClient, keys: dict[Role, str]) -> Asked:
    def asked(role: Role, query: str, **variables: Any) -> Any:
        body = {"query": query, "variables": variables}
        return guarded.post("/graphql", json=body, headers={"Authorization": keys[role]})

    return asked


def last(log: AuditLog) -> dict[str, Any]:
    return [record for _, record in records(log)][-1]


def count(log: AuditLog) -> int:
    return verify(log).records


def test_a_value_that_is_shown_whole_is_written_down_with_its_purpose(ask: Asked, log: AuditLog) -> None:
    assert ask(Role.INVESTIGATOR, REVEALED).json()["data"]["identifier"]["value"] == "ann@example.com"
    record = last(log)
    assert record["purpose"] == ["case 17"]
    assert record["ids"] == {"identifiers": [EMAIL], "revealed": [EMAIL]}
    assert (record["operation"], record["kind"], record["asked"]) == ("Who", "query", ["identifier"])
    assert (record["role"], record["name"], record["outcome"]) == ("investigator", "a test, investigator", "OK")
    assert record["caller"].startswith("key:")


def test_a_read_of_identifiers_is_written_down_also_masked(ask: Asked, log: AuditLog) -> None:
    ask(Role.VIEWER, MASKED)
    record = last(log)
    assert record["ids"] == {"identifiers": [EMAIL], "subjects": sorted(map(log.name_of, ("account:a4", "account:a5")))}
    assert "purpose" not in record


@pytest.mark.parametrize(
    "query",
    [
        "{ node(id: " + json.dumps(str(NodeId("Identifier", EMAIL))) + ") { id } }",
        '{ cluster(id: "c2") { identifiers { nodes { kind } } } }',
        '{ account(accountId: "a4") { identifiers { edges { node { holders } } } } }',
        '{ cluster(id: "c2") { graph { nodes { label } } } }',
        '{ neighbourhood(ids: ["a4"]) { nodes { id } } }',
        '{ path(from: "a4", to: "a5") { nodes { kind } } }',
        '{ search(text: "ann@example.com") { nodes { id } } }',
        '{ why(left: "a4", right: "a5") { evidence { identifier { kind } } } }',
    ],
)
def test_whatever_way_leads_to_an_identifier_it_is_written_down(ask: Asked, log: AuditLog, query: str) -> None:
    answer = ask(Role.INVESTIGATOR, query).json()
    assert "errors" not in answer, answer
    assert EMAIL in last(log)["ids"]["identifiers"]


def test_what_shows_no_identifier_is_not_written_down(ask: Asked, log: AuditLog) -> None:
    before = count(log)
    ask(Role.VIEWER, "{ statistics { accounts } clusters(first: 1) { nodes { size } } }")
    assert count(log) == before


def test_a_refusal_is_written_down_and_answered_403(ask: Asked, log: AuditLog) -> None:
    refused = ask(Role.VIEWER, REVEALED)
    assert (refused.status_code, "data" in refused.json()) == (403, False)
    assert (last(log)["outcome"], last(log)["role"]) == ("FORBIDDEN", "viewer")
    assert "ids" not in last(log)


def test_without_a_purpose_nothing_is_shown(ask: Asked) -> None:
    for purpose in ("", ', purpose: ""', ', purpose: "  "', ", purpose: null", f', purpose: "{"x" * 201}"'):
        query = REVEALED.replace(', purpose: " case 17 "', purpose)
        answer = ask(Role.ADMIN, query).json()
        assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
        assert "ann@" not in str(answer)


def test_an_answer_that_cannot_be_written_down_is_not_given(ask: Asked, log: AuditLog, tmp_path: Path) -> None:
    away = tmp_path / "audit"
    log.folder.rename(away)
    log.folder.write_text("in the way")
    try:
        answer = ask(Role.INVESTIGATOR, REVEALED).json()
        unaffected = ask(Role.VIEWER, "{ statistics { accounts } }").json()
    finally:
        log.folder.unlink()
        away.rename(log.folder)
    assert answer.get("data") is None
    assert answer["errors"][0]["extensions"]["code"] == "AUDIT_UNAVAILABLE"
    assert "ann@" not in str(answer)
    assert str(log.folder) not in str(answer)
    assert unaffected["data"]["statistics"]["accounts"] == 6
    assert ask(Role.INVESTIGATOR, REVEALED).json()["data"]
    assert verify(log).faults == ()


def test_an_admin_reads_the_audit_page_by_page_and_that_is_written_down(ask: Asked, log: AuditLog) -> None:
    for _ in range(3):
        ask(Role.INVESTIGATOR, REVEALED)
    question = """query ($after: String, $about: ID) { audit(first: 2, after: $after, about: $about) {
      nodes { number at caller name role kind asked operation purpose outcome
              identifiers revealed subjects clusters keys }
      pageInfo { hasNextPage endCursor } } }"""
    first = ask(Role.ADMIN, question, about=EMAIL).json()["data"]["audit"]
    assert [one["purpose"] for one in first["nodes"]] == [["case 17"]] * 2
    assert first["pageInfo"]["hasNextPage"]
    second = ask(Role.ADMIN, question, about=EMAIL, after=first["pageInfo"]["endCursor"]).json()["data"]["audit"]
    numbers = [one["number"] for one in first["nodes"] + second["nodes"]]
    assert numbers == sorted(set(numbers), reverse=True)
    assert last(log)["asked"] == ["audit"]
    assert ask(Role.ADMIN, '{ audit(caller: "nobody") { nodes { number } } }').json()["data"]["audit"]["nodes"] == []
    assert ask(Role.ANALYST, "{ audit { nodes { number } } }").status_code == 403


def test_an_admin_makes_rotates_and_revokes_keys(ask: Asked, guarded: TestClient, log: AuditLog) -> None:
    made = ask(
        Role.ADMIN, 'mutation { createApiKey(label: "ann", role: VIEWER) { token key { keyId standing role } } }'
    )
    issued = made.json()["data"]["createApiKey"]
    assert (issued["key"]["standing"], issued["key"]["role"]) == ("GOOD", "VIEWER")
    assert last(log)["ids"] == {"keys": [issued["key"]["keyId"]]}
    rotate = "mutation ($id: ID!) { rotateApiKey(id: $id) { token key { keyId replaces } } }"
    rotated = ask(Role.ADMIN, rotate, id=issued["key"]["keyId"]).json()["data"]["rotateApiKey"]
    ping = {"query": "{ __typename }"}
    assert (
        guarded.post("/graphql", json=ping, headers={"Authorization": f"Bearer {issued['token']}"}).status_code == 401
    )
    good = {"Authorization": f"Bearer {rotated['token']}"}
    assert guarded.post("/graphql", json=ping, headers=good).status_code == 200
    revoke = "mutation ($id: ID!) { revokeApiKey(id: $id) { standing revokedAt lastUsedAt } }"
    assert ask(Role.ADMIN, revoke, id=rotated["key"]["keyId"]).json()["data"]["revokeApiKey"]["standing"] == "REVOKED"
    assert guarded.post("/graphql", json=ping, headers=good).status_code == 401
    listed = ask(Role.ADMIN, "{ apiKeys { keyId label standing replaces } }").json()["data"]["apiKeys"]
    assert {"REVOKED", "GOOD"} == {key["standing"] for key in listed}
    assert issued["token"].partition(".")[2] not in str(listed)
    written = "".join(path.read_text() for path in log.files())
    assert issued["token"].partition(".")[2] not in written


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ('mutation { createApiKey(label: "", role: VIEWER) { token } }', "BAD_USER_INPUT"),
        (
            'mutation { createApiKey(label: "x", role: VIEWER, expiresAt: "2020-01-01T00:00:00Z") { token } }',
            "BAD_USER_INPUT",
        ),
        (
            'mutation { createApiKey(label: "x", role: VIEWER, expiresAt: "2099-01-01T00:00:00") { token } }',
            "BAD_USER_INPUT",
        ),
        ('mutation { revokeApiKey(id: "nobody") { keyId } }', "NOT_FOUND"),
        ('mutation { rotateApiKey(id: "nobody", overlapSeconds: -1) { token } }', "BAD_USER_INPUT"),
    ],
)
def test_a_key_that_makes_no_sense_is_not_made(ask: Asked, log: AuditLog, query: str, code: str) -> None:
    assert ask(Role.ADMIN, query).json()["errors"][0]["extensions"]["code"] == code
    assert last(log)["outcome"] == code
