"""What is erased is nowhere: not in the ledger's files, not in the graph, not beside them; others stay as they were."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from linkage.errors import NotFound
from linkage.graph.connection import Connection, Graph
from linkage.ledger.erasure import Edit
from linkage.model import Judgement, Subject
from linkage.service import Service
from linkage.service.deciding import Statement
from linkage.service.erasing import Wanted
from linkage.settings import Settings
from tests.conftest import QUICK
from tests.small_service import settings_for
from tests.small_world import link, where

#: What is planted of one account and one organisation, each where it may turn up.
ACCOUNT, ORGANISATION = "acct-zq81x", "org-zq82x"
PLANTED = {
    "email": "Zq83x.Zq83x@planted.example",
    "ip": "203.0.113.183",
    "device": "device-zq84x",
    "person_name": "Zq85x Zq86x",
}
MARKS = (
    "zq81x", "zq82x", "zq83x", "203.0.113.183", "zq84x", "zq85x", "zq86x", "zq87x", "zq88x", "zq89x", "planted.example",
)  # fmt: skip


@pytest.fixture
def settings(neo4j: Connection, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return settings_for(tmp_path_factory.mktemp("project"), neo4j)


@pytest.fixture
def service(settings: Settings, graph: Graph) -> Iterator[Service]:
    with Service.open(settings) as opened:
        yield opened


def plant(service: Service) -> None:
    """A ring of a, b, c and the planted account; an organisation; rejected rows, reasons, attributes, decisions."""
    shared = {"email": "ring@example.com", "device": "device-ring"}
    rows: list[dict[str, object]] = [
        {"account_id": one, "kind": kind, "value": value}
        for one in ("aaa1", "bbb1", ACCOUNT)
        for kind, value in shared.items()
    ]
    rows += [{"account_id": ACCOUNT, "kind": kind, "value": value} for kind, value in PLANTED.items()]
    rows += [{"organisation_id": ORGANISATION, "kind": "phone", "value": "+4930901820"}]
    rows += [{"account_id": "aaa1", "kind": "phone", "value": "+4930901820"}]
    # Rejected, about the planted account and about another that names its address.
    rows += [
        {"account_id": ACCOUNT, "kind": "ip", "value": "zq87x is no address"},
        {"account_id": "bbb1", "kind": "ip", "value": "from 203.0.113.183, they say"},
    ]
    service.record("observations", rows)
    attributes = {"note": "Zq88x"}
    service.record("organisations", [{"organisation_id": ORGANISATION, "name": "Zq89x Ltd"}])
    service.record(
        "accounts",
        [
            {"account_id": ACCOUNT, "organisation_id": ORGANISATION, "display_name": "Zq85x Zq86x", **attributes},
            {"account_id": "aaa1", "organisation_id": ORGANISATION, "referred_by": ACCOUNT},
            {"account_id": "ccc1"},
        ],
    )
    service.record(
        "usage", [{"account_id": ACCOUNT, "window_start": "2026-05-03T10:00:00Z", "requests": 3, "input_tokens": 9}]
    )
    link(service, "de")
    former = where(service, "aaa1")
    service.decide(
        [
            Statement(f"account:{ACCOUNT}", "account:x", Judgement.DIFFERENT, "ann", "seen before"),
            Statement("account:aaa1", "account:x", Judgement.DIFFERENT, "ann", f"says {ACCOUNT}, at 203.0.113.183."),
            Statement(f"cluster:{former}", "account:ccc1", Judgement.SAME, "ann", "one support ticket"),
        ]
    )
    service.resolve()
    service.catch_up()


def traces(folder: Path, marks: tuple[str, ...] = MARKS) -> list[str]:
    """Where any mark is left in a folder: its bytes, in UTF-8 and UTF-16, compressed columns, names of files."""
    found = []
    for path in folder.rglob("*"):
        texts = [path.name.encode()]
        if path.is_file():
            texts.append(path.read_bytes())
        if path.suffix == ".parquet":
            texts += [str(column.to_pylist()).encode() for column in pq.read_table(path).columns]
        for text in texts:
            lower = text.lower()
            held = [mark for mark in marks if mark.encode() in lower or mark.encode("utf-16-le") in lower]
            found += [f"{path.relative_to(folder)}: {mark}" for mark in held]
    return sorted(set(found))


def in_graph(graph: Graph) -> list[str]:
    """Where any of the marks is left in the graph."""
    nodes = graph.read("MATCH (n) RETURN labels(n) AS labels, properties(n) AS held")
    edges = graph.read("MATCH ()-[r]->() RETURN type(r) AS labels, properties(r) AS held")
    return [str(row) for row in (*nodes, *edges) if any(mark in str(row["held"]).lower() for mark in MARKS)]


def together(service: Service) -> set[frozenset[str]]:
    """The clusters of more than one account."""
    rows = service.clusters_of_accounts().to_pylist()
    found = {
        row["cluster_id"]: {each["account_id"] for each in rows if each["cluster_id"] == row["cluster_id"]}
        for row in rows
    }
    return {frozenset(members) for members in found.values() if len(members) > 1}


def erase_all(service: Service) -> None:
    service.erase(Wanted(subject=Subject.account(ACCOUNT)))
    service.erase(Wanted(subject=Subject.organisation(ORGANISATION)))


def test_of_an_erased_subject_no_trace_is_left_and_others_are_as_they_were(
    service: Service, settings: Settings
) -> None:
    plant(service)
    ring, other = where(service, "aaa1"), where(service, "d")
    assert where(service, ACCOUNT) == ring
    assert {trace.rpartition(" ")[2] for trace in traces(settings.data)} == set(MARKS)
    assert in_graph(service.graph)
    service.ledger.compact()
    foreseen = service.preview_erasure(Wanted(subject=Subject.account(ACCOUNT)))
    erase_all(service)
    assert {one.table: one.removed for one in foreseen.tables}["observations"] == 6
    assert traces(settings.data) == []
    assert in_graph(service.graph) == []
    assert service.check_graph() == []
    assert service.ledger.verify(deep=True) == []
    assert (where(service, "aaa1"), where(service, "d")) == (ring, other)
    assert together(service) == {frozenset({"aaa1", "bbb1", "ccc1"}), frozenset("de")}
    service.resolve()
    assert together(service) == {frozenset({"aaa1", "bbb1", "ccc1"}), frozenset("de")}
    assert where(service, "aaa1") == ring
    assert traces(settings.data) == []
    with pytest.raises(NotFound, match="nothing is held"):
        service.erase(Wanted(subject=Subject.account(ACCOUNT)))


def test_what_was_cut_off_is_taken_up_and_done_twice_does_nothing_more(
    service: Service, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(service)
    whole = service.ledger.erase

    def cut_off(given: dict[str, Edit]) -> None:
        whole({table: given[table] for table in list(given)[-3:]})
        raise KeyboardInterrupt

    with monkeypatch.context() as killed:
        killed.setattr(service.ledger, "erase", lambda given, **_: cut_off(given))
        with pytest.raises(KeyboardInterrupt):
            service.erase(Wanted(subject=Subject.account(ACCOUNT)))
    with Service.open(settings) as restarted:
        assert restarted.finish_erasures() == 1
        assert restarted.finish_erasures() == 0
        restarted.erase(Wanted(subject=Subject.organisation(ORGANISATION)))
        assert traces(settings.data) == []
        assert in_graph(restarted.graph) == []
        assert restarted.check_graph() == []


def test_an_identifier_goes_with_everybodys_use_of_it_and_what_rests_on_it_comes_apart(
    service: Service, settings: Settings
) -> None:
    link(service, "abc", "de")
    ring = where(service, "a")
    for kind, value in (("email", "BC@example.com"), ("device", "device-bc")):
        service.erase(Wanted(kind=kind, value=value))
    assert together(service) == {frozenset("ab"), frozenset("de")}
    assert where(service, "a") == ring
    assert service.check_graph() == []
    assert traces(settings.data, ("bc@example.com", "device-bc")) == []


def test_the_same_file_brings_nothing_back_and_a_new_word_is_a_new_fact(
    service: Service, settings: Settings, tmp_path: Path
) -> None:
    file = tmp_path / "observations.csv"
    file.write_text(f"account_id,kind,value\n{ACCOUNT},device,device-zq84x\n")
    service.load([file])
    service.erase(Wanted(subject=Subject.account(ACCOUNT)))
    assert service.load([file]).accepted == 0
    assert service.record("observations", [{"account_id": ACCOUNT, "kind": "device", "value": "device-zq84x"}]).accepted


def test_a_managed_neo4j_keeps_no_byte_of_it_either(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", " ".join(QUICK))
    settings = Settings.load({"LINKAGE_DATA": str(tmp_path / "data"), "LINKAGE_CACHE": str(cache)})
    with Service.open(settings) as service:
        plant(service)
        # Somebody, we ourselves, uses the server: its files have to wait.
        assert "when it is next started" in service.erase(Wanted(subject=Subject.account(ACCOUNT))).left[0]
        assert traces(settings.data / "neo4j")
    with Service.open(settings) as service:
        assert service.erase(Wanted(subject=Subject.organisation(ORGANISATION))).left == []
        assert service.check_graph() == []
        assert together(service) == {frozenset({"aaa1", "bbb1", "ccc1"}), frozenset("de")}
    assert traces(settings.data) == []
