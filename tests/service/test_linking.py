"""A fact is linked when it comes, on a real ledger and a real Neo4j; a resolution has the last word."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from linkage.errors import LedgerUnavailable
from linkage.graph.connection import Connection, Graph
from linkage.model import Judgement
from linkage.scenario import generate
from linkage.service import Service
from linkage.service.deciding import Statement
from tests.small_service import settings_for

DAY = "2026-06-{:02}T00:00:00Z"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    generate("mixed", 1_000, 7, folder)
    return folder


@pytest.fixture
def service(neo4j: Connection, graph: Graph, world: Path, tmp_path: Path) -> Iterator[Service]:
    """A project that holds a resolved world."""
    with Service.open(settings_for(tmp_path / "project", neo4j)) as opened:
        opened.load([world])
        opened.resolve()
        opened.follow()
        yield opened


def ring(service: Service) -> tuple[str, list[dict[str, Any]]]:
    """The largest cluster, and what one of its members uses with others of it."""
    cluster = service.largest_clusters(limit=1)[0]["cluster_id"]
    shared = service.graph.read(
        "MATCH (c:Cluster {id: $id})-[t:EVIDENCED_BY]->(i) WHERE t.bits > 3 AND t.members > 2 "
        "AND i.kind IN ['device', 'payment_method', 'phone', 'email', 'ip'] "
        "RETURN i.kind AS kind, i.value AS value ORDER BY t.members DESC, i.value LIMIT 6",
        id=cluster,
    )
    return cluster, shared


def uses(account: str, *identifiers: dict[str, Any]) -> list[dict[str, object]]:
    return [
        {"account_id": account, **one, "first_seen": DAY.format(2), "last_seen": DAY.format(3)} for one in identifiers
    ]


def membership(service: Service, account: str) -> list[dict[str, Any]]:
    return service.graph.read(
        "MATCH (:Account {id: $id})-[m:IN]->(c) RETURN c.id AS cluster, m.provisional AS provisional", id=account
    )


def test_a_newcomer_is_linked_at_once_and_confirmed_by_the_next_resolution(service: Service) -> None:
    cluster, shared = ring(service)
    before = service.graph.read("MATCH (c:Cluster {id: $id}) RETURN c.size AS size", id=cluster)[0]["size"]
    service.record("observations", uses("new-1", *shared))
    followed = service.follow()
    assert followed.linked.events == {cluster: "grew"}
    assert followed.linked.where["account:new-1"] == cluster
    assert membership(service, "new-1") == [{"cluster": cluster, "provisional": True}]
    after = service.graph.read("MATCH (c:Cluster {id: $id}) RETURN c.size AS size", id=cluster)[0]["size"]
    assert after == before + 1
    assert service.check_graph() == []
    assert {row["right"] for row in map(_ends, service.merges_of([cluster])[cluster])} >= {"account:new-1"}

    service.resolve()
    service.follow()
    assert membership(service, "new-1") == [{"cluster": cluster, "provisional": False}]
    assert service.check_graph() == []


def _ends(merge: Any) -> dict[str, str]:
    return {"left": str(merge.left), "right": str(merge.right)}


def test_a_cluster_that_grows_stays_as_old_as_it_was_to_the_microsecond(service: Service) -> None:
    cluster, shared = ring(service)
    age = "MATCH (c:Cluster {id: $id}) RETURN toString(c.created_at) AS at"
    before = service.graph.read(age, id=cluster)
    service.record("observations", uses("new-1", *shared))
    assert service.follow().linked.events == {cluster: "grew"}
    assert service.graph.read(age, id=cluster) == before


def test_a_decision_keeps_a_newcomer_out_of_a_cluster_whatever_it_brings(service: Service) -> None:
    cluster, shared = ring(service)
    service.record("observations", uses("kept-out", {"kind": "email", "value": "kept-out@example.com"}))
    service.follow()
    said = Statement("kept-out", cluster, Judgement.DIFFERENT, "ann", "a customer we know")
    service.decide([said])
    service.record("observations", uses("kept-out", *shared))
    assert service.follow().linked.events == {}
    assert membership(service, "kept-out") == []
    service.resolve()
    service.follow()
    assert membership(service, "kept-out") == []


def test_two_that_nobody_knows_found_a_cluster_whose_id_lasts(service: Service) -> None:
    strong = [{"kind": "email", "value": "both@example.com"}, {"kind": "phone", "value": "+447700900555"}]
    service.record("observations", [*uses("twin-1", *strong), *uses("twin-2", *strong)])
    followed = service.follow()
    ((born, event),) = followed.linked.events.items()
    assert event == "born"
    assert service.check_graph() == []
    service.resolve()
    service.follow()
    assert membership(service, "twin-1") == [{"cluster": born, "provisional": False}]
    events = [row["event"] for row in service.lineage_of([born])]
    assert events == ["born"]


def test_what_ties_nobody_is_linked_to_nobody(service: Service) -> None:
    service.record("observations", uses("lone", {"kind": "email", "value": "lone@example.com"}))
    followed = service.follow()
    assert (followed.linked.events, followed.linked.rows) == ({}, {})
    assert membership(service, "lone") == []


def test_the_same_facts_again_change_nothing(service: Service) -> None:
    cluster, shared = ring(service)
    service.record("observations", uses("new-1", *shared))
    assert service.follow().linked.events == {cluster: "grew"}
    versions = service.ledger.versions()
    service.record("observations", uses("new-1", *shared))
    assert service.follow().linked.events == {}
    assert service.ledger.versions() == versions


def test_links_survive_a_rebuild_and_a_restart_links_nothing_twice(service: Service) -> None:
    cluster, shared = ring(service)
    service.record("observations", uses("new-1", *shared))
    service.follow()
    size = service.graph.read("MATCH (c:Cluster {id: $id}) RETURN c.size AS size", id=cluster)
    service.rebuild_graph()
    assert service.follow().linked.events == {}
    assert service.graph.read("MATCH (c:Cluster {id: $id}) RETURN c.size AS size", id=cluster) == size
    with Service.open(service.settings) as again:
        assert again.follow().linked.events == {}
    assert service.check_graph() == []


def test_nothing_is_linked_before_the_first_resolution(neo4j: Connection, graph: Graph, tmp_path: Path) -> None:
    with Service.open(settings_for(tmp_path / "project", neo4j)) as service:
        strong = [{"kind": "email", "value": "both@example.com"}, {"kind": "phone", "value": "+447700900555"}]
        service.record("observations", [*uses("twin-1", *strong), *uses("twin-2", *strong)])
        assert service.follow().linked.events == {}
        service.resolve()
        service.follow()
        assert [row["provisional"] for row in membership(service, "twin-1")] == [False]


def test_a_member_that_a_closed_organisation_declares_is_linked_to_it(service: Service) -> None:
    service.record("accounts", [{"account_id": f"staff-{n}", "organisation_id": "org-new"} for n in (1, 2)])
    followed = service.follow()
    (born,) = followed.linked.events
    assert {row["cluster"] for n in (1, 2) for row in membership(service, f"staff-{n}")} == {born}
    assert service.check_graph() == []


def test_what_could_not_be_published_is_found_again(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, shared = ring(service)
    service.record("observations", uses("new-1", *shared))

    def refuse(*_: object) -> None:
        raise LedgerUnavailable("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr("linkage.service.linking.publish_links", refuse)
        for _ in range(2):
            with pytest.raises(LedgerUnavailable):
                service.follow()
    assert service.follow().linked.events == {cluster: "grew"}
