"""The mutations: facts reach the ledger under the same rules as files, resolutions run in the background."""

# ruff: noqa: E501 - operations and queries stay on the line they read best on
from __future__ import annotations

import time
from typing import Any

from tests.small_service import Api

RECORD = """mutation ($rows: [ObservationInput!]!, $key: String) {
  recordObservations(observations: $rows, source: "test", idempotencyKey: $key) {
    accepted duplicate repeated batchId rejected { row column code reason } } }"""


def record(api: Api, rows: list[dict[str, Any]], key: str | None = None) -> dict[str, Any]:
    recorded: dict[str, Any] = api.data(RECORD, rows=rows, key=key)["recordObservations"]
    return recorded


def test_rows_are_accepted_known_again_or_rejected_with_their_reason(api: Api) -> None:
    good = {"accountId": "m1", "kind": "email", "value": "Bob@Example.com", "firstSeen": "2026-05-01T00:00:00Z"}
    junk = {"accountId": "m1", "kind": "ip", "value": "999.1.1.1"}
    card = {"accountId": "m1", "kind": "payment_method", "value": "4242 4242 4242 4242"}
    first = record(api, [good, junk, card])
    assert (first["accepted"], first["duplicate"]) == (1, 0)
    assert [(row["row"], row["column"]) for row in first["rejected"]] == [(2, "value"), (3, "value")]
    assert all(row["reason"] and "4242" not in row["reason"] for row in first["rejected"])
    assert record(api, [good])["duplicate"] == 1


def test_an_idempotency_key_writes_once(api: Api) -> None:
    row = {"accountId": "m2", "kind": "device", "value": "d-m2"}
    assert record(api, [row], key="k1")["accepted"] == 1
    again = record(api, [row], key="k1")
    assert (again["accepted"], again["repeated"]) == (0, True)


def test_usage_and_accounts_are_recorded_too(api: Api) -> None:
    found = api.data(
        """mutation { recordUsage(usage: [{accountId: "m1", windowStart: "2026-05-01T10:00:00Z", model: "x", requests: 5000000000}]) { accepted }
             recordAccounts(accounts: [{accountId: "m1", status: "active", attributes: {tier: "a"}}]) { accepted rejected { reason } } }"""
    )
    assert found == {"recordUsage": {"accepted": 1}, "recordAccounts": {"accepted": 1, "rejected": []}}


def test_a_call_has_bounds(api: Api) -> None:
    rows = [{"accountId": "m", "kind": "device", "value": str(number)} for number in range(1_001)]
    assert api.error(RECORD, rows=rows, key=None)[0] == "BAD_USER_INPUT"
    assert api.error(RECORD, rows=rows[:1], key="")[0] == "BAD_USER_INPUT"


def test_what_was_recorded_reaches_the_graph_by_itself_and_a_resolution_links_it(api: Api) -> None:
    shared = [
        {"accountId": account, "kind": kind, "value": value, "firstSeen": "2026-05-01T00:00:00Z"}
        for account in ("m8", "m9")
        for kind, value in (("email", "eve@example.com"), ("device", "d-eve"), ("payment_method", "pm_evefingerprint"))
    ]
    assert record(api, shared)["accepted"] == 6
    started = api.data("mutation { startResolution { id state } }")["startResolution"]
    assert started["state"] == "RUNNING"
    state: dict[str, Any] = {}
    for _ in range(600):
        state = api.data("query ($id: ID!) { resolution(id: $id) { state error resolutionId } }", id=started["id"])[
            "resolution"
        ]
        if state["state"] != "RUNNING":
            break
        time.sleep(0.1)
    assert state["state"] == "FINISHED", state
    account = api.data(
        '{ account(accountId: "m8") { cluster { clusterId size merges { bits evidence { identifier { kind value } bits } } usageOverTime { start } } } }'
    )
    cluster = account["account"]["cluster"]
    assert cluster["size"] == 2
    assert {piece["identifier"]["kind"] for piece in cluster["merges"][0]["evidence"]} == {
        "email",
        "device",
        "payment_method",
    }
    assert "eve@" not in str(cluster)
    finished = api.data("query ($id: ID!) { resolution(id: $id) { resolutionId state } }", id=state["resolutionId"])
    assert finished["resolution"]["state"] == "FINISHED"
