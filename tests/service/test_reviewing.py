"""A resolution that would change much waits for a person, and is published against what holds when it is approved."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from linkage.errors import Conflict, NotFound
from linkage.ledger import Ledger
from linkage.service import resolving, reviewing
from linkage.service.resolving import Desk, settle
from tests.publications import desk_of, found, held, link, observe, parts_held, provisional

LETTERS = "abcdefghijklmnopqrst"
PAIRS = tuple(LETTERS[i : i + 2] for i in range(0, len(LETTERS), 2))
FOURS = tuple(LETTERS[i : i + 4] for i in range(0, len(LETTERS), 4))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Ten pairs, and a gate of a tenth."""
    ledger = Ledger(str(tmp_path / "ledger"))
    observe(ledger, *LETTERS)
    desk = desk_of(ledger, tmp_path, gate=0.1)
    assert not settle(desk, found(ledger, 1, *PAIRS))["waiting"]
    return desk


def test_the_first_resolution_never_waits_and_newcomers_do_not_count(desk: Desk) -> None:
    observe(desk.ledger, *"ABCDEFGHIJKLMNOPQRST")
    grown = [pair + newcomer for pair, newcomer in zip(PAIRS, "ABCDEFGHIJ", strict=True)]
    summary = settle(desk, found(desk.ledger, 2, *grown, "KLMNOPQRST"))
    assert (summary["waiting"], summary["changes"]["known"], summary["changes"]["memberships"]) == (False, 0, 20)


def test_what_changes_much_waits_with_a_report_and_nothing_of_it_holds(desk: Desk) -> None:
    before = parts_held(desk.ledger)
    summary = settle(desk, found(desk.ledger, 2, *FOURS, model="2"))
    assert summary["waiting"]
    report = summary["changes"]
    assert (report["memberships"], report["known"], report["share"]) == (10, 10, 0.5)
    assert report["clusters"] == {"grew": 5, "merged": 5}
    assert (report["model_before"], report["model_after"], report["since"]) == ("1", "2", "rs_1")
    assert {(row["before"], row["after"], row["moved"]) for row in report["largest"]} == {(2, 4, 2), (2, 0, 2)}
    assert parts_held(desk.ledger) == before
    assert reviewing.waiting(desk.ledger) == ["rs_2"]


def test_an_approved_one_is_published_and_links_made_meanwhile_stay(desk: Desk) -> None:
    observe(desk.ledger, "Z")
    settle(desk, found(desk.ledger, 2, *FOURS, "Z"))
    link(desk.ledger, "ln_1", "abZ")
    summary = resolving.approve(desk, "rs_2", author="ann", reason="looked at it")
    assert set(parts_held(desk.ledger).values()) == {"".join(sorted("abcdZ")), *FOURS[1:]}
    assert provisional(desk.ledger) == {"Z"}
    assert summary["changes"]["known"] == 10
    review = reviewing.reviews(desk.ledger)["rs_2"]
    assert (review["state"], review["author"], review["reason"]) == ("approved", "ann", "looked at it")
    with pytest.raises(Conflict, match="approved already"):
        resolving.approve(desk, "rs_2", author="ann")


def test_a_refused_one_is_never_published_and_is_no_reason_to_resolve_again(desk: Desk) -> None:
    from linkage.engine import Model

    model = Model.load()
    settle(desk, found(desk.ledger, 2, *FOURS, model=model.fingerprint))
    before = parts_held(desk.ledger)
    resolving.refuse(desk, "rs_2", author="ann", reason="a data error")
    assert parts_held(desk.ledger) == before
    assert not resolving.is_needed(desk.ledger, model)
    assert list(desk.room.folder.iterdir()) == []
    with pytest.raises(Conflict, match="was refused"):
        resolving.approve(desk, "rs_2", author="ann")
    observe(desk.ledger, "Z")
    assert resolving.is_needed(desk.ledger, model)


def test_whatever_is_resolved_after_it_overtakes_one_that_waits(desk: Desk) -> None:
    settle(desk, found(desk.ledger, 2, *FOURS))
    settle(desk, found(desk.ledger, 3, *FOURS))
    assert reviewing.waiting(desk.ledger) == ["rs_3"]
    settle(replace(desk, gate=None), found(desk.ledger, 4, *FOURS))
    assert reviewing.waiting(desk.ledger) == []
    for old in ("rs_2", "rs_3"):
        with pytest.raises(Conflict, match="overtaken") as told:
            resolving.approve(desk, old, author="ann")
        assert "Resolve anew" in str(told.value)
    with pytest.raises(NotFound):
        resolving.refuse(desk, "rs_4", author="ann")


def test_one_that_was_cut_off_while_it_was_approved_is_to_be_made_anew(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(desk, found(desk.ledger, 2, *FOURS))
    with monkeypatch.context() as patch:
        patch.setattr(resolving, "publish", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            resolving.approve(desk, "rs_2", author="ann")
    assert set(parts_held(desk.ledger).values()) == set(PAIRS)
    with pytest.raises(Conflict):
        resolving.approve(desk, "rs_2", author="ann")
    settle(replace(desk, gate=None), found(desk.ledger, 3, *FOURS))
    assert set(parts_held(desk.ledger).values()) == set(FOURS)


def test_what_is_not_kept_here_cannot_be_approved(desk: Desk) -> None:
    settle(desk, found(desk.ledger, 2, *FOURS))
    desk.room.drop("rs_2")
    with pytest.raises(Conflict, match="not kept"):
        resolving.approve(desk, "rs_2", author="ann")


def test_churn_counts_who_moves_though_nothing_new_was_said_around(desk: Desk) -> None:
    moved = ("abcd", *PAIRS[2:])
    report = settle(desk, found(desk.ledger, 2, *moved))["changes"]
    assert (report["churned"], report["churn"]) == (2, 0.1)
    observe(desk.ledger, "Z", "f")  # something new of f, who is with e; nothing of c and d
    desk.ledger.append("observations", _another("f"))
    report = settle(desk, found(desk.ledger, 3, "abcd", "efgh", *PAIRS[4:], "Z"))["changes"]
    assert (report["memberships"], report["churned"]) == (2, 0)


def test_nothing_churns_where_nothing_was_said(desk: Desk) -> None:
    before = held(desk.ledger)
    report = settle(desk, found(desk.ledger, 2, *PAIRS[::-1]))["changes"]
    assert (report["memberships"], report["churned"], report["churn"]) == (0, 0, 0.0)
    assert held(desk.ledger) == before


def _another(letter: str) -> object:
    import pyarrow as pa

    from linkage.ledger.tables import OBSERVATIONS

    row = {"subject_type": "account", "subject_id": letter, "kind": "ip", "value": "203.0.113.7"}
    return pa.Table.from_pylist([row], schema=OBSERVATIONS.schema)
