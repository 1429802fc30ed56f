"""Randomness that repeats: named streams of a seed, mixing of numbers, sizes and weights."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from linkage.scenario.habits import Sizes

Whole = npt.NDArray[np.int64]
Word = npt.NDArray[np.uint64]
Flags = npt.NDArray[np.bool_]
Real = npt.NDArray[np.float64]


def stream(seed: int, *names: str) -> np.random.Generator:
    """An independent generator for the named part of the world, so that one part's draws never move another's."""
    return np.random.Generator(
        np.random.PCG64(np.random.SeedSequence([seed, *(zlib.crc32(n.encode()) for n in names)]))
    )


def mix(numbers: npt.ArrayLike, salt: int = 0) -> Word:
    """SplitMix64 (Steele, Lea, Flood 2014) of the numbers and a salt: a bijection of 64-bit words for each salt."""
    with np.errstate(over="ignore"):
        z = np.asarray(numbers).astype(np.uint64) + np.uint64((salt * 0x9E3779B97F4A7C15 + 0x9E3779B97F4A7C15) % 2**64)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def fraction(words: Word) -> Real:
    """Words as numbers in [0, 1)."""
    return (words >> np.uint64(11)).astype(np.float64) / float(2**53)


def choose(generator: np.random.Generator, weights: Sequence[float], size: int) -> Whole:
    """Indices drawn by weight."""
    edges = np.cumsum(np.asarray(weights, dtype=np.float64))
    return np.minimum(np.searchsorted(edges / edges[-1], generator.random(size), side="right"), len(weights) - 1)


def counts(generator: np.random.Generator, mean: float, size: int) -> Whole:
    """Counts of at least one where the mean is one or more (1 + Poisson), else Poisson."""
    base = 1 if mean >= 1 else 0
    return base + generator.poisson(mean - base, size)


def cut(generator: np.random.Generator, total: int, sizes: Sizes) -> Whole:
    """Group sizes that add up to `total`; none where there are too few for one group."""
    high = min(sizes.high, total)
    if total < sizes.low or total <= 0:
        return np.zeros(0, dtype=np.int64)
    found: list[Whole] = []
    left = total
    while left > 0:
        some = max(16, int(2 * left / sizes.median))
        drawn = np.exp(np.log(sizes.median) + sizes.spread * generator.standard_normal(some))
        block = np.clip(np.rint(drawn), sizes.low, high).astype(np.int64)
        within = block[: int(np.searchsorted(np.cumsum(block), left, side="left")) + 1]
        found.append(within)
        left -= int(within.sum())
    groups = np.concatenate(found)
    groups[-1] += left
    if groups[-1] < sizes.low and len(groups) > 1:
        groups[-2] += groups[-1]
        groups = groups[:-1]
    return groups


def spread(sizes: Whole) -> Whole:
    """The group of each member: 0,0,0,1,1,…"""
    return np.repeat(np.arange(len(sizes)), sizes)


def starts(sizes: Whole) -> Whole:
    """The first member of each group."""
    return np.cumsum(sizes) - sizes
