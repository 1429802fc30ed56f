"""What holds now is the last word of a finished resolution, and nothing that an interrupted one left behind."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from linkage.ledger import Ledger, results
from linkage.model import Decision, End, Judgement, Subject
from tests.ledger.facts import START, account, rows_of


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(str(tmp_path / "ledger"))


def publish(ledger: Ledger, resolution: str, *, finished: bool = True, **tables: list[dict[str, object]]) -> None:
    for table, rows in tables.items():
        stamp = {"publication_id": resolution} | ({"told_by": resolution} if table == "clusters" else {})
        ledger.append(table, rows_of(table, *(stamp | row for row in rows)))
    if finished:
        ledger.append("resolutions", rows_of("resolutions", {"resolution_id": resolution, "finished_at": START}))
        ledger.append("publications", rows_of("publications", {"publication_id": resolution, "at": START}))


def ask(ledger: Ledger, sql: str, columns: str) -> list[tuple[object, ...]]:
    with duckdb.connect() as connection:
        ledger.snapshot().register(connection)
        return sorted(connection.execute(f"SELECT {columns} FROM ({sql})").fetchall())


def member(subject: str, cluster: str | None) -> dict[str, object]:
    return {"subject_type": "account", "subject_id": subject, "cluster_id": cluster, "confidence": 0.9}


def test_every_text_answers_on_an_empty_ledger(ledger: Ledger) -> None:
    texts = [name for name in dir(results) if name.endswith("_now")]
    assert len(texts) == 13
    for name in (*texts, "last_resolution"):
        assert ask(ledger, getattr(results, name)(), "*") == []


def test_the_last_row_of_an_account_or_organisation_counts(ledger: Ledger) -> None:
    ledger.append("accounts", account("a", "open"))
    ledger.append("accounts", account("b", "open"))
    ledger.append("accounts", account("a", "closed"))
    ledger.append("organisations", rows_of("organisations", *({"organisation_id": "o", "name": n} for n in "xyz")))
    for _ in range(2):
        assert ask(ledger, results.accounts_now(), "account_id, status") == [("a", "closed"), ("b", "open")]
        assert ask(ledger, results.organisations_now(), "organisation_id, name") == [("o", "z")]
        ledger.compact(retention_hours=0)


def test_the_last_decision_on_a_pair_counts_whichever_way_round(ledger: Ledger) -> None:
    pairs = [("account:a", "account:b", "same"), ("account:b", "account:a", "different"), ("a", "c", "same")]
    names = ("left", "right", "judgement")
    ledger.append("decisions", rows_of("decisions", *(dict(zip(names, pair, strict=True)) for pair in pairs)))
    found = ask(ledger, results.decisions_now(), '"left", judgement')
    assert found == [("a", "same"), ("account:b", "different")]


def test_a_decision_loaded_late_does_not_take_back_what_was_decided_later(ledger: Ledger) -> None:
    def decide(*said: tuple[str, int | None]) -> None:
        for judgement, day in said:
            at = None if day is None else START + timedelta(days=day)
            row = {"left": "account:a", "right": "account:b", "judgement": judgement, "decided_at": at}
            ledger.append("decisions", rows_of("decisions", row))

    decide(("undecided", 5), ("same", 1))
    assert ask(ledger, results.decisions_now(), "judgement") == [("undecided",)]
    # One without a time was decided when it was taken: after all that was there.
    decide(("different", None))
    assert ask(ledger, results.decisions_now(), "judgement") == [("different",)]
    decide(("same", 4))
    assert ask(ledger, results.decisions_now(), "judgement") == [("different",)]
    decide(("same", 6))
    assert ask(ledger, results.decisions_now(), "judgement") == [("same",)]


def test_memberships_follow_the_resolutions_and_those_who_left_are_gone(ledger: Ledger) -> None:
    publish(ledger, "r1", memberships=[member("a", "c1"), member("b", "c1"), member("c", "c2")])
    publish(ledger, "r2", memberships=[member("b", "c2"), member("a", None)])
    found = ask(ledger, results.memberships_now(), "subject_id, cluster_id, publication_id")
    assert found == [("b", "c2", "r2"), ("c", "c2", "r1")]


def test_an_unfinished_resolution_does_not_count(ledger: Ledger) -> None:
    publish(
        ledger, "r1", memberships=[member("a", "c1"), member("b", "c1")], clusters=[{"cluster_id": "c1", "size": 2}]
    )
    publish(
        ledger,
        "killed",
        finished=False,
        memberships=[member("a", "c9")],
        clusters=[{"cluster_id": "c9", "size": 2}],
        lineage=[{"event": "born", "cluster_id": "c9"}],
    )
    assert ask(ledger, results.memberships_now(), "subject_id, cluster_id") == [("a", "c1"), ("b", "c1")]
    assert ask(ledger, results.clusters_now(), "cluster_id") == [("c1",)]
    assert ask(ledger, results.lineage_now(), "cluster_id") == []
    # The next resolution is not disturbed by what lies there.
    publish(ledger, "r2", memberships=[member("a", "c2")])
    assert ask(ledger, results.memberships_now(), "subject_id, cluster_id") == [("a", "c2"), ("b", "c1")]


def test_ended_clusters_are_not_live_and_take_their_evidence_along(ledger: Ledger) -> None:
    evidence = [{"cluster_id": c, "kind": "ip", "value": v, "bits": 1.0} for c, v in (("c1", "x"), ("c2", "y"))]
    publish(
        ledger,
        "r1",
        clusters=[{"cluster_id": "c1", "size": 2}, {"cluster_id": "c2", "size": 2}],
        evidence=evidence,
        merges=[{"cluster_id": "c1", "left": "account:a", "right": "account:b"}],
        identifiers=[{"kind": "ip", "value": "x", "holders": 2}, {"kind": "ip", "value": "y", "holders": 2}],
    )
    publish(
        ledger,
        "r2",
        clusters=[{"cluster_id": "c1", "size": 3}, {"cluster_id": "c2", "size": 0}],
        evidence=[{"cluster_id": "c1", "kind": "ip", "value": "z", "bits": 2.0}],
        identifiers=[{"kind": "ip", "value": "x", "holders": 3}, {"kind": "ip", "value": "y", "holders": 1}],
    )
    assert ask(ledger, results.clusters_now(), "cluster_id, size") == [("c1", 3)]
    assert ask(ledger, results.evidence_now(), "cluster_id, value") == [("c1", "z")]
    assert ask(ledger, results.merges_now(), "cluster_id") == []
    assert ask(ledger, results.identifiers_now(), "value, holders") == [("x", 3)]


def test_lineage_comes_in_the_order_of_the_resolutions(ledger: Ledger) -> None:
    publish(ledger, "r1", lineage=[{"event": "born", "cluster_id": c} for c in ("c2", "c1")])
    publish(ledger, "r2", lineage=[{"event": "merged", "cluster_id": "c1", "successor_id": "c2"}])
    with duckdb.connect() as connection:
        ledger.snapshot().register(connection)
        found = connection.execute(f"SELECT event, cluster_id FROM ({results.lineage_now()})").fetchall()
    assert found == [("born", "c2"), ("born", "c1"), ("merged", "c1")]


def test_the_last_resolution_is_the_last_that_finished(ledger: Ledger) -> None:
    publish(ledger, "r1")
    publish(ledger, "r2")
    publish(ledger, "r3", finished=False, lineage=[{"event": "born", "cluster_id": "c"}])
    assert ask(ledger, results.last_resolution(), "resolution_id") == [("r2",)]


def test_a_retracted_decision_no_longer_counts_and_the_one_before_it_does_again(ledger: Ledger) -> None:
    def decide(judgement: str, day: int) -> str:
        one, other = (End.of(Subject.account(name)) for name in "ab")
        said = Decision(one, other, Judgement(judgement), decided_at=START + timedelta(days=day))
        ledger.append("decisions", rows_of("decisions", said.row))
        return said.id

    def retract(identity: str, author: str) -> None:
        row = {"decision_id": identity, "author": author, "retracted_at": START}
        ledger.append("retractions", rows_of("retractions", row))

    ids = [decide(judgement, day) for day, judgement in enumerate(("same", "undecided", "different"))]
    assert len(set(ids)) == 3
    assert ask(ledger, results.decisions_now(), "judgement") == [("different",)]
    retract(ids[1], "ann")
    assert ask(ledger, results.decisions_now(), "judgement") == [("different",)]
    retract(ids[2], "ann")
    retract(ids[2], "eve")
    assert ask(ledger, results.decisions_now(), "judgement") == [("same",)]
    assert ask(ledger, results.retractions_now(), "decision_id, author") == sorted((ids[n], "ann") for n in (1, 2))
    retract(ids[0], "ann")
    assert ask(ledger, results.decisions_now(), "judgement") == []
