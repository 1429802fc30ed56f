"""Who sends a fact is told which clusters it touched."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from linkage.api import links
from linkage.server.app import create_app
from linkage.settings import Settings
from tests.resolved_world import settings  # noqa: F401  a fixture
from tests.small_service import Api

LARGEST = """
query Largest($kinds: [String!]) {
  clusters(first: 1, orderBy: SIZE_DESC) {
    nodes { clusterId identifiers(first: 8, kinds: $kinds) { nodes { kind value(reveal: true, purpose: "a test") } } }
  }
}
"""
RECORD = """
mutation Record($rows: [ObservationInput!]!, $wait: Boolean) {
  recordObservations(observations: $rows, wait: $wait) {
    accepted linked touched { event cluster { clusterId accountCount } }
  }
}
"""


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "PATIENCE", 60.0)


@pytest.fixture(scope="module")
def api(settings: Settings) -> Iterator[Api]:  # noqa: F811
    with TestClient(create_app(settings, demo=True), base_url="http://127.0.0.1") as client:
        yield Api(client)


@pytest.fixture(scope="module")
def shared(api: Api) -> tuple[str, list[dict[str, str]]]:
    """The largest cluster and what its members use together."""
    found = api.data(LARGEST, kinds=["device", "payment_method", "phone", "email", "ip"])
    (cluster,) = found["clusters"]["nodes"]
    return cluster["clusterId"], cluster["identifiers"]["nodes"]


def row(account: str, identifier: dict[str, str]) -> dict[str, str]:
    return {"accountId": account, **identifier, "firstSeen": "2026-06-02T00:00:00Z"}


def test_the_answer_names_the_clusters_that_the_facts_touched(
    api: Api, shared: tuple[str, list[dict[str, str]]]
) -> None:
    cluster, identifiers = shared
    answer = api.data(RECORD, rows=[row("asked-1", one) for one in identifiers])["recordObservations"]
    assert (answer["accepted"], answer["linked"]) == (len(identifiers), True)
    (touched,) = answer["touched"]
    assert (touched["event"], touched["cluster"]["clusterId"]) == ("GREW", cluster)
    place = api.data('{ account(accountId: "asked-1") { membership { provisional cluster { clusterId } } } }')
    assert place["account"]["membership"] == {"provisional": True, "cluster": {"clusterId": cluster}}


def test_who_does_not_wait_is_answered_without_the_clusters(api: Api, shared: tuple[str, list[dict[str, str]]]) -> None:
    answer = api.data(RECORD, rows=[row("asked-2", one) for one in shared[1]], wait=False)["recordObservations"]
    assert (answer["linked"], answer["touched"]) == (False, [])


def test_lines_over_http_are_answered_with_the_clusters_too(api: Api, shared: tuple[str, list[dict[str, str]]]) -> None:
    cluster, identifiers = shared
    lines = "\n".join(json.dumps({"account_id": "asked-3", **one}) for one in identifiers)

    def post(path: str) -> dict[str, Any]:
        answer: dict[str, Any] = api.client.post(
            path, content=lines, headers={"Content-Type": "application/x-ndjson"}
        ).json()
        return answer

    answer = post("/v1/observations")
    assert (answer["linked"], answer["touched"]) == (True, [{"clusterId": cluster, "event": "grew"}])
    assert post("/v1/observations?wait=perhaps")["errors"]
