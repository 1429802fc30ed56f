"""The queries, on the real application over a real Neo4j."""

# ruff: noqa: E501 - operations and queries stay on the line they read best on
from __future__ import annotations

import base64
from collections.abc import Callable

import pytest

from tests.small_graph import opaque
from tests.small_service import Api


def gid(type_name: str, identity: str) -> str:
    return base64.b64encode(f"{type_name}:{identity}".encode()).decode()


# -- one thing by its id


@pytest.mark.parametrize(
    ("type_name", "identity"),
    [
        ("Account", "a1"),
        ("Organisation", "o1"),
        ("Cluster", "c1"),
        ("Cluster", "c0"),
        ("Identifier", opaque("device:d-1")),
        ("Resolution", "rs_1"),
    ],
)
def test_node_answers_with_the_same_object_again(api: Api, type_name: str, identity: str) -> None:
    node = api.data("query ($id: ID!) { node(id: $id) { __typename id } }", id=gid(type_name, identity))["node"]
    assert node == {"__typename": type_name, "id": gid(type_name, identity)}


@pytest.mark.parametrize(
    "identity",
    [
        "",
        "nonsense",
        gid("Account", "nobody"),
        gid("Query", "x"),
        gid("Account", ""),
        "=" * 5_000,
        gid("Resolution", "x"),
    ],
)
def test_an_unknown_id_is_null_and_no_error(api: Api, identity: str) -> None:
    assert api.data("query ($id: ID!) { node(id: $id) { id } }", id=identity) == {"node": None}


def test_an_account_tells_what_the_provider_said(api: Api) -> None:
    account = api.data(
        """{ account(accountId: "a1") { accountId subjectId label status country plan displayName createdAt attributes
             whole: attributes(reveal: true, purpose: "a test") name: displayName(reveal: true, purpose: "a test")
             organisation { organisationId name domain registrationNumber accounts { nodes { accountId } } }
             usage { requests inputTokens tokens firstUsed } cluster { clusterId } confidence
             membership { confidence since provisional cluster { size } } } }"""
    )["account"]
    assert (account["attributes"], account["whole"]) == ({"n": "***"}, {"n": 1})
    assert (account["displayName"], account["name"], account["label"]) == ("P. 1.", "Person 1", "P. 1. (a1)")
    assert (account["organisation"]["name"], account["organisation"]["domain"]) == ("***", "acme.example")
    assert account["usage"]["inputTokens"] == 3_000_000_000
    assert account["organisation"]["accounts"]["nodes"] == [{"accountId": "a1"}, {"accountId": "a2"}]
    assert account["cluster"] == {"clusterId": "c1"}
    assert account["membership"]["provisional"] is False
    assert account["confidence"] == account["membership"]["confidence"]


def test_who_stands_alone_has_no_cluster(api: Api) -> None:
    account = api.data(
        '{ account(accountId: "a6") { cluster { id } membership { since } confidence organisation { id } } }'
    )
    assert account["account"] == {"cluster": None, "membership": None, "confidence": None, "organisation": None}


def test_unknown_names_are_null(api: Api) -> None:
    assert api.data(
        """{ account(accountId: "x") { id } organisation(organisationId: "x") { id } cluster(id: "x") { id }
             identifier(kind: "device", value: "nobody-has-it") { id } resolution(id: "x") { id } running: resolution { id } }"""
    ) == {
        "account": None,
        "organisation": None,
        "cluster": None,
        "identifier": None,
        "resolution": None,
        "running": None,
    }


def test_an_organisation_is_a_subject_too(api: Api) -> None:
    found = api.data(
        '{ organisation(organisationId: "o1") { label country cluster { clusterId } identifiers { nodes { id } } } }'
    )
    assert found["organisation"] == {
        "label": "o1",
        "country": "GB",
        "cluster": {"clusterId": "c1"},
        "identifiers": {"nodes": []},
    }


# -- identifiers


def test_values_are_masked_unless_they_are_revealed(api: Api) -> None:
    found = api.data(
        '{ identifier(kind: "email", value: " Ann@Example.com ") { masked: value whole: value(reveal: true, purpose: "case 17") id kind } }'
    )["identifier"]
    assert "ann" not in found["masked"]
    assert found["whole"] == "ann@example.com"
    assert found["id"] == gid("Identifier", opaque("email:ann@example.com"))


def test_junk_is_no_identifier(api: Api) -> None:
    assert api.data('{ identifier(kind: "email", value: "n/a") { id } }') == {"identifier": None}
    for kind in ("", "9", "a\u0000b", "|ó"):
        assert (
            api.error('query ($k: String!) { identifier(kind: $k, value: "x") { id } }', k=kind)[0] == "BAD_USER_INPUT"
        )


def test_an_identifier_knows_its_holders_and_clusters(api: Api) -> None:
    found = api.data(
        """{ identifier(kind: "ip", value: "203.0.113.7") { holders holderClusters sharingClass
             heldBy(first: 4) { nodes { subjectId } edges { firstSeen lastSeen count cursor } pageInfo { hasNextPage endCursor } }
             clusters { clusterId } } }"""
    )["identifier"]
    assert (found["holders"], found["sharingClass"]) == (6, "mobile")
    assert [node["subjectId"] for node in found["heldBy"]["nodes"]] == ["a1", "a2", "a3", "a4"]
    assert found["heldBy"]["pageInfo"]["hasNextPage"] is True
    assert {cluster["clusterId"] for cluster in found["clusters"]} == {"c1", "c2"}


# -- clusters


def test_a_cluster_answers_with_everything_that_is_known_of_it(api: Api) -> None:
    cluster = api.data(
        """{ cluster(id: "c1") { clusterId live size accountCount organisationCount confidence createdAt updatedAt retiredAt
             usage { tokens } weakestLink { bits parts text identifiers { kind value } }
             members(first: 2) { nodes { subjectId confidence } edges { confidence since provisional } pageInfo { hasNextPage } }
             evidence(first: 2) { identifier { kind value } bits fullBits members holders holderClusters sharingClass reason }
             identifiers { nodes { kind } edges { bits fullBits members holders holderClusters sharingClass reason } }
             successors { clusterId } lineage { predecessors { how at members cluster { clusterId } } successors { how } }
             merges { round } how { nodes { round } } weakestCut { bits } hypotheses { bits } usageOverTime { start } } }"""
    )["cluster"]
    assert cluster["live"] is True
    assert (cluster["size"], cluster["accountCount"], cluster["organisationCount"]) == (4, 3, 1)
    assert cluster["weakestLink"]["parts"] == [1, 2]
    assert cluster["weakestLink"]["identifiers"] == [{"kind": "payment_method", "value": "***"}]
    assert [node["subjectId"] for node in cluster["members"]["nodes"]] == ["a1", "o1"]
    assert [piece["bits"] for piece in cluster["evidence"]] == [12.0, 11.0]
    assert cluster["evidence"][0]["reason"] == "counted in full"
    assert [node["kind"] for node in cluster["identifiers"]["nodes"]] == ["device", "phone", "payment_method", "ip"]
    assert cluster["successors"] == [{"clusterId": "c1"}]
    assert cluster["lineage"]["predecessors"] == [
        {"how": "merged", "at": "2026-06-03T00:00:00+00:00", "members": 2, "cluster": {"clusterId": "c0"}}
    ]
    assert cluster["merges"] == cluster["usageOverTime"] == cluster["how"]["nodes"] == []
    assert cluster["weakestCut"] is None
    assert cluster["hypotheses"][-1]["bits"] < 0


def test_a_cluster_that_ended_answers_with_its_successors(api: Api) -> None:
    cluster = api.data(
        '{ cluster(id: "c0") { live size retiredAt successors { clusterId size } lineage { successors { how } } weakestLink { bits } weakestCut { bits } hypotheses { bits } } }'
    )["cluster"]
    assert cluster == {
        "live": False,
        "size": 0,
        "retiredAt": "2026-06-03T00:00:00+00:00",
        "successors": [{"clusterId": "c1", "size": 4}],
        "lineage": {"successors": [{"how": "merged"}]},
        "weakestLink": None,
        "weakestCut": None,
        "hypotheses": [],
    }


def test_an_id_of_another_type_is_no_cluster(api: Api) -> None:
    assert api.data("query ($id: ID!) { cluster(id: $id) { id } }", id=gid("Account", "a1")) == {"cluster": None}


def test_evidence_can_be_asked_for_by_kind(api: Api) -> None:
    found = api.data('{ cluster(id: "c1") { evidence(kinds: ["phone"]) { identifier { kind } } } }')
    assert found["cluster"]["evidence"] == [{"identifier": {"kind": "phone"}}]


def test_a_cluster_can_be_drawn(api: Api) -> None:
    graph = api.data(
        '{ cluster(id: "c1") { graph { nodes { id type label kind holders node { __typename } } edges { source target relation bits } truncated } } }'
    )
    nodes = graph["cluster"]["graph"]["nodes"]
    assert {node["type"] for node in nodes} == {"Account", "Identifier"}
    assert {node["kind"] for node in nodes if node["kind"]} == {"device", "phone", "payment_method"}
    assert all(edge["bits"] > 0 for edge in graph["cluster"]["graph"]["edges"])
    assert graph["cluster"]["graph"]["truncated"] is False
    assert all(node["type"] == node["node"]["__typename"] for node in nodes)


@pytest.mark.parametrize(
    ("arguments", "ids"),
    [
        ("", ["c1", "c2"]),
        ("orderBy: SIZE_ASC", ["c2", "c1"]),
        ("orderBy: CONFIDENCE_DESC", ["c2", "c1"]),
        ("orderBy: UPDATED_DESC", ["c1", "c2"]),
        ("filter: {minimumSize: 3}", ["c1"]),
        ("filter: {maximumSize: 3}", ["c2"]),
        ("filter: {minimumAccounts: 3}", ["c1"]),
        ("filter: {minimumOrganisations: 1}", ["c1"]),
        ("filter: {minimumConfidence: 0.85}", ["c2"]),
        ("filter: {maximumConfidence: 0.85}", ["c1"]),
        ("filter: {minimumTokens: 5000000006}", []),
        ('filter: {createdAfter: "2026-07-01T00:00:00Z"}', []),
        ('filter: {createdBefore: "2026-07-01T00:00:00Z"}', ["c1", "c2"]),
        ('filter: {updatedAfter: "2026-06-03T00:00:00Z"}', ["c1"]),
        ('filter: {kind: ["email"]}', ["c2"]),
        ('filter: {kind: ["ip"]}', []),
        ("filter: {band: [REVIEW]}", ["c1", "c2"]),
        ("filter: {band: [ABSTAIN, ACT]}", []),
        ("filter: {band: []}", []),
    ],
)
def test_clusters_are_filtered_and_ordered(api: Api, arguments: str, ids: list[str]) -> None:
    call = f"clusters({arguments})" if arguments else "clusters"
    found = api.data(f"{{ {call} {{ totalCount nodes {{ clusterId }} }} }}")["clusters"]
    assert [node["clusterId"] for node in found["nodes"]] == ids
    assert found["totalCount"] == len(ids)


def test_a_page_of_clusters_with_members_and_identifiers_costs_a_fixed_number_of_queries(api: Api) -> None:
    document = """query ($first: Int!) { clusters(first: $first) { nodes { id size
        members(first: 5) { nodes { id label confidence cluster { id } identifiers(first: 3) { nodes { value heldBy(first: 2) { nodes { label } } } }
                                    ... on Account { organisation { name } } } }
        evidence(first: 3) { bits identifier { value } } identifiers(first: 3) { nodes { clusters(first: 2) { id } } } } } }"""
    one, two = api.queries(document, first=1), api.queries(document, first=2)
    assert (
        one == two == 8
    )  # clusters, members, evidence twice, their clusters, organisations, identifiers, holders, tied


# -- bands


@pytest.fixture
def costs(api: Api, monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Give the service a model under which acting wrongly costs so many looks."""

    def cost(wrong: float) -> None:
        work = api.app.state.parts.work
        bands = work.model.bands.model_copy(update={"wrong": wrong})
        monkeypatch.setattr(work, "model", work.model.model_copy(update={"bands": bands}))

    return cost


def test_bands_follow_from_costs_and_edges_are_told(api: Api) -> None:
    bands = api.data("{ bands { wrong missed review reviewFrom actFrom } }")["bands"]
    assert bands == {"wrong": 20, "missed": 1.5, "review": 1, "reviewFrom": pytest.approx(2 / 3), "actFrom": 0.95}


def test_bands_are_those_of_the_confidence_as_costs_are_now(api: Api, costs: Callable[[float], None]) -> None:
    # Clusters are 0.8 and 0.9 sure, a1 0.93, the other members 0.92; a6 stands alone, c0 ended.
    costs(8)  # acting begins at 1 - 1/8
    found = api.data('{ clusters { nodes { clusterId band } } ended: cluster(id: "c0") { band } }')
    assert {one["clusterId"]: one["band"] for one in found["clusters"]["nodes"]} == {"c1": "REVIEW", "c2": "ACT"}
    assert found["ended"] == {"band": None}
    assert api.data("{ clusters(filter: {band: ACT}) { totalCount nodes { clusterId } } }")["clusters"] == {
        "totalCount": 1,
        "nodes": [{"clusterId": "c2"}],
    }
    costs(40 / 3)  # at 0.925
    found = api.data("{ accounts { nodes { accountId band membership { band } } } }")["accounts"]["nodes"]
    assert {one["accountId"]: one["band"] for one in found} == {
        "a1": "ACT", **{f"a{n}": "REVIEW" for n in range(2, 6)}, "a6": None,
    }  # fmt: skip
    assert all((one["membership"] or {"band": None})["band"] == one["band"] for one in found)
    edges = api.data('{ cluster(id: "c1") { members { edges { band node { subjectId band } } } } }')
    bands = {
        edge["node"]["subjectId"]: (edge["band"], edge["node"]["band"]) for edge in edges["cluster"]["members"]["edges"]
    }
    assert bands["a1"] == ("ACT", "ACT")
    assert bands["a2"] == ("REVIEW", "REVIEW")
    acted = api.data("{ accounts(filter: {band: [ACT]}) { nodes { accountId } } }")["accounts"]["nodes"]
    assert acted == [{"accountId": "a1"}]


# -- accounts and pages


@pytest.mark.parametrize(
    ("arguments", "ids"),
    [
        ("", "123456"),
        ("orderBy: ID_DESC", "654321"),
        ("orderBy: CREATED_DESC", "654321"),
        ("orderBy: TOKENS_DESC, first: 2", "65"),
        ('filter: {status: ["suspended"]}', "6"),
        ('filter: {country: ["FR"]}', ""),
        ('filter: {plan: ["free"], clustered: true}', "12345"),
        ("filter: {clustered: false}", "6"),
        ('filter: {organisationId: "o1"}', "12"),
        ('filter: {clusterId: "c2"}', "45"),
        ("filter: {minimumConfidence: 0.925}", "1"),
        ("filter: {band: [REVIEW]}", "12345"),
        ("filter: {band: [ABSTAIN, ACT]}", ""),
        ("filter: {minimumTokens: 15000000000}", "56"),
        ('filter: {createdAfter: "2026-05-02T00:00:00Z", createdBefore: "2026-05-04T00:00:00Z"}', "23"),
    ],
)
def test_accounts_are_filtered_and_ordered(api: Api, arguments: str, ids: str) -> None:
    call = f"accounts({arguments})" if arguments else "accounts"
    found = api.data(f"{{ {call} {{ nodes {{ accountId }} }} }}")["accounts"]["nodes"]
    assert [node["accountId"] for node in found] == [f"a{digit}" for digit in ids]


@pytest.mark.parametrize("order", ["ID_ASC", "ID_DESC", "CREATED_ASC", "CREATED_DESC", "TOKENS_DESC", "TOKENS_ASC"])
def test_paging_forwards_and_backwards_sees_every_account_once(api: Api, order: str) -> None:
    whole = [
        node["id"] for node in api.data(f"{{ accounts(orderBy: {order}) {{ nodes {{ id }} }} }}")["accounts"]["nodes"]
    ]
    page = "nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"
    seen: list[str] = []
    after = None
    while True:
        found = api.data(
            f"query ($after: String) {{ accounts(orderBy: {order}, first: 4, after: $after) {{ {page} }} }}",
            after=after,
        )["accounts"]
        seen += [node["id"] for node in found["nodes"]]
        after = found["pageInfo"]["endCursor"]
        if not found["pageInfo"]["hasNextPage"]:
            break
    assert seen == whole
    back: list[str] = []
    before = None
    while True:
        found = api.data(
            f"query ($before: String) {{ accounts(orderBy: {order}, last: 4, before: $before) {{ {page} }} }}",
            before=before,
        )["accounts"]
        back = [node["id"] for node in found["nodes"]] + back
        before = found["pageInfo"]["startCursor"]
        if not found["pageInfo"]["hasPreviousPage"]:
            break
    assert back == whole


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("first: 1, last: 1", "not both"),
        ('after: "nonsense"', "cursor"),
        ('before: "W10"', "cursor"),
        ('filter: {createdAfter: "2026-05-02T00:00:00"}', "time zone"),
        ("filter: {country: [" + '"x",' * 201 + "]}", "200 values"),
    ],
)
def test_arguments_that_make_no_sense_are_told(api: Api, arguments: str, message: str) -> None:
    code, said = api.error(f"{{ accounts({arguments}) {{ nodes {{ id }} }} }}")
    assert code == "BAD_USER_INPUT"
    assert message in said


def test_a_cursor_of_another_order_is_refused(api: Api) -> None:
    cursor = api.data("{ accounts(first: 1) { pageInfo { endCursor } } }")["accounts"]["pageInfo"]["endCursor"]
    code, _ = api.error(f'{{ accounts(orderBy: TOKENS_ASC, after: "{cursor}") {{ nodes {{ id }} }} }}')
    assert code == "BAD_USER_INPUT"


def test_what_a_subject_used_comes_most_shared_first_and_in_pages(api: Api) -> None:
    found = api.data(
        """{ account(accountId: "a2") { all: identifiers { nodes { kind } } some: identifiers(kinds: ["phone"]) { nodes { kind } }
             shared: identifiers(minimumHolders: 3) { nodes { kind } edges { firstSeen lastSeen count } }
             page: identifiers(first: 1) { pageInfo { hasNextPage endCursor } } } }"""
    )["account"]
    assert found["all"]["nodes"][0] == {"kind": "ip"}
    assert len(found["all"]["nodes"]) == 4
    assert found["some"]["nodes"] == [{"kind": "phone"}]
    assert found["shared"]["edges"][0]["count"] == 3
    after = found["page"]["pageInfo"]["endCursor"]
    rest = api.data(
        'query ($after: String) { account(accountId: "a2") { identifiers(after: $after) { nodes { kind } } } }',
        after=after,
    )
    assert rest["account"]["identifiers"]["nodes"] == found["all"]["nodes"][1:]


# -- search, ways, surroundings


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("acme", ["o1"]),
        ("Person 4", ["a4"]),
        ("a5", ["a5"]),
        ("ann@exam", [opaque("email:ann@example.com")]),
        ("203.0.113", [opaque("ip:203.0.113.7")]),
        ("c1", ["c1"]),
        ("nobody", []),
        ('"*:* OR ( \\ ~', []),
        ("   ", []),
    ],
)
def test_search_finds_what_holds_every_word(api: Api, text: str, found: list[str]) -> None:
    edges = api.data("query ($text: String!) { search(text: $text) { edges { node { id } score } } }", text=text)
    ids = [base64.b64decode(edge["node"]["id"]).decode().partition(":")[2] for edge in edges["search"]["edges"]]
    assert ids == found


def test_search_goes_on_page_by_page(api: Api) -> None:
    document = 'query ($after: String) { search(text: "person", first: 4, after: $after) { nodes { id } pageInfo { hasNextPage endCursor } } }'
    first = api.data(document, after=None)["search"]
    second = api.data(document, after=first["pageInfo"]["endCursor"])["search"]
    ids = [node["id"] for page in (first, second) for node in page["nodes"]]
    assert len(ids) == len(set(ids)) == 6
    assert (first["pageInfo"]["hasNextPage"], second["pageInfo"]["hasNextPage"]) == (True, False)


def test_a_search_has_bounds(api: Api) -> None:
    assert api.error('{ search(text: "' + "x" * 1_001 + '") { nodes { id } } }')[0] == "BAD_USER_INPUT"


def test_a_path_goes_through_rare_identifiers_and_not_through_hubs(api: Api) -> None:
    document = 'query ($to: ID!, $most: Int!) { path(from: "a1", to: $to, maxHolders: $most) { length nodes { type label } edges { relation } } }'
    path = api.data(document, to="account:a3", most=5)["path"]
    assert path["length"] == 4
    assert [node["label"] for node in path["nodes"]][::2] == ["P. 1. (a1)", "P. 2. (a2)", "P. 3. (a3)"]
    assert api.data(document, to="a3", most=10)["path"]["length"] == 2
    assert api.data(document, to="a6", most=5)["path"] is None
    assert api.data(document, to=gid("Cluster", "c1"), most=5)["path"]["edges"] == [{"relation": "IN"}]


@pytest.mark.parametrize(
    "arguments", ['from: "a1", to: "a1"', 'from: "a1", to: "a2", maxHops: 9', 'from: "", to: "a2"']
)
def test_a_path_needs_two_ends_and_a_bound(api: Api, arguments: str) -> None:
    assert api.error(f"{{ path({arguments}) {{ length }} }}")[0] == "BAD_USER_INPUT"


def test_a_resolution_is_no_place_in_the_graph(api: Api) -> None:
    assert (
        api.error('query ($id: ID!) { path(from: $id, to: "a1") { length } }', id=gid("Resolution", "rs_1"))[0]
        == "BAD_USER_INPUT"
    )


def test_a_neighbourhood_shows_the_strongest_first(api: Api) -> None:
    document = 'query ($limit: Int!, $hops: Int!) { neighbourhood(ids: ["a1"], hops: $hops, limit: $limit) { nodes { type kind label } edges { relation source target } truncated } }'
    near = api.data(document, limit=200, hops=1)["neighbourhood"]
    assert {node["type"] for node in near["nodes"]} == {"Account", "Organisation", "Identifier", "Cluster"}
    assert near["truncated"] is False
    few = api.data(document, limit=3, hops=1)["neighbourhood"]
    assert len(few["nodes"]) == 3
    assert few["truncated"] is True
    assert "ip" not in {node["kind"] for node in few["nodes"]}
    far = api.data(document, limit=200, hops=2)["neighbourhood"]
    assert len(far["nodes"]) > len(near["nodes"])
    alone = api.data(document, limit=200, hops=0)["neighbourhood"]
    assert len(alone["nodes"]) == 1


@pytest.mark.parametrize("arguments", ["ids: []", 'ids: ["a1"], hops: 5', 'ids: ["a1"], limit: 0'])
def test_a_neighbourhood_has_bounds(api: Api, arguments: str) -> None:
    assert api.error(f"{{ neighbourhood({arguments}) {{ truncated }} }}")[0] == "BAD_USER_INPUT"


# -- resolutions and figures


def test_finished_resolutions_are_listed(api: Api) -> None:
    found = api.data(
        "{ resolutions { nodes { resolutionId state modelVersion summary startedAt finishedAt error step done total } pageInfo { hasNextPage } } }"
    )
    assert found["resolutions"]["nodes"][0]["summary"] == {"clusters": 2}
    assert found["resolutions"]["nodes"][0]["state"] == "FINISHED"
    assert api.data('{ resolution(id: "rs_1") { resolutionId } }') == {"resolution": {"resolutionId": "rs_1"}}


def test_statistics_count_what_there_is(api: Api) -> None:
    assert api.data(
        """{ statistics { accounts organisations identifiers observations clusters clusteredSubjects clusteredAccounts
             largestCluster resolvedAt lastResolution { resolutionId } kinds { kind identifiers shared mostHolders } } }"""
    )["statistics"] == {
        "accounts": 6,
        "organisations": 1,
        "identifiers": 6,
        "observations": 15,
        "clusters": 2,
        "clusteredSubjects": 6,
        "clusteredAccounts": 5,
        "largestCluster": 4,
        "resolvedAt": "2026-06-03T00:01:00+00:00",
        "lastResolution": {"resolutionId": "rs_1"},
        "kinds": [
            {"kind": "device", "identifiers": 2, "shared": 1, "mostHolders": 2},
            {"kind": "email", "identifiers": 1, "shared": 1, "mostHolders": 2},
            {"kind": "ip", "identifiers": 1, "shared": 1, "mostHolders": 6},
            {"kind": "payment_method", "identifiers": 1, "shared": 1, "mostHolders": 2},
            {"kind": "phone", "identifiers": 1, "shared": 1, "mostHolders": 2},
        ],
    }


# -- why and why not

WHY = """query ($left: ID!, $right: ID!) { why(left: $left, right: $right) { linked direct summary sentences totalBits priorBits neededBits
  missingBits posterior threshold missing left { subjectId } right { subjectId } cluster { clusterId } joinedBy { round }
  evidence { identifier { kind value } bits fullBits holders holderClusters reason leftFirstSeen leftLastSeen rightFirstSeen rightLastSeen }
  decisions { judgement author reason decidedAt }
  chain { bits posterior left { label } right { label } evidence { identifier { kind } bits } } } }"""
WHY_NOT = WHY.replace("why(", "whyNot(")


def test_what_two_subjects_share_links_them(api: Api) -> None:
    why = api.data(WHY, left="account:a1", right=gid("Account", "a2"))["why"]
    assert (why["linked"], why["left"]["subjectId"], why["right"]["subjectId"]) == (True, "a1", "a2")
    assert {piece["identifier"]["kind"] for piece in why["evidence"]} >= {"device", "payment_method", "ip"}
    assert why["totalBits"] == pytest.approx(sum(piece["bits"] for piece in why["evidence"]))
    assert why["evidence"][0]["bits"] >= why["evidence"][-1]["bits"]
    assert why["evidence"][0]["leftFirstSeen"] == "2026-05-10T00:00:00+00:00"
    assert why["cluster"] == {"clusterId": "c1"}
    assert "bits" in why["summary"]
    assert "203.0.113.7" not in str(why)


def test_where_two_members_share_too_little_the_thread_through_their_cluster_ties_them(api: Api) -> None:
    why = api.data(WHY, left="a1", right="a3")["why"]
    assert (why["linked"], why["direct"]) == (True, False)
    assert [(step["left"]["label"], step["right"]["label"]) for step in why["chain"]] == [
        ("P. 1. (a1)", "P. 2. (a2)"),
        ("P. 2. (a2)", "P. 3. (a3)"),
    ]
    assert all(step["bits"] > 0 for step in why["chain"])
    assert "thread of 2 steps" in why["summary"]
    assert why["joinedBy"] is None


def test_why_not_says_what_is_missing_and_what_speaks_against(api: Api) -> None:
    why = api.data(WHY_NOT, left="a1", right="a6")["whyNot"]
    assert (why["linked"], why["cluster"], why["chain"]) == (False, None, [])
    assert why["missingBits"] == pytest.approx(why["neededBits"] - why["totalBits"])
    assert any("bits are missing" in line for line in why["missing"])
    assert any("different" in line for line in why["missing"])
    said = "A person decided that they are different actors', on 4 June 2026 (ann: known to us)."
    assert said in why["sentences"]
    assert any(line.startswith("That account a1 is its cluster's actor's is held") for line in why["sentences"])
    assert not any(line.startswith("That account a6") for line in why["sentences"])
    assert why["decisions"][0]["judgement"] == "DIFFERENT"
    assert why["summary"].startswith("account a1 and account a6 are not linked")


def test_why_not_of_two_clusters_and_of_the_linked(api: Api) -> None:
    apart = api.data(WHY_NOT, left="a1", right="a4")["whyNot"]
    assert any("different clusters, of 4 and 2" in line for line in apart["missing"])
    assert api.data(WHY_NOT, left="a4", right="a5")["whyNot"]["summary"].startswith("They are linked.")


def test_an_organisation_can_be_explained_and_nothing_shared_is_said(api: Api) -> None:
    why = api.data(WHY, left="organisation:o1", right="a6")["why"]
    assert why["evidence"] == []
    assert any("share no identifier" in line for line in why["missing"])


@pytest.mark.parametrize(
    ("left", "right", "code"),
    [
        ("a1", "a1", "BAD_USER_INPUT"),
        ("a1", "nobody", "NOT_FOUND"),
        ("a1", gid("Cluster", "c1"), "BAD_USER_INPUT"),
        ("", "a1", "BAD_USER_INPUT"),
    ],
)
def test_an_explanation_is_about_two_subjects_that_there_are(api: Api, left: str, right: str, code: str) -> None:
    assert api.error(WHY, left=left, right=right)[0] == code
