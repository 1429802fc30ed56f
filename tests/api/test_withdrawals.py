"""Observations withdrawn and reinstated through GraphQL, over a ledger that was resolved."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from linkage.graph.connection import Connection, Graph
from linkage.server.app import create_app
from linkage.settings import Settings
from tests.small_service import Api
from tests.small_world import linked_project

EFFECT = "observations summary changes publicationId clusters { clusterId sizeBefore sizeAfter cluster { size } }"
PREVIEW = f"query ($of: ObservationSelector!) {{ previewWithdrawal(of: $of) {{ {EFFECT} }} }}"
WITHDRAW = f"""mutation ($of: ObservationSelector!) {{
  withdrawObservations(of: $of, author: "ann", reason: "a typing error") {{ {EFFECT} }} }}"""
REINSTATE = f"""mutation ($of: ObservationSelector!) {{
  reinstateObservations(of: $of, author: "ann", reason: "it was right") {{ {EFFECT} }} }}"""
USES = '{ account(accountId: "c") { cluster { size } identifiers(first: 10) { nodes { kind } } } }'


@pytest.fixture
def settings(neo4j: Connection, graph: Graph, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return linked_project(tmp_path_factory.mktemp("project"), neo4j, "abc")


@pytest.fixture
def api(settings: Settings) -> Iterator[Api]:
    with TestClient(
        create_app(settings, demo=True), base_url="http://127.0.0.1", raise_server_exceptions=False
    ) as opened:
        yield Api(opened)


def test_it_is_previewed_done_and_told_by_the_graph_at_once(api: Api) -> None:
    foreseen = api.data(PREVIEW, of={"subject": "c"})["previewWithdrawal"]
    done = api.data(WITHDRAW, of={"subject": "c"})["withdrawObservations"]
    assert (done["observations"], done["summary"]) == (2, foreseen["summary"])
    assert [(one["sizeBefore"], one["sizeAfter"], one["cluster"]["size"]) for one in done["clusters"]] == [(3, 2, 2)]
    assert foreseen["publicationId"] is None
    assert api.data(USES)["account"] == {"cluster": None, "identifiers": {"nodes": []}}
    changes = api.data("{ clusterChanges(first: 10) { nodes { event publicationKind publicationId } } }")
    last = changes["clusterChanges"]["nodes"][-1]
    assert (last["event"], last["publicationKind"], last["publicationId"]) == (
        "SHRANK",
        "WITHDRAWAL",
        done["publicationId"],
    )
    back = api.data(REINSTATE, of={"subject": "c", "kind": "device"})["reinstateObservations"]
    assert back["observations"] == 1
    assert [one["kind"] for one in api.data(USES)["account"]["identifiers"]["nodes"]] == ["device"]


def test_what_selects_nothing_is_an_error_that_says_what_to_do(api: Api) -> None:
    assert api.error(WITHDRAW, of={}) == (
        "BAD_USER_INPUT",
        "nothing says which observations. Name a subject, a kind with or without a value, or a source.",
    )
    assert api.error(WITHDRAW, of={"subject": "nobody"})[0] == "NOT_FOUND"
