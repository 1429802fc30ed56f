"""What is withdrawn counts no more, in clusters, in their evidence, in the graph, until it is reinstated."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from linkage.errors import BadInput, NotFound
from linkage.graph.connection import Connection, Graph
from linkage.model import Judgement, Subject
from linkage.service import Service
from linkage.service.deciding import Statement
from linkage.service.withdrawing import Order, Selection, Withdrawn
from linkage.settings import Settings
from tests.small_service import settings_for
from tests.small_world import clusters, link, where


@pytest.fixture
def settings(neo4j: Connection, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return settings_for(tmp_path_factory.mktemp("project"), neo4j)


@pytest.fixture
def service(settings: Settings, graph: Graph) -> Iterator[Service]:
    with Service.open(settings) as opened:
        yield opened


def order(subject: str | None, kind: str | None = None, value: str | None = None, **more: object) -> Order:
    named = None if subject is None else Subject.account(subject)
    source = more.pop("source", None)
    selection = Selection(named, kind, value, source if isinstance(source, str) else None)
    return Order(selection, bool(more.pop("withdrawn", True)), "ann", "it was wrong")


def foreseen(service: Service, wanted: Order) -> Withdrawn:
    """Carry the order out, and see that the preview said what then happened."""
    before = service.ledger.versions()
    expected = service.preview_withdrawal(wanted)
    assert service.ledger.versions() == before
    effect = service.withdraw(wanted)
    assert (effect.observations, effect.summary) == (expected.observations, expected.summary)
    return effect


def held_by(service: Service, cluster_id: str) -> set[str]:
    text = "MATCH (:Cluster {id: $id})-[:EVIDENCED_BY]->(i) RETURN i.value AS value"
    return {row["value"] for row in service.graph.read(text, id=cluster_id)}


def test_what_was_linked_by_it_alone_comes_apart_at_once_and_stays_apart(service: Service) -> None:
    link(service, "abc", "de")
    former = where(service, "a")
    effect = foreseen(service, order("c"))
    assert effect.observations == 2
    assert effect.changes == [f"takes account:c out of {former} (3), which keeps 2"]
    assert clusters(service) == {"ab", "de"}
    assert where(service, "a") == former
    assert held_by(service, former) == {"ab@example.com", "device-ab"}
    assert service.needs_resolution()
    service.resolve()
    assert clusters(service) == {"ab", "de"}


def test_a_merge_with_enough_left_holds_without_it(service: Service) -> None:
    service.record("observations", [{"account_id": one, "kind": "phone", "value": "+4930901820"} for one in "bc"])
    link(service, "abc")
    former = where(service, "a")
    before = {str(merge.right): merge.bits for merge in service.merges_of([former])[former]}
    effect = foreseen(service, order("c", "device", "device-bc"))
    assert effect.summary == "1 observation withdrawn. Clusters stay as they are."
    assert effect.publication_id is not None
    assert clusters(service) == {"abc"}
    assert held_by(service, former) == {"ab@example.com", "device-ab", "bc@example.com", "+4930901820"}
    merges = service.merges_of([former])[former]
    assert "device-bc" not in {piece.value for merge in merges for piece in merge.evidence}
    weakened = [
        merge for merge in merges if merge.bits is not None and merge.bits < (before[str(merge.right)] or 0) - 1
    ]
    assert len(weakened) == 1
    service.resolve()
    assert clusters(service) == {"abc"}


def test_said_again_it_still_does_not_count_until_it_is_reinstated(service: Service) -> None:
    link(service, "abc")
    service.withdraw(order("c"))
    link(service, "abc")
    assert clusters(service) == {"ab"}
    listed = service.withdrawals()
    assert {(row["subject_id"], row["value"]) for row in listed} == {("c", "bc@example.com"), ("c", "device-bc")}
    assert {(row["author"], row["reason"]) for row in listed} == {("ann", "it was wrong")}
    service.withdraw(order("b", "device", "device-bc"))
    service.withdraw(order("b", "device", "device-bc", withdrawn=False))
    effect = foreseen(service, order("c", withdrawn=False))
    assert effect.summary == (
        "2 observations reinstated. Clusters stay as they are. What that joins, the next resolution joins."
    )
    assert service.withdrawals() == []
    assert clusters(service) == {"ab"}
    service.resolve()
    assert clusters(service) == {"abc"}


def test_of_two_observations_of_one_use_the_reinstated_one_is_not_listed(service: Service) -> None:
    link(service, "ab")
    service.record("observations", [{"account_id": "a", "kind": "device", "value": "device-ab", "source": "crm"}])
    service.withdraw(order("a", "device"))
    service.withdraw(order("a", "device", source="crm", withdrawn=False))
    assert [row["source"] for row in service.withdrawals()] == [None]


def test_another_observation_of_the_same_use_counts(service: Service) -> None:
    link(service, "abc")
    service.withdraw(order("c"))
    for kind, value in (("email", "bc@example.com"), ("device", "device-bc")):
        service.record("observations", [{"account_id": "c", "kind": kind, "value": value, "count": 3}])
    service.resolve()
    assert clusters(service) == {"abc"}


def test_a_whole_source_is_withdrawn(service: Service) -> None:
    link(service, "ab")
    bad = [{"account_id": one, "kind": "device", "value": "swapped", "source": "crm"} for one in "abxyz"]
    bad += [{**row, "kind": "email", "value": "swapped@example.com"} for row in bad]
    service.record("observations", bad)
    service.resolve()
    assert clusters(service) == {"abxyz"}
    foreseen(service, order(None, source="crm"))
    assert clusters(service) == {"ab"}
    service.resolve()
    assert clusters(service) == {"ab"}


def test_what_a_decision_holds_together_stays(service: Service) -> None:
    link(service, "abc")
    service.decide([Statement("b", "c", Judgement.SAME, "ann", "same card")])
    foreseen(service, order("c"))
    assert clusters(service) == {"abc"}
    service.resolve()
    assert clusters(service) == {"abc"}


def test_a_graph_made_anew_knows_what_was_withdrawn(service: Service) -> None:
    link(service, "abc")
    service.withdraw(order("c", "device"))
    service.catch_up()
    service.rebuild_graph()
    assert service.check_graph() == []
    text = "MATCH (:Account {id: 'c'})-[:USED]->(i) RETURN i.value AS value"
    assert [row["value"] for row in service.graph.read(text)] == ["bc@example.com"]


def test_a_value_is_taken_however_it_is_spelt(service: Service) -> None:
    link(service, "ab")
    assert foreseen(service, order("a", "E-Mail".replace("-", ""), " AB@EXAMPLE.COM ")).observations == 1


@pytest.mark.parametrize(
    ("wanted", "error"),
    [
        (Order(Selection(), True, "ann", "why"), BadInput),
        (Order(Selection(value="1.2.3.4"), True, "ann", "why"), BadInput),
        (Order(Selection(Subject.account("a")), True, "", " "), BadInput),
        (Order(Selection(Subject.account("nobody")), True, "ann", "why"), NotFound),
        (Order(Selection(Subject.account("a")), False, "ann", "why"), NotFound),
    ],
)
def test_what_selects_nothing_is_refused_and_nothing_is_written(
    service: Service, wanted: Order, error: type[Exception]
) -> None:
    link(service, "ab")
    before = service.ledger.versions()
    with pytest.raises(error):
        service.withdraw(wanted)
    assert service.ledger.versions() == before
