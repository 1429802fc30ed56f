"""The second look: who is let go, what is told of the merges then, and what a confidence is made of."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkage.engine.members import ASPECTS, EVIDENCE, HOURS
from linkage.engine.model import Confidence, Curve, Model
from linkage.engine.scorecard import log_odds, probability
from linkage.engine.second_look import keep_who_stands, let_go, retell
from linkage.engine.tables import Bits, Ints


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=1, max_size=30))
def test_who_goes_is_single_and_clusters_are_numbered_by_their_first_subject(subjects: list[tuple[int, bool]]) -> None:
    label = np.array([cluster for cluster, _ in subjects], np.int32)
    gone = np.array([goes for _, goes in subjects])
    following, clusters = let_go(label, gone)
    for a in range(len(label)):
        for b in range(a):
            together = label[a] == label[b] and not gone[a] and not gone[b]
            assert (following[a] == following[b]) == together
    first_met = list(dict.fromkeys(following.tolist()))
    assert first_met == list(range(clusters))


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


def test_a_confidence_is_the_sum_of_its_curves_and_what_is_not_known_adds_nothing() -> None:
    curves = {
        "evidence": Curve(at=(0.0, 10.0, 20.0), bits=(-2.0, 0.0, 4.0)),
        "hours": Curve(at=(0.0, 5.0), bits=(-1.0, 3.0)),
    }
    seen = np.full((4, len(ASPECTS)), np.nan)
    seen[:3, EVIDENCE] = [5.0, 15.0, 99.0]
    seen[2, HOURS] = 2.5
    assert log_odds(seen, curves).tolist() == pytest.approx([-1.0, 2.0, 5.0, 0.0])
    assert probability(np.array([0.0, 1.0])).tolist() == pytest.approx([1 / 2, 2 / 3])


@pytest.mark.parametrize(
    ("at", "bits", "fault"),
    [((0.0, 0.0), (1.0, 2.0), "must rise"), ((0.0, 1.0), (1.0, 2.0, 3.0), "there must be as many")],
)
def test_a_curve_rises_and_has_bits_for_each_point(at: tuple[float, ...], bits: tuple[float, ...], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        Curve(at=at, bits=bits)


def test_every_curve_of_the_shipped_model_is_of_an_aspect() -> None:
    assert set(Model.load().confidence.curves) <= set(ASPECTS)


def test_who_hung_by_somebody_that_goes_is_looked_at_again_and_whoever_is_stated_stays() -> None:
    confidence = Confidence(stated=0.97, least=0.5, curves={"size": Curve(at=(1.0, 2.0), bits=(-4.0, 4.0))})

    def look(label: Ints, size: Ints) -> Bits:
        """Sure in a cluster of four; of three, as of two, not; the first subject never."""
        seen = np.full((len(label), len(ASPECTS)), np.nan)
        seen[:, ASPECTS.index("size")] = np.where(size[label] == 4, 2.0, 1.0)
        seen[0, ASPECTS.index("size")] = 1.0
        return seen

    label = np.zeros(4, np.int32)
    seen = keep_who_stands(label, look, np.array([False, False, True, True]), confidence)
    assert seen.gone.tolist() == [True, True, False, False]
    assert seen.label.tolist() == [0, 1, 2, 2]
    assert seen.size.tolist() == [1, 1, 2]
    assert seen.sure.tolist() == [1.0, 1.0, 0.97, 0.97]
