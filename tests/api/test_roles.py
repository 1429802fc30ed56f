"""Every field, argument, mutation, subscription and endpoint × every role × masked or whole.

Two questions. Is what a role may not ask refused, wherever it stands? And does what it may ask ever hold a value that
it may not see: in data, errors, ids, cursors, logs, metrics, the audit?
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from itertools import chain

import pytest
from graphql import parse
from starlette.testclient import TestClient

from linkage.access.admission import Admission
from linkage.access.budgets import BUDGETS, Budget
from linkage.access.caller import Caller
from linkage.access.roles import DECIDERS, REVEALERS, Role
from linkage.access.table import TABLE, Action, action_of
from linkage.api.asked import asked_of
from linkage.api.gate import admitted
from linkage.api.limits import Limits
from linkage.api.schema import build_schema
from linkage.api.types.change import change_cursor
from linkage.audit.checking import verify
from linkage.audit.log import AuditLog
from linkage.audit.reading import records
from linkage.errors import Forbidden
from linkage.server.app import create_app
from linkage.settings import Settings, project_secret
from tests.every_field import document_for, everything, way_to
from tests.planted_world import NAME, NOTED, ORGANISATION, REGISTERED, SAID, Secrets, resolved, secrets, settings, shown

__all__ = ["resolved", "secrets", "settings", "shown"]

SCHEMA = build_schema()._schema
ROOTS = ("Query", "Mutation", "Subscription")
#: The documents are larger than any that a person writes.
WIDE = Limits(tokens=100_000, cost=10**9, depth=60, aliases=100_000, nesting=500, seconds=120.0)


# -- refusals: by the document alone


def fields() -> Iterator[tuple[str, str, str]]:
    """Root, type and field of all that can be asked."""
    for root in ROOTS:
        start = SCHEMA.type_map[root]
        for owner in way_to(SCHEMA, start):  # type: ignore[arg-type]
            for name in getattr(SCHEMA.type_map[owner], "fields", {}):
                if owner not in ("Node", "Subject") and (owner not in ROOTS or owner == root):
                    yield root, owner, name


def refused(role: Role, document: str) -> bool:
    try:
        admitted(Caller("key:x", "x", role), asked_of(SCHEMA, parse(document), None), {})
    except Forbidden:
        return True
    return False


def test_the_walk_reaches_every_type_of_the_schema() -> None:
    reached = {owner for _, owner, _ in fields()}
    assert {name for name, rule in TABLE.items() if name in SCHEMA.type_map} <= reached


@pytest.mark.parametrize("role", Role)
def test_a_field_is_refused_wherever_a_row_on_the_way_says_so(role: Role) -> None:
    for root, owner, name in fields():
        document = document_for(SCHEMA, root, owner, name, {})
        way = way_to(SCHEMA, SCHEMA.type_map[root])[owner]  # type: ignore[arg-type]
        rows = [f"{owner}.{name}"]
        for parent, step, _ in way:
            one = SCHEMA.type_map[parent]
            behind = [parent] if parent not in ("Node", "Subject") else [t.name for t in SCHEMA.get_possible_types(one)]  # type: ignore[arg-type]
            rows += [f"{type_name}.{step}" for type_name in behind]
        expected = any(action_of(role, row) is Action.DENY for row in rows)
        assert refused(role, document) is expected, document


@pytest.mark.parametrize("role", Role)
def test_nothing_is_shown_whole_to_those_who_may_not_reveal(role: Role) -> None:
    revealing = [row for row in TABLE if row.endswith("(reveal)")]
    assert len(revealing) == 6
    for row in revealing:
        owner, _, name = row.removesuffix("(reveal)").partition(".")
        document = document_for(SCHEMA, "Query", owner, name, {}, 'reveal: true, purpose: "case 17"')
        assert refused(role, document) is (role not in REVEALERS), document
        switched_off = document_for(SCHEMA, "Query", owner, name, {}, "reveal: false")
        assert not refused(role, switched_off)


@pytest.mark.parametrize(
    ("document", "variables"),
    [
        ('query ($r: Boolean!) { account(accountId: "a") { displayName(reveal: $r, purpose: "p") } }', {"r": True}),
        ('query ($r: Boolean! = true) { account(accountId: "a") { displayName(reveal: $r, purpose: "p") } }', {}),
        ('query { node(id: "x") { ...F } } fragment F on Subject { attributes(reveal: true, purpose: "p") }', {}),
        ('{ a: account(accountId: "a") { x: displayName y: displayName(reveal: true, purpose: "p") } }', {}),
        ('{ node(id: "x") { ... on Node { ... on Identifier { value(reveal: true, purpose: "p") } } } }', {}),
        ('{ account(accountId: "a") { displayName(reveal: true) @include(if: false) } }', {}),
    ],
)
def test_a_switch_is_found_however_it_is_dressed(document: str, variables: dict[str, object]) -> None:
    asked = asked_of(SCHEMA, parse(document), None)
    with pytest.raises(Forbidden, match="reveal"):
        admitted(Caller("key:x", "x", Role.VIEWER), asked, variables)


def test_only_the_operation_that_is_run_counts() -> None:
    both = parse(
        "query A { bands { wrong } } mutation B { startResolution { id } } fragment F on Query { bands { wrong } }"
    )
    viewer = Caller("key:x", "x", Role.VIEWER)
    assert admitted(viewer, asked_of(SCHEMA, both, "A"), {}) == ()
    with pytest.raises(Forbidden, match="startResolution"):
        admitted(viewer, asked_of(SCHEMA, both, "B"), {})


def test_nothing_is_ordered_or_filtered_by_what_is_masked() -> None:
    # An order or a filter over a value tells it piece by piece to whoever may only see it masked.
    hidden = {
        row.partition(".")[2].lower() for row, rule in TABLE.items() if rule.mask and not row.startswith("Query.")
    }
    assert {"displayname", "value", "reason"} <= hidden
    words: dict[str, set[str]] = {}
    for name, one in SCHEMA.type_map.items():
        if name.endswith("Filter"):
            words[name] = {inner.lower() for inner in one.fields}  # type: ignore[attr-defined]
        elif name.endswith("Order"):
            words[name] = {
                value.lower().removesuffix("_desc").removesuffix("_asc").replace("_", "") for value in one.values
            }  # type: ignore[attr-defined]
    assert {"AccountFilter", "AccountOrder", "ClusterFilter", "ClusterOrder", "DecisionFilter"} <= words.keys()
    assert {name: found & hidden for name, found in words.items() if found & hidden} == {}


# -- leaks: by what is answered


@pytest.fixture(scope="module")
def application(settings: Settings) -> Iterator[TestClient]:
    wide = settings.model_copy(update={"host": "0.0.0.0"})  # noqa: S104 - nothing listens
    with pytest.MonkeyPatch.context() as patch:
        for role in Role:
            patch.setitem(BUDGETS, role, Budget(WIDE.cost, 1_000 * WIDE.cost, WIDE.cost))
        with TestClient(create_app(wide, limits=WIDE), base_url="http://linkage.example") as opened:
            yield opened


@pytest.fixture(scope="module")
def samples(settings: Settings, application: TestClient, shown: dict[Role, str]) -> dict[str, str]:
    """Arguments that lead to something: the largest cluster, two of its members, what they share."""
    question = """{ clusters(first: 1) { nodes { id members(first: 3) { nodes { id subjectId } }
      identifiers(first: 1) { nodes { id kind value(reveal: true, purpose: "a sample") } } } }
      decisions(first: 1) { nodes { id left { name } right { name } } } resolutions(first: 1) { nodes { id } } }"""
    headers = {"Authorization": shown[Role.ADMIN]}
    data = application.post("/graphql", json={"query": question}, headers=headers).json()["data"]
    cluster, decision = data["clusters"]["nodes"][0], data["decisions"]["nodes"][0]
    identifier, (left, right) = (
        cluster["identifiers"]["nodes"][0],
        (decision["left"]["name"], decision["right"]["name"]),
    )
    quoted = json.dumps
    return {
        "Query.account(accountId)": quoted(left.removeprefix("account:")),
        "Query.organisation(organisationId)": quoted("o-planted"),
        "Query.identifier(kind)": quoted(identifier["kind"]),
        "Query.identifier(value)": quoted(identifier["value"]),
        "Query.cluster(id)": quoted(cluster["id"]),
        "Query.node(id)": quoted(identifier["id"]),
        "Query.decision(id)": quoted(decision["id"]),
        "Query.resolution(id)": quoted(data["resolutions"]["nodes"][0]["id"]),
        "Query.previewRetraction(id)": quoted(decision["id"]),
        "Query.previewDecision(judgement)": "DIFFERENT",
        "Query.previewUndo(cluster)": quoted(cluster["id"]),
        "Query.previewWithdrawal(of)": f"{{kind: {quoted(identifier['kind'])}, value: {quoted(identifier['value'])}}}",
        "Query.previewErasure(of)": f"{{subject: {quoted(right)}}}",
        "Query.search(text)": quoted(identifier["value"]),
        "Query.path(from)": quoted(left),
        "to": quoted(right),
        "ids": f"[{quoted(left)}, {quoted(identifier['id'])}]",
        "left": quoted(left),
        "right": quoted(right),
    }


ASKABLE = [f"Query.{name}" for name in SCHEMA.type_map["Query"].fields]  # type: ignore[attr-defined]


@pytest.mark.parametrize("role", Role)
def test_nothing_that_a_role_may_ask_shows_a_value_that_it_did_not_have_revealed(
    application: TestClient,
    shown: dict[Role, str],
    samples: dict[str, str],
    secrets: Secrets,
    role: Role,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    headers = {"Authorization": shown[role]}
    prose = {SAID} if role in REVEALERS else set()

    def wanted(row: str) -> bool:
        return action_of(role, row) is not Action.DENY

    asked = [row for row in ASKABLE if wanted(row)]
    answered = set()
    for row in asked:
        document = "{ " + everything(SCHEMA, row, samples, wanted) + " }"
        response = application.post("/graphql", json={"query": document}, headers=headers)
        assert response.status_code == 200, (row, response.text[:500])
        assert [leak for leak in secrets.leaks(response.text) if leak not in prose] == [], row
        answered |= {row} if any((response.json().get("data") or {}).values()) else set()
    assert len(answered) >= len(asked) - 3, set(asked) - answered
    assert secrets.leaks(application.get("/metrics", headers=headers).text) == []
    assert secrets.leaks(caplog.text) == []


@pytest.mark.parametrize("role", sorted(REVEALERS))
def test_those_who_may_reveal_see_what_they_ask_for(
    application: TestClient, shown: dict[Role, str], samples: dict[str, str], role: Role
) -> None:
    def extra(row: str) -> str:
        return 'reveal: true, purpose: "case 17"' if f"{row}(reveal)" in TABLE else ""

    whole = ""
    for row in ("Query.account", "Query.organisation", "Query.identifier"):
        document = "{ " + everything(SCHEMA, row, samples, lambda row: True, extra, depth=2) + " }"
        answer = application.post("/graphql", json={"query": document}, headers={"Authorization": shown[role]})
        assert "errors" not in answer.json() or answer.json()["data"], answer.text
        whole += answer.text
    for value in (NAME, ORGANISATION, REGISTERED, NOTED["mail"], json.loads(samples["Query.identifier(value)"])):
        assert str(value) in whole


@pytest.mark.parametrize("role", [role for role in Role if role not in DECIDERS])
def test_every_mutation_that_a_role_may_not_do_is_refused_before_anything_happens(
    application: TestClient, shown: dict[Role, str], samples: dict[str, str], role: Role
) -> None:
    names = [name for name in SCHEMA.type_map["Mutation"].fields if action_of(role, f"Mutation.{name}") is Action.DENY]  # type: ignore[attr-defined]
    assert len(names) >= 9
    for name in names:
        document = document_for(SCHEMA, "Mutation", "Mutation", name, samples)
        response = application.post("/graphql", json={"query": document}, headers={"Authorization": shown[role]})
        answer = response.json()
        assert (response.status_code, "data" in answer) == (403, False)
        assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"


@pytest.mark.parametrize("role", [Role.VIEWER, Role.INVESTIGATOR])
def test_a_search_confirms_no_guess_to_those_who_may_not_see_values(
    application: TestClient, shown: dict[Role, str], samples: dict[str, str], role: Role
) -> None:
    value = json.loads(samples["Query.identifier(value)"])
    found = {}
    for text in (value, value[:-1], NAME, "Quastenflosser", "o-planted", "o-plant"):
        body = {"query": "query ($t: String!) { search(text: $t) { nodes { id } } }", "variables": {"t": text}}
        answer = application.post("/graphql", json=body, headers={"Authorization": shown[role]}).json()
        found[text] = bool(answer["data"]["search"]["nodes"])
    by_parts = role in REVEALERS
    assert found == {
        value: True,
        value[:-1]: by_parts,
        NAME: by_parts,
        "Quastenflosser": by_parts,
        "o-planted": True,
        "o-plant": by_parts,
    }


def test_the_audit_and_the_keys_hold_no_value(
    settings: Settings, application: TestClient, shown: dict[Role, str], secrets: Secrets
) -> None:
    held = chain((settings.data / "audit").glob("*"), [settings.data / "keys.json", settings.data / "audit-head"])
    written = "".join(path.read_text() for path in held)
    assert "case 17" in written
    assert secrets.leaks(written) == []


def test_errors_do_not_repeat_what_was_asked_by_value(
    application: TestClient, shown: dict[Role, str], caplog: pytest.LogCaptureFixture
) -> None:
    headers = {"Authorization": shown[Role.VIEWER]}
    for document in (
        f'{{ identifier(kind: "{NAME}", value: "{SAID}") {{ id }} }}',
        f'{{ cluster(id: "{SAID}") {{ id }} account(accountId: "{SAID}") {{ id }} }}',
        f'{{ clusterChanges(after: "{SAID}") {{ nodes {{ at }} }} }}',
        f'{{ why(left: "{SAID}", right: "{SAID}") {{ summary }} }}',
    ):
        application.post("/graphql", json={"query": document}, headers=headers)
    assert SAID not in caplog.text


def test_each_event_is_accounted_for_and_a_key_that_was_revoked_gets_no_further_one(
    application: TestClient, settings: Settings, shown: dict[Role, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0
    known = Admission.admit

    async def revoked_after_a_while(self: Admission, authorization: object) -> Caller | None:
        nonlocal asked
        asked += 1
        return await known(self, authorization) if asked <= 4 else None  # the connection, the operation, two events

    monkeypatch.setattr(Admission, "admit", revoked_after_a_while)
    query = (
        "subscription ($after: String) { clusterChanged(after: $after) { sentence evidence { identifier { value } } } }"
    )
    with application.websocket_connect("ws://linkage.example/graphql", subprotocols=["graphql-transport-ws"]) as socket:
        socket.send_json({"type": "connection_init", "payload": {"authorization": shown[Role.SERVICE]}})
        assert socket.receive_json()["type"] == "connection_ack"
        payload = {"query": query, "variables": {"after": change_cursor(0)}}
        socket.send_json({"type": "subscribe", "id": "1", "payload": payload})
        told = [socket.receive_json() for _ in range(4)]
    assert [one["type"] for one in told] == ["next", "next", "next", "complete"]
    assert all("data" in one["payload"] and "errors" not in one["payload"] for one in told[:2])
    assert told[2]["payload"]["data"] is None
    assert told[2]["payload"]["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    log = AuditLog(settings.data, project_secret(settings.data))
    events = [record for _, record in records(log) if record["kind"] == "subscription"]
    assert {record["role"] for record in events} == {"service"}
    assert all(record["ids"]["identifiers"] for record in events)
    assert verify(log).faults == ()
