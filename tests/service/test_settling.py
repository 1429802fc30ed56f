"""A resolution is published against what holds by then: younger links and decisions keep their place, and lineage,
evidence and what is provisional say so."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkage.identity import successors
from linkage.ledger import Ledger, results
from linkage.ledger.tables import LINEAGE
from linkage.model import PublicationKind
from linkage.service.resolving import Desk, is_needed, settle
from tests.publications import (
    decide,
    desk_of,
    found,
    held,
    link,
    observe,
    partition,
    parts_held,
    provisional,
    rows_of,
    views,
)

LETTERS = "abcdefgh"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    ledger = Ledger(str(tmp_path / "ledger"))
    observe(ledger, *LETTERS)
    return desk_of(ledger, tmp_path)


def test_a_link_published_meanwhile_stays_and_stays_provisional(desk: Desk) -> None:
    settle(desk, found(desk.ledger, 1, "abc", "d", "x"))
    under_way = found(desk.ledger, 2, "ab", "c", "d", "x")
    link(desk.ledger, "ln_1", "abcx")
    settle(desk, under_way)
    assert set(parts_held(desk.ledger).values()) == {"abx"}
    assert provisional(desk.ledger) == {"x"}
    evidence = {row["value"] for row in rows_of(desk.ledger, results.evidence_now())}
    assert evidence == {"of ab", "of abcx"}
    merges = {(row["left"], row["right"]) for row in rows_of(desk.ledger, results.merges_now())}
    assert merges == {("account:a", "account:b"), ("account:a", "account:x")}
    # The next resolution has seen it and confirms it.
    settle(desk, found(desk.ledger, 3, "abx", "c", "d"))
    assert provisional(desk.ledger) == set()
    assert {row["value"] for row in rows_of(desk.ledger, results.evidence_now())} == {"of abx"}


def test_a_link_that_changes_nothing_of_a_cluster_tells_none_of_it_anew(desk: Desk) -> None:
    settle(desk, found(desk.ledger, 1, "ab", "c", "x"))
    under_way = found(desk.ledger, 2, "ab", "c", "x")
    link(desk.ledger, "ln_1", "abx")
    summary = settle(desk, under_way)
    assert (summary["memberships_changed"], summary["lineage"]) == (0, {})
    assert set(parts_held(desk.ledger).values()) == {"abx"}


def test_parts_of_a_decision_made_meanwhile_stay_apart(desk: Desk) -> None:
    settle(desk, found(desk.ledger, 1, "abcd"))
    former = held(desk.ledger)["a"]
    under_way = found(desk.ledger, 2, "abcd")
    decide(desk.ledger, "a", "d")
    link(desk.ledger, "dc_1", "ab", "cd", kind=PublicationKind.DECISION)
    settle(desk, under_way)
    assert set(parts_held(desk.ledger).values()) == {"ab", "cd"}
    assert held(desk.ledger)["a"] == former


def test_a_decision_without_any_publication_is_not_crossed(desk: Desk) -> None:
    settle(desk, found(desk.ledger, 1, "ab", "cd"))
    under_way = found(desk.ledger, 2, "abcd")
    decide(desk.ledger, "b", "c")
    settle(desk, under_way)
    assert set(parts_held(desk.ledger).values()) == {"ab", "cd"}


def test_whoever_was_let_go_meanwhile_stays_alone(desk: Desk) -> None:
    settle(desk, found(desk.ledger, 1, "abc"))
    under_way = found(desk.ledger, 2, "abc")
    link(desk.ledger, "dc_1", "ab", "c", kind=PublicationKind.DECISION)
    settle(desk, under_way)
    assert set(parts_held(desk.ledger).values()) == {"ab"}


def test_what_a_link_published_is_a_reason_to_resolve_again(desk: Desk) -> None:
    from linkage.engine import Model

    model = Model.load()
    under_way = found(desk.ledger, 1, "ab", model=model.fingerprint)
    settle(desk, under_way)
    assert not is_needed(desk.ledger, model)
    link(desk.ledger, "ln_1", "abc")
    assert is_needed(desk.ledger, model)


STEP = st.tuples(
    st.lists(st.integers(0, 3), min_size=len(LETTERS), max_size=len(LETTERS)),
    st.lists(st.sampled_from(LETTERS), max_size=3, unique=True),
    st.integers(0, 3),
)


@settings(deadline=None, max_examples=15)
@given(st.lists(STEP, min_size=2, max_size=4))
def test_whatever_is_published_meanwhile_lineage_and_ids_hold_together(
    steps: list[tuple[list[int], list[str], int]],
) -> None:
    with TemporaryDirectory() as folder:
        ledger = Ledger(str(Path(folder) / "ledger"))
        observe(ledger, *LETTERS)
        desk = desk_of(ledger, Path(folder))
        issued: set[str] = set()
        for number, (places, moving, pace) in enumerate(steps):
            under_way = found(ledger, number, *partition(LETTERS, places))
            young = _move_together(ledger, f"ln_{number}", moving[:pace])
            before = parts_held(ledger)
            settle(desk, under_way)
            now = held(ledger)
            issued |= set(now.values())
            # The younger ones are where they were put, with those of their fellows that the resolution keeps together.
            assert provisional(ledger) == {one for one in young if one in now}
            for cluster, members in before.items():
                together = {now.get(one) for one in members if one in young}
                assert len(together) <= 1, cluster
            if not young:
                expected = {"".join(sorted(part)) for part in partition(LETTERS, places) if len(part) > 1}
                assert set(parts_held(ledger).values()) == expected
            _holds_together(ledger, issued)


def _move_together(ledger: Ledger, publication_id: str, moving: list[str]) -> set[str]:
    """Link some subjects, with everybody in their clusters; return whom that moved."""
    before = held(ledger)
    clusters = {before[one] for one in moving if one in before}
    whole = set(moving) | {one for one, cluster in before.items() if cluster in clusters}
    if len(whole) < 2:
        return set()
    link(ledger, publication_id, "".join(sorted(whole)))
    rows = rows_of(ledger, f"FROM memberships WHERE publication_id = '{publication_id}'")
    return {row["subject_id"] for row in rows}


def _holds_together(ledger: Ledger, issued: set[str]) -> None:
    live = {row["cluster_id"]: row["size"] for row in rows_of(ledger, results.clusters_now())}
    sizes = {cluster: len(members) for cluster, members in parts_held(ledger).items()}
    assert live == sizes
    with views(ledger) as connection:
        lineage = connection.sql(results.lineage_now()).to_arrow_table().cast(LINEAGE.schema)
    for cluster in issued:
        assert set(successors(lineage, cluster)) <= set(live)
        if cluster in live:
            assert successors(lineage, cluster) == [cluster]
    members = parts_held(ledger)
    for row in rows_of(ledger, results.merges_now()):
        ends = {row["left"].removeprefix("account:"), row["right"].removeprefix("account:")}
        assert ends <= set(members[row["cluster_id"]])
