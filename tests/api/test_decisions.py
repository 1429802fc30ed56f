"""What people decide, through GraphQL: previewed, made, listed, taken back; over a ledger that was resolved."""

# ruff: noqa: E501 - operations stay on the line they read best on
from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from linkage.api.ids import NodeId
from linkage.graph.connection import Connection, Graph
from linkage.server.app import create_app
from linkage.settings import Settings
from tests.small_service import Api
from tests.small_world import linked_project

EFFECT = """summary changes publicationId clusters { clusterId sizeBefore sizeAfter confidenceAfter cluster { size } }
  decisions { repeated contradicts { decisionId } replaces { decisionId }
    decision { id decisionId judgement author reason counts left { name size members subject { subjectId } cluster { clusterId } } right { name size } } }"""
DECIDE = f"""mutation ($left: ID!, $right: ID!, $judgement: Judgement!) {{
  decide(left: $left, right: $right, judgement: $judgement, author: "ann", reason: "looked at") {{ {EFFECT} }} }}"""
PREVIEW = f"""query ($left: ID!, $right: ID!, $judgement: Judgement!) {{
  previewDecision(left: $left, right: $right, judgement: $judgement) {{ {EFFECT} }} }}"""
LIST = """query ($filter: DecisionFilter, $first: Int, $after: String) { decisions(filter: $filter, first: $first, after: $after) {
  nodes { decisionId counts retractedBy retraction contradicts { decisionId } } edges { cursor } pageInfo { hasNextPage endCursor } } }"""


@pytest.fixture
def settings(neo4j: Connection, graph: Graph, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return linked_project(tmp_path_factory.mktemp("project"), neo4j, "abcd", "ef")


@pytest.fixture
def api(settings: Settings) -> Iterator[Api]:
    with TestClient(
        create_app(settings, demo=True), base_url="http://127.0.0.1", raise_server_exceptions=False
    ) as opened:
        yield Api(opened)


def decide(api: Api, left: str, right: str, judgement: str) -> dict[str, Any]:
    made: dict[str, Any] = api.data(DECIDE, left=left, right=right, judgement=judgement)["decide"]
    return made


def cluster_of(api: Api, account: str) -> dict[str, Any] | None:
    found: dict[str, Any] | None = api.data(
        "query ($id: String!) { account(accountId: $id) { cluster { clusterId id size } } }", id=account
    )["account"]["cluster"]
    return found


def listed(api: Api, **filters: Any) -> list[str]:
    return [one["decisionId"] for one in api.data(LIST, filter=filters)["decisions"]["nodes"]]


def test_a_preview_says_what_then_happens_at_once(api: Api) -> None:
    cluster = cluster_of(api, "a")
    assert cluster is not None
    ends = {"left": cluster["id"], "right": "account:d", "judgement": "DIFFERENT"}
    expected = api.data(PREVIEW, **ends)["previewDecision"]
    assert cluster_of(api, "d") == cluster
    assert listed(api) == []
    made = decide(api, **ends)
    assert (
        made["summary"] == expected["summary"] == f"Takes account:d out of {cluster['clusterId']} (4), which keeps 3."
    )
    assert (made["changes"], made["clusters"][0]["sizeAfter"]) == (expected["changes"], 3)
    # Whoever decides looks next: the graph has it when the answer comes.
    assert made["clusters"][0]["cluster"] == {"size": 3}
    assert cluster_of(api, "d") is None
    assert (expected["publicationId"], made["publicationId"] is None) == (None, False)
    (stated,) = made["decisions"]
    left = stated["decision"]["left"]
    assert left["name"] == f"cluster:{cluster['clusterId']}"
    assert left["members"] == ["account:a", "account:b", "account:c"]
    assert (left["subject"], left["cluster"]) == (None, {"clusterId": cluster["clusterId"]})


def test_a_new_cluster_has_no_id_before_it_is_made(api: Api) -> None:
    ends = {"left": "x", "right": "y", "judgement": "SAME"}
    (expected,) = api.data(PREVIEW, **ends)["previewDecision"]["clusters"]
    assert (expected["clusterId"], expected["sizeBefore"], expected["sizeAfter"]) == (None, 0, 2)
    (made,) = decide(api, **ends)["clusters"]
    assert made["clusterId"].startswith("cl_")
    assert made["cluster"] == {"size": 2}
    assert decide(api, **ends)["decisions"][0]["repeated"] is True


def test_decisions_are_nodes_in_pages_and_found_by_whom_they_are_about(api: Api) -> None:
    cluster = cluster_of(api, "a")
    assert cluster is not None
    ids = [
        decide(api, *ends)["decisions"][0]["decision"]["decisionId"]
        for ends in (("a", "b", "SAME"), (cluster["clusterId"], "x", "UNDECIDED"), ("y", "z", "DIFFERENT"))
    ]
    assert listed(api) == ids[::-1]
    assert listed(api, about="account:x") == [ids[1]]
    assert listed(api, about="c") == listed(api, about=cluster["id"], judgement=["UNDECIDED"]) == [ids[1]]
    assert listed(api, about=cluster["clusterId"]) == [ids[1], ids[0]]
    page = api.data(LIST, first=2)["decisions"]
    rest = api.data(LIST, first=2, after=page["pageInfo"]["endCursor"])["decisions"]
    assert [one["decisionId"] for one in page["nodes"] + rest["nodes"]] == ids[::-1]
    assert (page["pageInfo"]["hasNextPage"], rest["pageInfo"]["hasNextPage"]) == (True, False)
    found = api.data(
        "query ($id: ID!, $own: ID!) { node(id: $id) { id ... on Decision { judgement left { name members(first: 2) subject { subjectId } } } } decision(id: $own) { decisionId } }",
        id=str(NodeId("Decision", ids[1])),
        own=ids[0],
    )
    assert found["node"]["left"]["members"] == ["account:a", "account:b"]
    assert found["node"]["judgement"] == "UNDECIDED"
    assert found["decision"] == {"decisionId": ids[0]}
    assert api.data('{ decision(id: "dc_none") { decisionId } }') == {"decision": None}


def test_what_contradicts_is_told_listed_and_taken_back(api: Api) -> None:
    first = decide(api, "a", "b", "DIFFERENT")["decisions"][0]["decision"]
    decide(api, "a", "x", "SAME")
    effect = decide(api, "x", "b", "SAME")
    assert effect["summary"] == "Nothing changes: an earlier decision says that they are different."
    (stated,) = effect["decisions"]
    assert stated["contradicts"] == [{"decisionId": first["decisionId"]}]
    both = {first["decisionId"], stated["decision"]["decisionId"]}
    assert set(listed(api, contradicting=True)) == both
    assert len(listed(api, contradicting=False)) == 1
    nodes = api.data(LIST, filter={"contradicting": True})["decisions"]["nodes"]
    assert {one["contradicts"][0]["decisionId"] for one in nodes} == both

    retract = f'mutation ($id: ID!) {{ retractDecision(id: $id, author: "eve", reason: "a slip") {{ {EFFECT} }} }}'
    preview = "query ($id: ID!) { previewRetraction(id: $id) { summary changes } }"
    expected = api.data(preview, id=first["id"])["previewRetraction"]
    done = api.data(retract, id=first["id"])["retractDecision"]
    assert (done["summary"], done["changes"]) == (expected["summary"], expected["changes"])
    assert cluster_of(api, "x") == cluster_of(api, "b") == cluster_of(api, "a")
    (taken_back,) = api.data(LIST, filter={"retracted": True})["decisions"]["nodes"]
    assert (taken_back["retractedBy"], taken_back["retraction"], taken_back["counts"]) == ("eve", "a slip", False)
    assert listed(api, contradicting=True) == []


def test_a_merge_is_undone_by_its_two_members(api: Api) -> None:
    cluster = cluster_of(api, "a")
    assert cluster is not None
    merges = api.data(
        "query ($id: ID!) { cluster(id: $id) { merges { left right leftSize rightSize } } }", id=cluster["id"]
    )
    merge = merges["cluster"]["merges"][-1]
    sides = {"cluster": cluster["id"], "left": merge["left"], "right": merge["right"]}
    preview = "query ($cluster: ID!, $left: ID!, $right: ID!) { previewUndo(cluster: $cluster, left: $left, right: $right) { summary } }"
    undo = f"""mutation ($cluster: ID!, $left: ID!, $right: ID!) {{
      undoMerge(cluster: $cluster, left: $left, right: $right, author: "ann", reason: "a tablet") {{ {EFFECT} }} }}"""
    expected = api.data(preview, **sides)["previewUndo"]
    effect = api.data(undo, **sides)["undoMerge"]
    assert effect["summary"] == expected["summary"]
    (stated,) = effect["decisions"]
    assert (stated["decision"]["left"]["size"], stated["decision"]["right"]["size"]) == (
        merge["leftSize"],
        merge["rightSize"],
    )
    homes = [cluster_of(api, merge[side].removeprefix("account:")) for side in ("left", "right")]
    assert homes[0] != homes[1]


def test_many_decisions_are_made_or_none(api: Api) -> None:
    many = f"mutation ($all: [DecisionInput!]!) {{ decideMany(decisions: $all) {{ {EFFECT} }} }}"
    one = {"judgement": "SAME", "author": "ann", "reason": "looked at"}
    wrong = [{"left": "x", "right": "nobody", **one}, {"left": "x", "right": "cl_none", **one}]
    code, _ = api.error(many, all=[*wrong, {"left": "x", "right": "y", **one}])
    assert code == "BAD_USER_INPUT"
    assert listed(api) == []
    effect = api.data(many, all=[{"left": "x", "right": "y", **one}, {"left": "z", "right": "e", **one}])["decideMany"]
    assert len(effect["decisions"]) == len(effect["changes"]) == 2


@pytest.mark.parametrize(
    ("left", "right", "code"),
    [
        ("a", "a", "BAD_USER_INPUT"),
        ("a", "nobody", "NOT_FOUND"),
        ("a", "cl_none", "NOT_FOUND"),
        ("a", str(NodeId("Resolution", "rs_1")), "BAD_USER_INPUT"),
    ],
)
def test_a_decision_on_nothing_is_an_error(api: Api, left: str, right: str, code: str) -> None:
    assert api.error(DECIDE, left=left, right=right, judgement="SAME")[0] == code


def test_why_tells_of_decisions_on_groups_and_not_of_those_taken_back(api: Api) -> None:
    cluster = cluster_of(api, "e")
    assert cluster is not None
    identity = decide(api, cluster["clusterId"], "x", "DIFFERENT")["decisions"][0]["decision"]["id"]
    why = 'query { whyNot(left: "f", right: "x") { missing sentences decisions { judgement retractedAt left { name } } } }'
    told = api.data(why)["whyNot"]
    assert told["decisions"] == [
        {"judgement": "DIFFERENT", "retractedAt": None, "left": {"name": f"cluster:{cluster['clusterId']}"}}
    ]
    assert any(line.startswith("A person decided that they are different") for line in told["sentences"])
    api.data(
        'mutation ($id: ID!) { retractDecision(id: $id, author: "ann", reason: "a slip") { summary } }', id=identity
    )
    told = api.data(why)["whyNot"]
    assert told["decisions"][0]["retractedAt"] is not None
    assert not any("person decided" in line for line in [*told["sentences"], *told["missing"]])
