"""How a cluster came to be, what it would fall into, what could stand behind it: over a world that was resolved."""

# ruff: noqa: E501 - operations stay on the line they read best on
from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations

import pytest
from starlette.testclient import TestClient

from linkage.findings.hypotheses import Cause
from linkage.server.app import create_app
from linkage.settings import Settings
from tests.resolved_world import settings
from tests.small_service import Api

__all__ = ["settings"]

CLUSTERS = """query ($first: Int!) { clusters(first: $first) { nodes { clusterId size
  how(first: 3) { totalCount nodes { sentence } } hypotheses { cause bits }
  weakestCut { bits parts smaller text alsoShared { bits } merge { sentence } } } } }"""


@pytest.fixture(scope="module")
def api(settings: Settings) -> Iterator[Api]:
    with TestClient(
        create_app(settings, demo=True), base_url="http://127.0.0.1", raise_server_exceptions=False
    ) as opened:
        yield Api(opened)


@pytest.fixture(scope="module")
def largest(api: Api) -> str:
    found = api.data("{ clusters(first: 1, filter: {minimumSize: 8}) { nodes { clusterId } } }")
    identity: str = found["clusters"]["nodes"][0]["clusterId"]
    return identity


def test_how_pages_through_every_merge_in_order(api: Api, largest: str) -> None:
    fields = "bits sentence left right declared evidence { bits identifier { kind value } }"
    whole = api.data(f"query ($id: ID!) {{ cluster(id: $id) {{ size merges(last: 100) {{ {fields} }} }} }}", id=largest)
    merges = whole["cluster"]["merges"]
    document = f"""query ($id: ID!, $after: String) {{ cluster(id: $id) {{ how(first: 4, after: $after) {{ totalCount
      nodes {{ {fields} }} pageInfo {{ hasNextPage hasPreviousPage endCursor }} }} }} }}"""
    seen, after = [], None
    while True:
        page = api.data(document, id=largest, after=after)["cluster"]["how"]
        assert page["pageInfo"]["hasPreviousPage"] is (after is not None)
        seen += page["nodes"]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert seen == merges
    assert page["totalCount"] == len(merges) == whole["cluster"]["size"] - 1
    latest = api.data("query ($id: ID!) { cluster(id: $id) { how(last: 2) { nodes { left } } } }", id=largest)
    assert [node["left"] for node in latest["cluster"]["how"]["nodes"]] == [merge["left"] for merge in merges[-2:]]


def test_the_bits_of_a_merge_add_up_to_what_decided_it(api: Api, largest: str) -> None:
    document = "query ($id: ID!) { cluster(id: $id) { merges(last: 100) { bits declared sentence evidence { bits identifier { kind } } } } }"
    for merge in api.data(document, id=largest)["cluster"]["merges"]:
        if merge["declared"] is None:
            # Each piece is kept with two places after the point.
            rounding = 0.01 * len(merge["evidence"])
            assert sum(piece["bits"] for piece in merge["evidence"]) == pytest.approx(merge["bits"], abs=rounding)
            said, *pieces = [float(one.replace("−", "-")) for one in re.findall(r"([−\d.]+) bits", merge["sentence"])]
            assert sum(pieces) == pytest.approx(said)
            assert said == pytest.approx(merge["bits"], abs=0.0501)


def test_the_weakest_cut_says_what_the_cluster_would_fall_into(api: Api, largest: str) -> None:
    cluster = api.data(
        """query ($id: ID!) { cluster(id: $id) { size merges(last: 100) { bits declared }
             weakestCut { bits parts smaller text alsoShared { members identifier { kind } } merge { bits } } } }""",
        id=largest,
    )["cluster"]
    cut = cluster["weakestCut"]
    assert sum(cut["parts"]) == cluster["size"]
    assert cut["parts"] == sorted(cut["parts"], reverse=True)
    assert len(cut["smaller"]) == min(cut["parts"][1], 100)
    assert cut["bits"] == cut["merge"]["bits"] == min(one["bits"] for one in cluster["merges"] if not one["declared"])
    assert all(piece["members"] >= 2 for piece in cut["alsoShared"])
    assert "Without it the cluster falls into" in cut["text"]


def test_a_cluster_is_held_against_every_benign_explanation(api: Api, largest: str) -> None:
    found = api.data(
        "query ($id: ID!) { cluster(id: $id) { hypotheses { cause title bits reason decidedBy findings { name bits sentence } } } }",
        id=largest,
    )["cluster"]["hypotheses"]
    assert {hypothesis["cause"] for hypothesis in found} == {cause.name for cause in Cause}
    assert all(one["bits"] == sum(finding["bits"] for finding in one["findings"]) for one in found)
    assert [one["bits"] for one in found] == sorted((one["bits"] for one in found), reverse=True)


def test_a_page_of_clusters_with_all_of_it_costs_a_fixed_number_of_queries(api: Api) -> None:
    one, many = api.queries(CLUSTERS, first=1), api.queries(CLUSTERS, first=8)
    assert one == many == 4  # clusters; facts and the last resolution; what ties the parts of the cuts


def test_two_members_that_share_too_little_are_told_the_step_that_joined_them(api: Api) -> None:
    document = (
        "{ clusters(first: 10, filter: {minimumSize: 8}) { nodes { members(first: 100) { nodes { subjectId } } } } }"
    )
    # Ids of clusters are random, and some of the largest are so dense that each pair is linked by itself.
    clusters = [
        sorted(node["subjectId"] for node in cluster["members"]["nodes"])
        for cluster in api.data(document)["clusters"]["nodes"]
    ]
    why = "query ($left: ID!, $right: ID!) { why(left: $left, right: $right) { direct totalBits posterior priorBits sentences joinedBy { sentence } } }"
    seen: set[bool] = set()
    for left, right in (pair for members in clusters for pair in combinations(members, 2)):
        pair = api.data(why, left=left, right=right)["why"]
        assert pair["posterior"] == pytest.approx(1 / (1 + 2 ** -(pair["totalBits"] + pair["priorBits"])))
        joined = f"The step that brought them together: {pair['joinedBy']['sentence']}"
        assert (joined in pair["sentences"]) is not pair["direct"]
        seen.add(pair["direct"])
        if len(seen) == 2:
            break
    assert seen == {True, False}
