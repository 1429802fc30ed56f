"""Intervals by resampling actors.

Accounts of one actor stand or fall together, so actors are drawn, not accounts. Every measure here is a
function of sums over actors, so a draw is a weighted sum of rows; actors with equal rows are drawn together
(a multinomial over kinds of row has the same law), which makes 200 draws of a million actors cheap.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from linkage.evaluate.partition import Real, Whole
from linkage.evaluate.report import Estimate

#: Maps sums over actors, shape (draws, columns), to measures, shape (draws, measures); NaN: not defined.
Measure = Callable[[Real], Real]
Words: TypeAlias = npt.NDArray[np.uint64]
_DRAWS_AT_ONCE = 20
_TAILS = (2.5, 97.5)


def sum_by(keys: Whole, columns: Sequence[Real], groups: int) -> Real:
    """Sums of each column by key; shape (groups, columns)."""
    return np.stack([np.bincount(keys, weights=column, minlength=groups) for column in columns], axis=1)


def _kinds(rows: Real) -> tuple[Real, Whole]:
    """Distinct rows and how many there are of each, told apart by a 64-bit hash of the row."""
    _, first, counts = np.unique(_hashes(rows), return_index=True, return_counts=True)
    return rows[first], counts


def _hashes(rows: Real) -> Words:
    bits = np.ascontiguousarray(rows + 0.0).view(np.uint64)  # + 0.0: minus zero is zero
    factors: Words = np.random.default_rng(0).integers(1, 2**63, size=(bits.shape[1],), dtype=np.uint64) * 2 + 1
    found: Words = np.zeros(len(bits), dtype=np.uint64)
    for column, factor in enumerate(factors):
        found = (found ^ (bits[:, column] >> np.uint64(29)) ^ bits[:, column]) * factor
        found ^= found >> np.uint64(32)
    return found


def estimates(rows: Real, measure: Measure, *, draws: int, seed: int) -> tuple[Estimate, ...]:
    """The measures of `rows` (one row an actor) with the 95 % interval of `draws` resamplings of the rows."""
    values = measure(rows.sum(axis=0, keepdims=True))[0]
    if draws == 0 or len(rows) == 0:
        return tuple(Estimate(_number(value)) for value in values)
    kinds, counts = _kinds(rows)
    generator = np.random.default_rng(seed)
    shares = counts / counts.sum()
    drawn = [
        measure(generator.multinomial(len(rows), shares, size=min(_DRAWS_AT_ONCE, draws - start)) @ kinds)
        for start in range(0, draws, _DRAWS_AT_ONCE)
    ]
    low, high = _tails(np.concatenate(drawn))
    return tuple(
        Estimate(_number(value), _number(below), _number(above))
        for value, below, above in zip(values, low, high, strict=True)
    )


def _tails(samples: Real) -> Real:
    """Both percentiles of every column, over the draws where it is defined."""
    tails = np.full((2, samples.shape[1]), np.nan)
    for column in range(samples.shape[1]):
        defined = samples[~np.isnan(samples[:, column]), column]
        if len(defined):
            tails[:, column] = np.percentile(defined, _TAILS)
    return tails


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
