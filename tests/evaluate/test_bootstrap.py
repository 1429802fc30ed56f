"""Resampling by kinds of row has the law of resampling row by row."""

from __future__ import annotations

import numpy as np
import pytest

from linkage.evaluate.bootstrap import Real, estimates


def mean(sums: Real) -> Real:
    return (sums[:, 1] / sums[:, 0])[:, None]


def actors(share: float, number: int = 400) -> Real:
    hit = (np.arange(number) < share * number).astype(np.float64)
    return np.stack([np.ones(number), hit], axis=1)


def test_the_interval_is_that_of_resampling_row_by_row() -> None:
    rows = actors(0.3)
    (found,) = estimates(rows, mean, draws=2_000, seed=1)
    generator = np.random.default_rng(2)
    drawn = [rows[generator.integers(0, len(rows), len(rows)), 1].mean() for _ in range(2_000)]
    assert found.value == pytest.approx(0.3)
    assert found.low == pytest.approx(np.percentile(drawn, 2.5), abs=0.01)
    assert found.high == pytest.approx(np.percentile(drawn, 97.5), abs=0.01)


def test_the_same_seed_gives_the_same_interval() -> None:
    assert estimates(actors(0.5), mean, draws=50, seed=3) == estimates(actors(0.5), mean, draws=50, seed=3)
    assert estimates(actors(0.5), mean, draws=50, seed=3) != estimates(actors(0.5), mean, draws=50, seed=4)


def test_more_actors_make_a_narrower_interval() -> None:
    def width(number: int) -> float:
        (found,) = estimates(actors(0.3, number), mean, draws=400, seed=1)
        assert found.low is not None
        assert found.high is not None
        return found.high - found.low

    assert width(10_000) < width(100) / 5


def test_without_draws_there_is_a_value_and_no_interval() -> None:
    (found,) = estimates(actors(0.3), mean, draws=0, seed=1)
    assert (found.value, found.low, found.high) == (pytest.approx(0.3), None, None)


def test_a_measure_that_is_not_defined_has_no_value() -> None:
    def undefined(sums: Real) -> Real:
        return np.full((len(sums), 1), np.nan)

    (found,) = estimates(actors(0.3), undefined, draws=20, seed=1)
    assert (found.value, found.low, found.high) == (None, None, None)
