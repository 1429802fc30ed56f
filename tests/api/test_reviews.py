"""Resolutions that wait, through the API; one at a time whatever process runs it; taken up again after a kill."""

# ruff: noqa: E501, F811 - operations stay on the line they read best on; fixtures are imported
from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from linkage.graph.locks import exclusive
from linkage.service import Service
from linkage.service.resolving import settle
from linkage.settings import Settings
from tests.projected_ledger import api, served, service, settings  # noqa: F401 - fixtures
from tests.publications import desk_of, found, observe, parts_held
from tests.small_service import Api

LETTERS = "abcdefghijklmnopqrst"
PAIRS = tuple(LETTERS[i : i + 2] for i in range(0, len(LETTERS), 2))
FOURS = tuple(LETTERS[i : i + 4] for i in range(0, len(LETTERS), 4))
REPORT = "state reviewedBy reviewReason report { since memberships knownMemberships share churn modelBefore modelAfter events { event clusters } largest { before after moved } }"


@pytest.fixture
def waiting(service: Service) -> Service:
    """A resolution that holds, and one that waits."""
    observe(service.ledger, *LETTERS)
    desk = desk_of(service.ledger, service.settings.data, gate=0.1)
    settle(desk, found(service.ledger, 1, *PAIRS))
    settle(desk, found(service.ledger, 2, *FOURS))
    service.catch_up()
    return service


def eventually(api: Api, document: str, state: str, **variables: Any) -> dict[str, Any]:
    for _ in range(200):
        row: dict[str, Any] = api.data(document, **variables)["resolution"]
        if row["state"] == state:
            return row
        time.sleep(0.05)
    raise AssertionError(row)


def test_one_that_waits_is_told_with_its_report_and_published_when_it_is_approved(waiting: Service, api: Api) -> None:
    row = api.data(
        f"{{ statistics {{ waitingResolution {{ resolutionId {REPORT} }} lastResolution {{ resolutionId }} nextResolution }} }}"
    )["statistics"]
    assert row["lastResolution"]["resolutionId"] == "rs_1"
    assert row["nextResolution"] is None
    told = row["waitingResolution"]
    assert (told["resolutionId"], told["state"]) == ("rs_2", "WAITING")
    assert (told["report"]["knownMemberships"], told["report"]["share"]) == (10, 0.5)
    assert {(one["before"], one["after"]) for one in told["report"]["largest"]} == {(2, 4), (2, 0)}
    assert api.data("{ clusters { totalCount } }") == {"clusters": {"totalCount": 10}}
    approve = 'mutation { approveResolution(id: "rs_2", reason: "seen", author: "ann") { resolutionId state } }'
    assert api.data(approve)["approveResolution"] == {"resolutionId": "rs_2", "state": "FINISHED"}
    document = f'{{ resolution(id: "rs_2") {{ {REPORT} }} }}'
    row = eventually(api, document, "FINISHED")
    assert (row["reviewedBy"], row["reviewReason"]) == ("ann", "seen")
    for _ in range(100):
        count = api.data("{ clusters { totalCount } }")["clusters"]["totalCount"]
        if count == 5:
            break
        time.sleep(0.05)
    assert set(parts_held(waiting.ledger).values()) == set(FOURS)
    assert api.error(approve)[0] == "CONFLICT"
    assert waiting.check_graph() == []


def test_a_refused_one_stays_listed(waiting: Service, api: Api) -> None:
    refuse = 'mutation ($id: ID!) { refuseResolution(id: $id, reason: "a data error") { state } }'
    assert api.data(refuse, id="rs_2")["refuseResolution"]["state"] == "REFUSED"
    eventually(api, '{ resolution(id: "rs_2") { state } }', "REFUSED")
    listed = api.data("{ resolutions { nodes { resolutionId state } } }")["resolutions"]["nodes"]
    assert sorted((row["resolutionId"], row["state"]) for row in listed) == [("rs_1", "FINISHED"), ("rs_2", "REFUSED")]
    assert api.error(refuse, id="rs_1")[0] == "NOT_FOUND"
    assert api.error('mutation { refuseResolution(id: "rs_2", reason: "") { state } }')[0] == "BAD_USER_INPUT"


def test_a_resolution_of_another_process_is_a_conflict(service: Service, api: Api) -> None:
    with exclusive(service.settings.data / "resolve.lock"):
        assert api.error("mutation { startResolution { id } }")[0] == "CONFLICT"
    assert api.data("mutation { startResolution { state } }")["startResolution"]["state"] == "RUNNING"


def test_a_resolution_that_a_killed_process_left_is_taken_up_at_the_next_start(
    settings: Settings, service: Service
) -> None:
    observe(service.ledger, "a", "b")
    (settings.data / "resolving.json").write_text("{}")
    with served(settings) as api:
        for _ in range(400):
            last = api.data("{ statistics { lastResolution { resolutionId } } }")["statistics"]["lastResolution"]
            if last is not None:
                break
            time.sleep(0.05)
        assert last is not None
    assert not Path(settings.data / "resolving.json").exists()


def test_the_schedule_resolves_what_is_new_and_says_when_it_is_due(settings: Settings, service: Service) -> None:
    observe(service.ledger, "a", "b")
    with served(settings.model_copy(update={"resolve_every": "1h"})) as api:
        assert api.data("{ statistics { nextResolution } }")["statistics"]["nextResolution"] is not None
    with served(settings.model_copy(update={"resolve_every": "1s"})) as api:
        for _ in range(600):
            if api.data("{ statistics { lastResolution { id } } }")["statistics"]["lastResolution"]:
                break
            time.sleep(0.05)
        assert len(api.data("{ resolutions { nodes { id } } }")["resolutions"]["nodes"]) == 1
