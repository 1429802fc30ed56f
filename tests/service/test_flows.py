"""The flows on a real ledger and a real Neo4j."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from linkage.errors import DatabaseUnavailable, LedgerDamaged
from linkage.graph.connection import Connection, Graph
from linkage.graph.projection import BATCH
from linkage.model import Rejection, Subject
from linkage.scenario import generate
from linkage.service import Service
from linkage.service.explaining import told
from linkage.service.recording import rejection_rows
from linkage.settings import Settings


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small world with its truth, in the load format."""
    folder = tmp_path_factory.mktemp("world")
    generate("mixed", 1_000, 7, folder)
    return folder


@pytest.fixture
def settings(neo4j: Connection, tmp_path: Path) -> Settings:
    return Settings.load(
        {
            "LINKAGE_DATA": str(tmp_path / "data"),
            "LINKAGE_NEO4J_URI": neo4j.uri,
            "LINKAGE_NEO4J_PASSWORD": neo4j.password,
        }
    )


@pytest.fixture
def service(settings: Settings, graph: Graph) -> Iterator[Service]:
    with Service.open(settings) as opened:
        yield opened


def test_loading_the_same_files_twice_changes_nothing(service: Service, world: Path) -> None:
    first = service.load([world])
    assert first.accepted > 1_000
    assert first.rejected == 0
    versions = service.ledger.versions()
    again = service.load([world])
    assert again.accepted == 0
    assert service.ledger.versions() == versions


def test_the_truth_is_never_loaded(service: Service, world: Path) -> None:
    assert "truth" not in {line.record for line in service.load([world]).loaded.values()}


def test_a_resolution_is_published_and_the_next_one_on_the_same_facts_changes_nothing(
    service: Service, world: Path
) -> None:
    service.load([world])
    assert service.needs_resolution()
    first = service.resolve()
    assert first["lineage"]["born"] == first["clusters"] > 0
    assert not service.needs_resolution()
    second = service.resolve()
    assert (second["memberships_changed"], second["lineage"]) == (0, {})
    service.catch_up()
    clusters = service.graph.read("MATCH (c:Cluster)<-[:IN]-(a) RETURN c.id AS id, c.size AS size, count(a) AS members")
    assert len(clusters) == first["clusters"]
    assert all(cluster["size"] == cluster["members"] for cluster in clusters)


def test_clusters_keep_their_ids_when_facts_arrive(service: Service, world: Path) -> None:
    service.load([world])
    service.resolve()
    before = {cluster["cluster_id"] for cluster in service.largest_clusters(limit=5)}
    recorded = service.record("accounts", [{"account_id": "newcomer", "created_at": "2026-06-01T00:00:00Z"}])
    assert recorded.accepted == 1
    service.resolve()
    assert before == {cluster["cluster_id"] for cluster in service.largest_clusters(limit=5)}


def test_a_rebuilt_graph_is_the_same_graph(service: Service, world: Path) -> None:
    service.load([world])
    service.resolve()
    service.catch_up()
    assert service.check_graph() == []
    ids = service.graph.read("MATCH (c:Cluster) RETURN c.id AS id ORDER BY id")
    service.rebuild_graph()
    assert service.check_graph() == []
    assert service.graph.read("MATCH (c:Cluster) RETURN c.id AS id ORDER BY id") == ids


def test_a_graph_that_was_tampered_with_is_told(service: Service, world: Path) -> None:
    service.load([world])
    service.resolve()
    service.catch_up()
    service.graph.write("MATCH (:Account)-[u:USED]->() WITH u LIMIT 1 SET u.count = u.count + 1")
    service.graph.write("MATCH (c:Cluster)<-[i:IN]-() WITH i LIMIT 1 DELETE i")
    assert len(service.check_graph()) >= 2


def test_facts_are_taken_while_neo4j_is_away_and_reach_it_later(
    service: Service, settings: Settings, neo4j: Connection
) -> None:
    away = settings.model_copy(update={"neo4j_uri": "bolt://127.0.0.1:9"})
    with Service.open(away) as cut_off:
        rows = [{"account_id": "a", "kind": "email", "value": "ann@example.com"}]
        assert cut_off.record("observations", rows).accepted == 1
        with pytest.raises(DatabaseUnavailable):
            cut_off.catch_up()
    service.catch_up()
    found = service.graph.read("MATCH (a:Account)-[:USED]->(i:Email) RETURN a.id AS id, i.value AS value")
    assert found == [{"id": "a", "value": "ann@example.com"}]


@pytest.mark.parametrize("largest", [BATCH, 2])
def test_commits_that_wait_reach_the_graph_together(
    service: Service, monkeypatch: pytest.MonkeyPatch, largest: int
) -> None:
    monkeypatch.setattr("linkage.service.projecting.BATCH", largest)
    service.record("accounts", [{"account_id": "a", "country": "NL"}])
    service.catch_up()
    for day in (3, 1, 2):
        use = {"kind": "ip", "value": "198.51.100.7", "first_seen": f"2026-06-0{day}T00:00:00Z"}
        service.record("observations", [{**use, "account_id": who} for who in ("a", f"b{day}")])
        service.record("accounts", [{"account_id": "a", "country": f"N{day}", "organisation_id": f"o{day}"}])
        service.record("usage", [{"account_id": "a", "window_start": f"2026-06-0{day}T00:00:00Z", "requests": 5}])
    assert service.catch_up() == 9
    assert service.check_graph() == []
    assert service.catch_up() == 0


def test_a_ledger_that_was_set_back_is_told(service: Service, settings: Settings) -> None:
    for who in ("a", "b"):
        service.record("accounts", [{"account_id": who}])
    service.catch_up()
    shutil.rmtree(settings.data / "ledger")
    with Service.open(settings) as again, pytest.raises(LedgerDamaged, match="set back"):
        again.record("accounts", [{"account_id": "c"}])
        again.catch_up()


def test_similar_names_are_published_explained_and_checked(service: Service) -> None:
    said = {
        "a": {"organisation_name": "Itsy Bitsy Palace", "postal_address": "4520 N Beacon St"},
        "b": {"organisation_name": "Itsy Bitsy Palace School", "postal_address": "4520 N Beacon St"},
        "c": {"organisation_name": "Itsy Bitsy Palace School", "postal_address": "4520 N Beacon"},
        "d": {"organisation_name": "Dandelion", "postal_address": "1 Elm St"},
    }
    rows = [
        {"account_id": who, "kind": kind, "value": value} for who, held in said.items() for kind, value in held.items()
    ]
    service.record("observations", rows)
    assert service.resolve()["clusters"] == 1
    service.catch_up()
    assert service.check_graph() == []
    pair = "itsy bitsy palace ~ itsy bitsy palace school"
    tied = "MATCH (:Cluster)-[:EVIDENCED_BY]->(i {kind: 'similar_organisation_name'}) RETURN i.value AS value"
    assert service.graph.read(tied) == [{"value": pair}]
    assert service.graph.read("MATCH (i:Identifier {value: $pair})<-[u:USED]-() RETURN u", pair=pair) == []

    direct = service.explain(Subject.account("a"), Subject.account("b"))
    assert [piece.identifier.kind for piece in direct.explanation.evidence] == [
        "postal_address",
        "similar_organisation_name",
    ]
    assert direct.explanation.linked
    (said_of_names,) = [line for line in told(direct) if "similar" in line]
    assert said_of_names.startswith(
        "The two have similar organisation names, “it***ce” and “it***ol”; 1 other has one of them too."
    )
    far = service.explain(Subject.account("a"), Subject.account("d"))
    assert [piece.identifier.kind for piece in far.explanation.evidence] == ["difference"]
    assert any("Each of the two has a postal address, and neither" in line for line in told(far))


def test_an_idempotency_key_writes_once(service: Service) -> None:
    rows = [{"account_id": "a", "kind": "email", "value": "ann@example.com"}]
    assert service.record("observations", rows, idempotency_key="k").accepted == 1
    again = service.record("observations", rows, idempotency_key="k")
    assert (again.accepted, again.repeated) == (0, True)


def test_rejected_rows_are_kept_and_a_replay_without_new_rules_takes_none(service: Service) -> None:
    rows = [{"account_id": "a", "kind": "ip", "value": "not an address"}]
    assert [one.column for one in service.record("observations", rows).rejections] == ["value"]
    kept = service.rejections()
    assert [json.loads(one["raw"])["value"] for one in kept] == ["not an address"]
    assert (service.replay().tried, service.replay().taken) == (1, 0)
    assert len(service.rejections()) == 1


def test_a_row_that_earlier_rules_refused_is_taken_by_a_replay_and_no_longer_listed(service: Service) -> None:
    raw = json.dumps({"account_id": "a", "kind": "ip", "value": "203.0.113.7"})
    refused = Rejection("observations", "old.csv", 2, "value", "BAD_VALUE", "no address", raw)
    service.ledger.append("rejections", rejection_rows([refused], "old"))
    assert (service.replay().taken, service.rejections()) == (1, [])
    assert service.ledger.snapshot().table("observations")["value"].to_pylist() == ["203.0.113.7"]


def test_usage_of_a_cluster_over_time_adds_up_to_its_accounts_usage(service: Service, world: Path) -> None:
    service.load([world])
    service.resolve()
    service.catch_up()
    cluster = max(service.largest_clusters(limit=20), key=lambda one: one["tokens"])
    days = service.usage_of_cluster(cluster["cluster_id"], bucket="day")
    assert sum(day["input_tokens"] + day["output_tokens"] for day in days) == cluster["tokens"] > 0
    stored = service.graph.read("MATCH (c:Cluster {id: $id}) RETURN c.tokens AS tokens", id=cluster["cluster_id"])
    assert stored == [{"tokens": cluster["tokens"]}]
