"""The second look: who is let go, who is taken in, what is told of the merges then; what a confidence is made of."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.datasets import worlds
from linkage.engine import resolve
from linkage.engine.behaviour import gather_activity
from linkage.engine.forest import apart
from linkage.engine.model import Confidence, Curve, Model, Newcomers, Scorecard, Surface
from linkage.engine.scorecard import log_odds, probability
from linkage.engine.second_look import base_rate_bits, how_sure, keep_who_stands, let_go, retell, take_in
from linkage.engine.standing import ASPECTS, EVIDENCE, HOURS, NOBODYS, Beside, when_known
from linkage.engine.tables import Holdings, Ints, Values
from linkage.model.explanation import STANDING


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=1, max_size=30))
def test_who_goes_is_single_and_clusters_are_numbered_by_their_first_subject(subjects: list[tuple[int, bool]]) -> None:
    label = np.array([cluster for cluster, _ in subjects], np.int32)
    gone = np.array([goes for _, goes in subjects])
    following = let_go(label, gone)
    for a in range(len(label)):
        for b in range(a):
            together = label[a] == label[b] and not gone[a] and not gone[b]
            assert (following[a] == following[b]) == together
    first_met = list(dict.fromkeys(following.tolist()))
    assert first_met == list(range(len(first_met)))


@given(st.data())
def test_what_is_retold_builds_the_clusters_of_those_who_stayed(data: st.DataObject) -> None:
    subjects = data.draw(st.integers(2, 16))
    gone = np.array(data.draw(st.lists(st.booleans(), min_size=subjects, max_size=subjects)))
    cluster = list(range(subjects))
    merges = []
    for a, b in data.draw(st.lists(st.tuples(st.integers(0, subjects - 1), st.integers(0, subjects - 1)), max_size=30)):
        if cluster[a] != cluster[b]:
            merges.append((a, b))
            cluster = [cluster[a] if each == cluster[b] else each for each in cluster]
    left = np.array([a for a, _ in merges], np.int32)
    right = np.array([b for _, b in merges], np.int32)
    kept = retell(left, right, gone)
    built = [{subject} for subject in range(subjects)]
    for a, b, left_size, right_size in zip(kept.left, kept.right, kept.left_size, kept.right_size, strict=True):
        assert not gone[a]
        assert not gone[b]
        one, other = next(c for c in built if a in c), next(c for c in built if b in c)
        assert (left_size, right_size) == (len(one), len(other))
        assert (a, b) == (min(one), min(other))
        built = [c for c in built if c not in (one, other)] + [one | other]
    stayed = [s for s in range(subjects) if not gone[s]]
    wanted = Counter(frozenset(s for s in stayed if cluster[s] == number) for number in {cluster[s] for s in stayed})
    assert Counter(frozenset(c) for c in built if not gone[min(c)]) == wanted


def test_a_confidence_is_the_sum_of_its_curves_and_what_is_not_known_adds_what_that_says() -> None:
    curves = {
        "evidence": Curve(at=(0.0, 10.0, 20.0), bits=(-2.0, 0.0, 4.0)),
        "hours": Curve(at=(0.0, 5.0), bits=(-1.0, 3.0), unknown=-0.5, lacking=0.25),
    }
    seen = np.full((5, len(ASPECTS)), np.nan)
    seen[:3, EVIDENCE] = [5.0, 15.0, 99.0]
    seen[2:4, HOURS] = [2.5, NOBODYS]
    assert log_odds(seen, Scorecard(curves=curves)).tolist() == pytest.approx([-1.5, 1.5, 5.0, 0.25, -0.5])
    assert probability(np.array([0.0, 1.0])).tolist() == pytest.approx([1 / 2, 2 / 3])


@pytest.mark.parametrize(
    ("at", "bits", "fault"),
    [((0.0, 0.0), (1.0, 2.0), "must rise"), ((0.0, 1.0), (1.0, 2.0, 3.0), "there must be as many")],
)
def test_a_curve_rises_and_has_bits_for_each_point(at: tuple[float, ...], bits: tuple[float, ...], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        Curve(at=at, bits=bits)


def test_a_surface_adds_what_two_aspects_say_together_where_both_are_known() -> None:
    at = ((0.0, 10.0), (0.0, 1.0, 2.0))
    surface = Surface(aspects=("evidence", "hours"), at=at, bits=((0.0, 1.0, 2.0), (4.0, 5.0, 8.0)))
    seen = np.full((6, len(ASPECTS)), np.nan)
    seen[:4, EVIDENCE] = [0.0, 5.0, 10.0, 99.0]
    seen[[0, 1, 2, 3, 5], HOURS] = [1.0, 0.5, 1.5, -3.0, NOBODYS]
    told = log_odds(seen, Scorecard(curves={}, together=(surface,)))
    assert told.tolist() == pytest.approx([1.0, 2.5, 6.5, 4.0, 0.0, 0.0])


@pytest.mark.parametrize(
    ("at", "bits", "fault"),
    [
        (((0.0, 1.0), (0.0, 0.0)), ((1.0, 2.0), (1.0, 2.0)), "must rise"),
        (((0.0, 1.0), (0.0, 1.0)), ((1.0, 2.0), (1.0,)), "as many rows of as many bits"),
        (((0.0,), (0.0, 1.0)), ((1.0, 2.0),), "two points or more"),
    ],
)
def test_a_surface_has_bits_for_all_its_points(
    at: tuple[tuple[float, ...], tuple[float, ...]], bits: tuple[tuple[float, ...], ...], fault: str
) -> None:
    with pytest.raises(ValueError, match=fault):
        Surface(aspects=("evidence", "hours"), at=at, bits=bits)


def test_every_curve_and_surface_of_the_shipped_model_is_of_an_aspect() -> None:
    model = Model.load()
    for card in (model.confidence, model.newcomers):
        assert set(card.curves) | {aspect for surface in card.together for aspect in surface.aspects} <= set(ASPECTS)


BY_SIZE = Confidence(
    stated=0.97, typical=0.8, least=0.5, least_by_evidence=0.8, curves={"size": Curve(at=(1.0, 2.0), bits=(-4.0, 4.0))}
)


def beside(
    subjects: Sequence[int], clusters: Sequence[int], *, account: bool = True, **figures: Sequence[float]
) -> Beside:
    """What is seen of subjects beside clusters."""
    seen = np.full((len(subjects), len(ASPECTS)), np.nan)
    for aspect, column in figures.items():
        seen[:, ASPECTS.index(aspect)] = column
    whoever = np.full(len(subjects), account)
    return Beside(np.array(subjects, np.int32), np.array(clusters, np.int32), seen, np.ones(len(subjects)), whoever)


def sure_in_a_cluster_of_four(label: Ints) -> Beside:
    """Of three, as of two, not; the first subject never."""
    size = np.bincount(label)
    members = [s for s in range(len(label)) if size[label[s]] > 1]
    figures = [2.0 if size[label[s]] == 4 and s else 1.0 for s in members]
    return beside(members, [label[s] for s in members], size=figures)


def test_who_hung_by_somebody_that_goes_is_looked_at_again_and_whoever_is_stated_stays() -> None:
    stated = np.array([False, False, True, True])
    label = np.zeros(4, np.int32)
    label, gone = keep_who_stands(
        label, sure_in_a_cluster_of_four(label), sure_in_a_cluster_of_four, stated, BY_SIZE, 0.0
    )
    assert gone.tolist() == [True, True, False, False]
    assert label.tolist() == [0, 1, 2, 2]
    assert how_sure(sure_in_a_cluster_of_four(label), stated, BY_SIZE, 0.0).tolist() == [1.0, 1.0, 0.97, 0.97]


def test_records_are_judged_by_evidence_alone() -> None:
    def records(label: Ints) -> Beside:
        found = sure_in_a_cluster_of_four(label)
        odds = np.where(found.subject == 1, 1.9, 2.1)
        return found._replace(odds=odds, account=np.zeros(len(odds), np.bool_))

    label, nobody = np.zeros(4, np.int32), np.zeros(4, np.bool_)
    label, gone = keep_who_stands(label, records(label), records, nobody, BY_SIZE, 0.0)
    assert gone.tolist() == [False, True, False, False]
    sure = how_sure(records(label), nobody, BY_SIZE, 0.0)
    assert sure.tolist() == pytest.approx([1 / (1 + 2**-2.1), 1.0, 1 / (1 + 2**-2.1), 1 / (1 + 2**-2.1)])


@pytest.mark.parametrize("known", ["nothing", "a use", "a sign-up", "an hour"])
def test_an_account_is_of_whom_any_time_is_known(known: str) -> None:
    first = np.array([1.0 if known == "a use" else -np.inf, -np.inf], np.float32)
    created = np.array([1.0 if known == "a sign-up" else np.nan, np.nan], np.float32)
    holdings = Holdings(
        np.array([0, 1], np.int32), np.zeros(2, np.int32), first, -first,
        Values(np.zeros(1, np.int32), np.zeros(1, np.float32), np.zeros(1, np.float32)),
        created, 2, np.zeros(0, np.int64),
    )  # fmt: skip
    worked = np.zeros(1 if known == "an hour" else 0, np.int32)
    assert when_known(holdings, gather_activity(worked, worked, 2)).tolist() == [known != "nothing", False]


@pytest.mark.parametrize(("figure", "judged"), [(2.0, 100_000), (1.0, 100_000), (2.0, 0)])
def test_the_base_rate_moves_with_how_sure_members_look_and_not_on_the_word_of_a_few(
    figure: float, judged: int
) -> None:
    looked_at = beside(range(judged), [0] * judged, size=[figure] * judged)
    bits = base_rate_bits(looked_at, np.zeros(judged, np.bool_), BY_SIZE)
    usual = np.log2(0.8 / 0.2)
    assert bits == pytest.approx((4.0 if figure == 2.0 else -4.0) - usual if judged else 0.0, abs=0.05)


WELCOME = Newcomers(least=0.8, core=2, near=4.0, curves={"evidence": Curve(at=(0.0, 10.0), bits=(-5.0, 5.0))})
NOBODY = apart(np.zeros(0, np.int32), np.zeros(0, np.int32))


def test_newcomers_are_taken_in_turn_by_turn_and_told_with_the_cluster_as_it_was() -> None:
    """4 stands beside {1, 2}, 0 and 3 beside {1, 2, 4} only; 5 stands nowhere."""

    def newcomers(label: Ints) -> Beside:
        alone = [s for s in (0, 3, 4, 5) if (label == label[s]).sum() == 1]
        clusters = [label[1]] * len(alone)
        evidence = {0: 9.0, 3: 8.0, 4: 10.0, 5: 1.0}
        grown = label[4] == label[1]
        return beside(alone, clusters, evidence=[evidence[s] if grown or s in (4, 5) else 0.0 for s in alone])

    label, taken = take_in(np.array([0, 1, 1, 2, 3, 4], np.int32), newcomers, NOBODY, WELCOME)
    assert label.tolist() == [0, 0, 0, 0, 0, 1]
    assert list(zip(taken.left, taken.right, taken.left_size, taken.turn, strict=True)) == [
        (1, 4, 2, 1),
        (1, 0, 3, 2),
        (1, 3, 4, 2),
    ]
    assert taken.bits.tolist() == [5.0, 4.0, 3.0]


@pytest.mark.parametrize(
    ("different", "together"),
    [
        ([(0, 2)], [False, True]),  # a newcomer and a member
        ([(3, 1)], [True, False]),
        ([(2, 3)], [True, False]),  # two newcomers: the first comes in
        ([], [True, True]),
    ],
)
def test_nobody_is_taken_in_where_a_decision_keeps_them_out(
    different: list[tuple[int, int]], together: list[bool]
) -> None:
    """0 and 1 are a cluster; 2 and 3 stand beside it."""

    def newcomers(label: Ints) -> Beside:
        alone = [s for s in (2, 3) if (label == label[s]).sum() == 1]
        return beside(alone, [label[0]] * len(alone), evidence=[10.0] * len(alone))

    pairs = np.array(different, np.int32).reshape(-1, 2)
    label, _ = take_in(np.array([0, 0, 1, 2], np.int32), newcomers, apart(pairs[:, 0], pairs[:, 1]), WELCOME)
    assert [bool(label[s] == label[0]) for s in (2, 3)] == together


def test_a_record_is_no_newcomer() -> None:
    def newcomers(label: Ints) -> Beside:
        return beside([2], [label[0]], account=False, evidence=[10.0])

    label, taken = take_in(np.array([0, 0, 1], np.int32), newcomers, NOBODY, WELCOME)
    assert label.tolist() == [0, 0, 1]
    assert not len(taken.right)


def test_a_newcomers_merge_comes_after_the_rounds_and_its_bits_add_up() -> None:
    model = Model.load()
    with worlds(["hydra"], 4000, [11]) as made:
        resolution = resolve(next(made).facts, model)
    sure = {
        f"{subject['subject_type']}:{subject['subject_id']}": subject["confidence"]
        for subject in resolution.memberships.to_pylist()
    }
    told = [(merge, json.loads(merge["evidence"])) for merge in resolution.merges.to_pylist()]
    late = [(merge, pieces) for merge, pieces in told if merge["round"] > resolution.summary["rounds"]]
    assert len(late) == resolution.summary["taken_in"] > 0
    for merge, pieces in late:
        assert STANDING in {piece["kind"] for piece in pieces}
        assert merge["right_size"] == 1
        assert merge["posterior"] == pytest.approx(sure[merge["right"]])
        assert merge["posterior"] >= model.newcomers.least
        rounding = 0.01 * len(pieces)
        assert sum(piece["bits"] for piece in pieces) == pytest.approx(merge["bits"], abs=rounding)
    assert STANDING not in {
        piece.get("kind") for merge, pieces in told if (merge, pieces) not in late for piece in pieces
    }


def test_how_many_threads_look_changes_nothing() -> None:
    with worlds(["mixed"], 3000, [5]) as made:
        facts = next(made).facts
        one, several = (resolve(facts, threads=threads) for threads in (1, 3))
    assert one.summary["let_go"] > 0
    assert one.summary["taken_in"] > 0
    assert several.memberships.equals(one.memberships)
    assert several.merges.equals(one.merges)
