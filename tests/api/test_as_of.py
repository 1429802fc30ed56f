"""As-of reads: what was told at a moment is told again for ever, whatever was published since."""

# ruff: noqa: E501, F811 - operations stay on the line they read best on; fixtures are imported
from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from linkage.ledger.tables import ACCOUNTS
from linkage.model import PublicationKind
from linkage.service import Service
from linkage.service.resolving import settle
from tests.ledger.facts import rows_of
from tests.projected_ledger import LETTERS, api, service, settings  # noqa: F401 - fixtures
from tests.publications import desk_of, found, held, link, observe
from tests.small_service import Api

CLUSTER = """clusterId live size accountCount confidence createdAt retiredAt weakestLink { bits }
  evidence(first: 20) { bits identifier { kind value } } successors { clusterId size }
  members(first: 5) { edges { confidence provisional since node { subjectId ... on Account { status } cluster { clusterId } } } pageInfo { hasNextPage } }
  how(first: 20) { totalCount nodes { left right bits } }
  lineage { predecessors { how members cluster { clusterId size } } successors { how members cluster { clusterId size } } }"""
ACCOUNT = "accountId status country confidence membership { confidence provisional since cluster { clusterId size } } organisation { name }"


def describe(service: Service, status: str) -> None:
    rows = [{"account_id": "a", "status": status, "organisation_id": "o"}, {"account_id": "b", "status": "active"}]
    service.ledger.append("accounts", rows_of("accounts", *rows))
    assert set(rows[0]) <= set(ACCOUNTS.schema.names)


@pytest.fixture
def told(service: Service, api: Api) -> tuple[list[str], list[tuple[str, dict[str, Any]]]]:
    """Every cluster and account as told by the API after each publication, with the moment."""
    ledger = service.ledger
    observe(ledger, *LETTERS)
    ledger.append("organisations", rows_of("organisations", {"organisation_id": "o", "name": "Acme"}))
    desk = desk_of(ledger, service.settings.data)
    clusters: set[str] = set()
    accounts: list[tuple[str, dict[str, Any]]] = []
    publish = (
        lambda: (describe(service, "trial"), settle(desk, found(ledger, 1, "abc", "de", "f", "g", "h"))),
        lambda: link(ledger, "ln_1", "def"),
        lambda: (describe(service, "closed"), link(ledger, "dc_1", "ab", "c", kind=PublicationKind.DECISION)),
        lambda: settle(desk, found(ledger, 2, "abdef", "c", "gh")),
        lambda: settle(desk, found(ledger, 3, "a", "b", "cdefgh")),
    )
    for step in publish:
        step()
        service.catch_up()
        clusters |= set(held(ledger).values())
        time.sleep(0.01)
        at = datetime.now(UTC).isoformat()
        accounts.append((at, everything(api, clusters)))
        time.sleep(0.01)
    return sorted(clusters), accounts


def everything(api: Api, clusters: set[str] | list[str], at: str | None = None) -> dict[str, Any]:
    as_of = f', asOf: "{at}"' if at else ""
    asked = [f'c{n}: cluster(id: "{one}"{as_of}) {{ {CLUSTER} }}' for n, one in enumerate(sorted(clusters))]
    asked += [f'{one}: account(accountId: "{one}"{as_of}) {{ {ACCOUNT} }}' for one in LETTERS]
    answer: dict[str, Any] = {}
    for part in asked:  # one by one: all at once costs more than an operation may
        answer |= api.data(f"{{ {part} }}")
    return {(found["clusterId"] if name.startswith("c") and "clusterId" in found else name): found
            for name, found in answer.items() if found}  # fmt: skip


def test_what_was_told_at_a_moment_is_told_again(
    told: tuple[list[str], list[tuple[str, dict[str, Any]]]], api: Api
) -> None:
    clusters, moments = told
    assert len({str(answer) for _, answer in moments}) == len(moments)
    for at, before in moments:
        after = everything(api, clusters, at)
        assert set(after) == set(before)
        for name, found_then in before.items():
            assert after[name] == found_then, (at, name)


def test_an_old_id_answers_with_its_successors_as_of_then(
    told: tuple[list[str], list[tuple[str, dict[str, Any]]]], api: Api
) -> None:
    clusters, moments = told
    ended = [one for one in clusters if not api.data(f'{{ cluster(id: "{one}") {{ live }} }}')["cluster"]["live"]]
    assert ended
    seen = set()
    for at, _ in moments:
        for one in ended:
            then = api.data(f'{{ cluster(id: "{one}", asOf: "{at}") {{ live successors {{ clusterId live }} }} }}')[
                "cluster"
            ]
            if then is not None:
                assert all(successor["live"] for successor in then["successors"])
                assert then["live"] is (then["successors"] == [{"clusterId": one, "live": True}])
                seen.add(then["live"])
    assert seen == {True, False}


def test_members_of_then_come_in_pages(told: tuple[list[str], list[tuple[str, dict[str, Any]]]], api: Api) -> None:
    at, answer = max(told[1], key=lambda one: max(row.get("size", 0) for row in one[1].values()))
    largest = max((row for row in answer.values() if "size" in row), key=lambda row: row["size"])
    document = """query ($id: ID!, $at: DateTime, $first: Int, $after: String, $last: Int) { cluster(id: $id, asOf: $at) {
      members(first: $first, after: $after, last: $last) { nodes { subjectId } pageInfo { hasNextPage endCursor } } } }"""
    seen, after = [], None
    while True:
        page = api.data(document, id=largest["clusterId"], at=at, first=2, after=after)["cluster"]["members"]
        seen += [node["subjectId"] for node in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert len(seen) == len(set(seen)) == largest["size"]
    last = api.data(document, id=largest["clusterId"], at=at, last=2)["cluster"]["members"]["nodes"]
    assert [node["subjectId"] for node in last] == seen[-2:]


@pytest.mark.parametrize(
    "field",
    [
        "usage { tokens }",
        "usageOverTime { start }",
        "weakestCut { bits }",
        "hypotheses { title }",
        "graph { nodes { id } }",
    ],
)
def test_a_field_whose_past_is_not_kept_says_so(
    told: tuple[list[str], list[tuple[str, dict[str, Any]]]], api: Api, field: str
) -> None:
    at = told[1][0][0]
    one = next(name for name in told[1][0][1] if name.startswith("cl_"))
    code, message = api.error(f'{{ cluster(id: "{one}", asOf: "{at}") {{ {field} }} }}')
    assert code == "BAD_USER_INPUT"
    assert f"`{field.partition(' ')[0]}` is known as of now only" in message


def test_before_anything_was_known_there_is_nothing_and_the_future_is_refused(
    told: tuple[list[str], list[tuple[str, dict[str, Any]]]], api: Api
) -> None:
    one = told[0][0]
    assert api.data(
        f'{{ cluster(id: "{one}", asOf: "2020-01-01T00:00:00Z") {{ size }} account(accountId: "a", asOf: "2020-01-01T00:00:00Z") {{ status }} organisation(organisationId: "o", asOf: "2020-01-01T00:00:00Z") {{ name }} }}'
    ) == {"cluster": None, "account": None, "organisation": None}
    ahead = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    for as_of in (ahead, "2026-01-01T00:00:00"):
        assert api.error(f'{{ account(accountId: "a", asOf: "{as_of}") {{ status }} }}')[0] == "BAD_USER_INPUT"
