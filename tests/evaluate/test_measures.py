"""The measures against a case worked out by hand and against an oracle that counts account by account."""

from __future__ import annotations

import itertools
import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from linkage.evaluate import Estimate, Report, evaluate
from linkage.model.band import Band, Costs


@dataclass(frozen=True)
class Case:
    actor: Sequence[int]
    cluster: Sequence[int | None]
    ring: Sequence[bool]

    def clusters(self) -> pa.Table:
        return pa.table({"account_id": self._ids(), "cluster_id": pa.array(self.cluster, pa.int64())})

    def truth(self) -> pa.Table:
        return pa.table({"account_id": self._ids(), "actor_id": self.actor, "ring": list(self.ring)})

    def _ids(self) -> list[str]:
        return [f"account-{number}" for number in range(len(self.actor))]


def value(estimate: Estimate) -> float:
    assert estimate.value is not None
    return estimate.value


# A ring of six (accounts 0–5) is found as {0,1,2,3} with bystander 6, and {4,5}; the person of accounts 7 and 8 is
# found; 9 is alone.
BY_HAND = Case(
    actor=[1, 1, 1, 1, 1, 1, 2, 3, 3, 4],
    cluster=[10, 10, 10, 10, 11, 11, 10, 12, 12, None],
    ring=[True] * 6 + [False] * 4,
)


def test_the_case_worked_out_by_hand() -> None:
    report = evaluate(BY_HAND.clusters(), BY_HAND.truth(), bootstrap=0)
    # Four members stand in a cluster with four of theirs among five, two in a pure one; recall 4/6 and 2/6.
    assert value(report.ring_b_cubed.precision) == pytest.approx((4 * 4 / 5 + 2) / 6)
    assert value(report.ring_b_cubed.recall) == pytest.approx((4 * 4 / 6 + 2 * 2 / 6) / 6)
    # All accounts: the bystander has precision 1/5, the pair and the single account are right.
    assert value(report.b_cubed.precision) == pytest.approx((4 * 4 / 5 + 2 + 1 / 5 + 2 + 1) / 10)
    # Pairs claimed: 10 + 1 + 1; true among them: 6 + 1 + 1; true at all: 15 + 1.
    assert value(report.pairwise.precision) == pytest.approx(8 / 12)
    assert value(report.pairwise.recall) == pytest.approx(8 / 16)
    assert value(report.pairwise.f1) == pytest.approx(16 / 28)
    # The pair 7, 8 has no ring member.
    assert value(report.ring_pairwise.precision) == pytest.approx(7 / 11)
    assert value(report.ring_pairwise.recall) == pytest.approx(7 / 15)
    assert value(report.best_match) == pytest.approx(2 * 4 / (6 + 5))
    assert value(report.bystanders) == pytest.approx(1 / 4)
    assert (report.rings, report.ring_accounts, report.actors, report.clusters) == (1, 6, 4, 3)


def test_accounts_that_are_not_counted_still_stand_in_clusters_and_actors() -> None:
    counted = pa.array([True] * 2 + [False] * 4 + [True] * 2 + [False] * 2)  # two of the ring, the bystander, one of 3
    truth = BY_HAND.truth().append_column("counted", counted)
    report = evaluate(BY_HAND.clusters(), truth, bootstrap=0)
    assert value(report.ring_b_cubed.precision) == pytest.approx(4 / 5)
    assert value(report.ring_b_cubed.recall) == pytest.approx(4 / 6)
    assert value(report.b_cubed.precision) == pytest.approx((2 * 4 / 5 + 1 / 5 + 1) / 4)
    assert value(report.bystanders) == pytest.approx(1 / 2)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    size = draw(st.integers(2, 24))
    actor = draw(st.lists(st.integers(0, 7), min_size=size, max_size=size))
    cluster = draw(st.lists(st.one_of(st.none(), st.integers(0, 6)), min_size=size, max_size=size))
    rings = draw(st.sets(st.integers(0, 7)))
    return Case(actor, cluster, [code in rings for code in actor])


class Oracle:
    """The definitions word by word: sets of accounts, one account and one pair at a time."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.all = range(len(case.actor))
        cluster = [(0, code) if code is not None else (1, number) for number, code in enumerate(case.cluster)]
        self.of_actor = [{f for f in self.all if case.actor[f] == case.actor[e]} for e in self.all]
        self.of_cluster = [{f for f in self.all if cluster[f] == cluster[e]} for e in self.all]

    def b_cubed(self, members: Sequence[int]) -> tuple[float, float]:
        both = [len(self.of_actor[e] & self.of_cluster[e]) for e in members]
        precision = sum(n / len(self.of_cluster[e]) for n, e in zip(both, members, strict=True)) / len(members)
        recall = sum(n / len(self.of_actor[e]) for n, e in zip(both, members, strict=True)) / len(members)
        return precision, recall

    def pairs(self, ring_only: bool) -> tuple[int, int, int]:
        both = claimed = true = 0
        for e, f in itertools.combinations(self.all, 2):
            if ring_only and not (self.case.ring[e] or self.case.ring[f]):
                continue
            together, same = f in self.of_cluster[e], f in self.of_actor[e]
            both, claimed, true = both + (together and same), claimed + together, true + same
        return both, claimed, true

    def adjusted_rand(self) -> float:
        both, claimed, true = self.pairs(ring_only=False)
        a, b, c = both, claimed - both, true - both
        d = math.comb(len(self.all), 2) - a - b - c
        below = (a + b) * (b + d) + (a + c) * (c + d)
        return 1.0 if below == 0 else 2 * (a * d - b * c) / below

    def best_match(self) -> float | None:
        rings = {frozenset(self.of_actor[e]) for e in self.all if self.case.ring[e]}
        clusters = {frozenset(members) for members in self.of_cluster}
        best = [max(2 * len(r & c) / (len(r) + len(c)) for c in clusters) for r in rings]
        return sum(best) / len(best) if best else None

    def bystanders(self) -> float | None:
        ordinary = [e for e in self.all if not self.case.ring[e]]
        drawn_in = [
            e
            for e in ordinary
            if len(self.of_cluster[e]) >= 5
            and (len(self.of_actor[e]) < 5 or 2 * len(self.of_cluster[e] & self.of_actor[e]) <= len(self.of_cluster[e]))
        ]
        return len(drawn_in) / len(ordinary) if ordinary else None


def check_pairs(report_value: Estimate, above: int, below: int) -> None:
    assert report_value.value == (pytest.approx(above / below) if below else None)


@given(cases())
@settings(max_examples=300, deadline=None)
def test_every_measure_agrees_with_counting_one_by_one(case: Case) -> None:
    report = evaluate(case.clusters(), case.truth(), bootstrap=0)
    oracle = Oracle(case)
    precision, recall = oracle.b_cubed(oracle.all)
    assert value(report.b_cubed.precision) == pytest.approx(precision)
    assert value(report.b_cubed.recall) == pytest.approx(recall)
    assert value(report.b_cubed.f1) == pytest.approx(2 * precision * recall / (precision + recall))
    members = [e for e in oracle.all if case.ring[e]]
    if members:
        precision, recall = oracle.b_cubed(members)
        assert value(report.ring_b_cubed.precision) == pytest.approx(precision)
        assert value(report.ring_b_cubed.recall) == pytest.approx(recall)
    else:
        assert report.ring_b_cubed.f1.value is None
    for scores, ring_only in ((report.pairwise, False), (report.ring_pairwise, True)):
        both, claimed, true = oracle.pairs(ring_only)
        check_pairs(scores.precision, both, claimed)
        check_pairs(scores.recall, both, true)
        check_pairs(scores.f1, 2 * both, claimed + true)
    assert value(report.adjusted_rand) == pytest.approx(oracle.adjusted_rand(), abs=1e-12)
    for found, expected in ((report.best_match, oracle.best_match()), (report.bystanders, oracle.bystanders())):
        assert found.value == (None if expected is None else pytest.approx(expected))


def test_a_perfect_clustering_scores_one_everywhere() -> None:
    case = Case(BY_HAND.actor, BY_HAND.actor, BY_HAND.ring)
    report = evaluate(case.clusters(), case.truth(), bootstrap=20)
    for scores in (report.b_cubed, report.ring_b_cubed, report.pairwise, report.ring_pairwise):
        assert scores.f1 == Estimate(1.0, 1.0, 1.0)
    assert report.adjusted_rand.value == 1
    assert report.best_match.value == 1
    assert report.bystanders.value == 0


def test_members_of_a_declared_customer_are_at_home_in_its_cluster_and_a_stranger_in_it_is_a_bystander() -> None:
    case = Case(actor=[1] * 8 + [2], cluster=[5] * 9, ring=[False] * 9)
    report = evaluate(case.clusters(), case.truth(), bootstrap=0)
    assert value(report.bystanders) == pytest.approx(1 / 9)


def with_confidence(case: Case, confidence: Sequence[float | None]) -> Report:
    clusters = case.clusters().append_column("confidence", pa.array(confidence, pa.float64()))
    return evaluate(clusters, case.truth(), bootstrap=10)


def test_calibration_compares_confidence_with_how_often_it_was_right() -> None:
    # Four of five members are of the cluster's actor: 0.85 is 0.05 too sure, and the two members at 0.45 were right.
    case = Case([1, 1, 1, 1, 2, 3, 3, 4], [7, 7, 7, 7, 7, 8, 8, None], [False] * 8)
    calibration = with_confidence(case, [0.85] * 5 + [0.45] * 2 + [1.0]).calibration
    assert calibration is not None
    assert calibration.members == 7
    assert value(calibration.error) == pytest.approx((5 * 0.05 + 2 * 0.55) / 7)
    assert [(b.low, b.members, round(b.correct, 3)) for b in calibration.bins] == [(0.4, 2, 1.0), (0.8, 5, 0.8)]
    assert calibration.brier == pytest.approx((4 * 0.15**2 + 0.85**2 + 2 * 0.55**2) / 7)


def test_companions_are_right_where_they_are_of_the_same_actor() -> None:
    case = Case([1, 1, 2], [7, 7, 7], [False] * 3)
    companions = with_confidence(case, [0.5, 0.5, 0.5]).companions
    assert companions is not None
    assert companions.correct == pytest.approx((0.5 + 0.5 + 0) / 3)


def test_every_bin_has_an_interval_of_how_often_its_members_were_right() -> None:
    case = Case([*range(40), *range(40), 99], [*range(40), *range(40), 0], [False] * 81)
    clusters = case.clusters().append_column("confidence", pa.array([0.95] * 81))
    calibration = evaluate(clusters, case.truth(), bootstrap=50).calibration
    assert calibration is not None
    (only,) = calibration.bins
    assert only.correct == pytest.approx(80 / 81)
    assert only.correct_low is not None
    assert only.correct_high is not None
    assert only.correct_low < only.correct <= only.correct_high


def test_without_confidence_there_is_no_calibration() -> None:
    assert evaluate(BY_HAND.clusters(), BY_HAND.truth(), bootstrap=0).calibration is None


def test_members_without_a_confidence_are_left_out_of_the_calibration() -> None:
    calibration = with_confidence(Case([1, 1, 1], [7, 7, 7], [False] * 3), [0.9, None, 1.0]).calibration
    assert calibration is not None
    assert calibration.members == 2


@given(cases(), st.data())
@settings(max_examples=100, deadline=None)
def test_bands_agree_with_paying_for_one_member_after_the_other(case: Case, data: st.DataObject) -> None:
    size = len(case.actor)
    sure = data.draw(st.lists(st.one_of(st.none(), st.floats(0, 1)), min_size=size, max_size=size))
    costs = data.draw(st.builds(Costs, st.floats(1, 50), st.floats(0.1, 5), st.floats(0, 3)))
    clusters = case.clusters().append_column("confidence", pa.array(sure, pa.float64()))
    bands = evaluate(clusters, case.truth(), costs=costs, bootstrap=0).bands
    of_cluster = Oracle(case).of_cluster
    paid: list[float] = []
    members: dict[Band, int] = dict.fromkeys(Band, 0)
    for e, confidence in enumerate(sure):
        band = costs.band(confidence)
        if len(of_cluster[e]) < 2 or band is None:
            continue
        members[band] += 1
        counts = Counter(case.actor[f] for f in of_cluster[e])
        most = max(counts.values())
        right = counts[case.actor[e]] == most
        assume(not right or list(counts.values()).count(most) == 1)  # of a tie either may be the cluster's actor
        mistakes = {Band.ACT: 0.0 if right else costs.wrong, Band.ABSTAIN: costs.missed if right else 0.0}
        paid.append(mistakes.get(band, costs.review))
    if not paid:
        assert bands is None
        return
    assert bands is not None
    assert {band.band: band.members for band in bands.bands} == {band.value: members[band] for band in Band}
    assert sum(band.share for band in bands.bands) == pytest.approx(1)
    assert value(bands.cost) == pytest.approx(sum(paid) / len(paid))


def test_what_bands_cost_stands_beside_treating_everybody_alike() -> None:
    # Of five members at 0.99 one is not the actor's; the two at 0.8 are looked at; at 0.1 one of two is the actor's.
    case = Case([1, 1, 1, 1, 2, 3, 3, 4, 5, 6], [7, 7, 7, 7, 7, 8, 8, 9, 9, None], [False] * 10)
    clusters = case.clusters().append_column("confidence", pa.array([0.99] * 5 + [0.8] * 2 + [0.1] * 2 + [1.0]))
    bands = evaluate(clusters, case.truth(), costs=Costs(20, 2, 1), bootstrap=50).bands
    assert bands is not None
    found = {band.band: (band.members, band.correct.value, band.confidence) for band in bands.bands}
    assert list(found) == ["act", "review", "abstain"]
    assert found["act"] == (5, 0.8, pytest.approx(0.99))
    assert found["review"] == (2, 1.0, pytest.approx(0.8))
    assert found["abstain"] == (2, 0.5, pytest.approx(0.1))
    assert value(bands.cost) == pytest.approx((20 + 2 * 1 + 2) / 9)
    assert value(bands.acting_on_all) == pytest.approx(20 * 2 / 9)
    assert value(bands.leaving_all) == pytest.approx(2 * 7 / 9)
    assert bands.cost.low is not None
    assert bands.bands[0].correct.low is not None


def test_without_costs_or_confidence_there_are_no_bands() -> None:
    assert with_confidence(BY_HAND, [0.5] * 10).bands is None
    assert evaluate(BY_HAND.clusters(), BY_HAND.truth(), costs=Costs(20, 2, 1), bootstrap=0).bands is None


def test_breakdowns_follow_the_columns_of_the_truth() -> None:
    truth = BY_HAND.truth().append_column("style", pa.array(["hydra"] * 6 + ["office"] * 3 + [None]))
    report = evaluate(BY_HAND.clusters(), truth, bootstrap=5)
    assert [group.name for group in report.breakdowns["style"]] == ["hydra", "office"]
    hydra, office = report.breakdowns["style"]
    assert hydra.b_cubed == report.ring_b_cubed
    assert hydra.bystanders.value is None
    assert value(office.bystanders) == pytest.approx(1 / 3)
    assert [group.name for group in report.breakdowns["size"]] == ["1", "2–4", "5–9"]
    assert "evasion" not in report.breakdowns


def test_a_large_ordinary_actor_stands_in_no_size_band_of_rings() -> None:
    case = Case([1] * 6 + [2], list(range(7)), [False] * 7)
    assert [group.name for group in evaluate(case.clusters(), case.truth()).breakdowns["size"]] == ["1"]


def test_the_report_is_json() -> None:
    report = with_confidence(BY_HAND, [0.5] * 10)
    found = json.loads(json.dumps(report.as_json()))
    assert found["ring_b_cubed"]["recall"]["value"] == pytest.approx(value(report.ring_b_cubed.recall))
    assert found["breakdowns"]["size"][0]["name"] == "1"
