"""Randomness that repeats."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkage.scenario.draws import choose, counts, cut, fraction, mix, spread, starts, stream
from linkage.scenario.habits import Sizes


def test_a_stream_depends_on_seed_and_name_only() -> None:
    assert stream(1, "a").random() == stream(1, "a").random()
    assert len({stream(seed, name).random() for seed in (1, 2) for name in ("a", "b")}) == 4


def test_mixing_never_makes_two_numbers_one() -> None:
    assert len(np.unique(mix(np.arange(1_000_000), 3))) == 1_000_000


def test_mixed_numbers_fill_the_unit_interval_evenly() -> None:
    found = fraction(mix(np.arange(100_000), 1))
    assert np.histogram(found, bins=10, range=(0, 1))[0] == pytest.approx(10_000, rel=0.05)


@given(st.integers(0, 5_000), st.integers(1, 20), st.floats(1, 60), st.integers(0, 99))
def test_groups_add_up_and_keep_to_their_sizes(total: int, low: int, median: float, seed: int) -> None:
    sizes = Sizes(low, max(median, low), 100, 0.8)
    groups = cut(np.random.default_rng(seed), total, sizes)
    if total < low:
        assert len(groups) == 0
    else:
        assert groups.sum() == total
        assert groups.min() >= low
        assert groups.max() <= 100 + low


def test_members_are_numbered_by_group() -> None:
    sizes = np.array([2, 0, 3])
    assert spread(sizes).tolist() == [0, 0, 2, 2, 2]
    assert starts(sizes).tolist() == [0, 2, 2]


def test_choices_follow_the_weights() -> None:
    found = np.bincount(choose(np.random.default_rng(1), (1, 0, 3), 40_000), minlength=3)
    assert found / 40_000 == pytest.approx([0.25, 0, 0.75], abs=0.01)


def test_counts_have_the_mean_and_at_least_one_where_it_is_one_or_more() -> None:
    generator = np.random.default_rng(1)
    assert counts(generator, 2.5, 20_000).mean() == pytest.approx(2.5, rel=0.03)
    assert counts(generator, 2.5, 20_000).min() == 1
    assert counts(generator, 0.2, 20_000).mean() == pytest.approx(0.2, rel=0.1)
