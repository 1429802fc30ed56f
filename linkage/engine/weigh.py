"""The formulas: what a shared identifier is worth, in bits. Used by the rounds and by `explain` alike.

    logit ρ = α − β·ln(d − 1) − τ·gap                 d: clusters that hold the value, gap: days between two periods
    w       = logit ρ / ln 2 + log2(neighbourhood)    never below 0
    w'      = w − κ·log2(n_A·n_B / (m_A·m_B))         n: members of the two clusters, m: those that hold the value
    (α and β are those of the kind, shifted by what the value's holders are like: `classes`)
    total   = Σ over families of min(cap, strongest + within · the rest)
    posterior = 1 / (1 + 2^−(total − log2(neighbourhood)))

The functions are compiled by numba where the rounds call them, and stay callable from Python.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from linkage.engine.model import Model

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Whole = npt.NDArray[np.int64]
LN2 = math.log(2)
MOST_FAMILIES = 64


class Weights(NamedTuple):
    """The model as arrays: one entry per kind (alpha, beta, tau, family) or per family (within, cap)."""

    alpha: Floats
    beta: Floats
    tau: Floats
    pool: Floats
    separate: Floats
    spread: Floats
    telling: Flags
    family: Whole
    within: Floats
    beside: Floats
    within_dense: Floats
    cap_dense: Floats
    cap: Floats
    differ: Floats
    neighbourhood_bits: float
    threshold_bits: float
    size_correction: float
    both_large: float
    uncovered: float
    lone_witness: float
    core: int
    overlap: float
    star_bits: float
    candidate_holders: int
    burst_share: float
    burst_days: float
    sign_up_span: float
    typical_spread: float
    widest: float
    least_fade: float
    coordinated: float
    together: float
    behaviour_core: int
    behaviour_cap: float

    @classmethod
    def of(cls, model: Model, kinds: list[str], sign_up_span: float = 0.0) -> Weights:
        """The weights of these kinds, in their order; the span of sign-ups is in days (0: not known)."""
        names = list(model.families)
        parameters = [model.kind(kind) for kind in kinds]
        return cls(
            alpha=np.array([kind.logit for kind in parameters]),
            beta=np.array([kind.fade for kind in parameters]),
            tau=np.array([kind.stale for kind in parameters]),
            pool=np.array([kind.fade * kind.pool for kind in parameters]),
            separate=np.array([kind.separate for kind in parameters]),
            spread=np.array([kind.spread for kind in parameters]),
            telling=np.array([model.families[kind.family].telling for kind in parameters], dtype=np.bool_),
            family=np.array([names.index(kind.family) for kind in parameters], dtype=np.int64),
            within=np.array([family.within for family in model.families.values()]),
            beside=np.array([kind.beside for kind in parameters], dtype=np.float64),
            within_dense=np.array([family.dense for family in model.families.values()]),
            cap_dense=np.array([family.dense_cap for family in model.families.values()]),
            cap=np.array([family.cap for family in model.families.values()]),
            differ=np.array([family.differ for family in model.families.values()]),
            neighbourhood_bits=-model.prior.bits,
            threshold_bits=model.prior.threshold_bits,
            size_correction=model.rounds.size_correction,
            uncovered=model.rounds.uncovered,
            lone_witness=model.rounds.lone_witness,
            core=model.rounds.core,
            both_large=model.rounds.both_large,
            overlap=model.rounds.overlap,
            star_bits=model.rounds.star_bits,
            candidate_holders=model.rounds.candidate_holders,
            burst_share=model.sign_up.burst_share,
            burst_days=model.sign_up.burst_days,
            sign_up_span=sign_up_span,
            typical_spread=model.spread.typical,
            widest=model.spread.widest,
            least_fade=model.spread.least_fade,
            coordinated=model.behaviour.coordinated,
            together=model.behaviour.together,
            behaviour_core=model.behaviour.core,
            behaviour_cap=model.behaviour.cap,
        )


class Worth(NamedTuple):
    """What one value is worth: as its kind, shifted by what its holders are like (`classes`)."""

    alpha: float
    beta: float
    tau: float
    pool: float


@njit(cache=True, nogil=True)
def full_bits(alpha: float, beta: float, pool: float, holders: int, holding: int, neighbourhood_bits: float) -> float:
    """Bits of a value held by that many clusters at the same time, alone: may be negative.

    `holding` is how many members of the one cluster hold it: a value that many members of a cluster and few others
    hold is that cluster's own.
    """
    others = max(holders - 1, 1)
    logit = alpha - beta * math.log(others) + pool * math.log(max(holding / others, 1.0))
    return logit / LN2 + neighbourhood_bits


@njit(cache=True, nogil=True)
def days_apart(left_first: float, left_last: float, right_first: float, right_last: float) -> float:
    """Days between two periods of use; 0 where they overlap or a time is not known (NaN)."""
    gap = max(left_first - right_last, right_first - left_last)
    return gap if gap > 0 else 0.0


@njit(cache=True, nogil=True)
def size_penalty(
    kappa: float, both: float, left_size: int, left_holding: int, right_size: int, right_holding: int
) -> float:
    """Bits that a piece loses since two large clusters share some value by accident."""
    left, right = math.log2(left_size / left_holding), math.log2(right_size / right_holding)
    return kappa * (left + right) + both * min(left, right)


@njit(cache=True, nogil=True)
def weigh_piece(
    worth: Worth, holders: int, left_size: int, left_holding: int, right_size: int, right_holding: int, gap: float,
    weights: Weights,
) -> tuple[float, float]:  # fmt: skip
    """Bits of one shared value between two clusters: alone, and after staleness and size, never below 0."""
    full = full_bits(
        worth.alpha, worth.beta, worth.pool, holders, max(left_holding, right_holding), weights.neighbourhood_bits
    )
    lost = worth.tau * gap / LN2
    lost += size_penalty(
        weights.size_correction, weights.both_large, left_size, left_holding, right_size, right_holding
    )
    return full, max(full - lost, 0.0)


@njit(cache=True, nogil=True)
def combine_pieces(
    count: int, family: Whole, beside: Floats, bits: Floats, density: Floats, weights: Weights, totals: Floats,
    strongest: Whole,
) -> int:  # fmt: skip
    """Put pieces together by family; answers the loudest family.

    `bits` become what each piece counts; `totals` and `strongest` (piece, −1: none) are filled by family. The
    density of a piece is the share of both clusters' members that hold it: values that everybody in both holds say
    the same thing again (one household, one office), and in a family with `dense_cap` say little at all. `beside` is
    what is left of two pieces beside each other: of similar values nothing beside equal ones, nor the other way.
    """
    families = len(weights.within)
    totals[:families] = 0
    strongest[:families] = -1
    for p in range(count):
        f = family[p]
        if strongest[f] < 0 or bits[p] > bits[strongest[f]]:
            strongest[f] = p
    for p in range(count):
        f = family[p]
        if strongest[f] != p:
            bits[p] *= (
                min(beside[p], beside[strongest[f]])
                * weights.within[f]
                * (1 - density[p] * (1 - weights.within_dense[f]))
            )
        totals[f] += bits[p]
    loudest = 0
    for f in range(families):
        whole = totals[f]
        if whole > weights.cap_dense[f]:
            whole -= density[strongest[f]] * (whole - weights.cap_dense[f])
        whole = min(whole, weights.cap[f])
        if whole < totals[f]:
            scale_family(f, whole / totals[f], count, family, bits)
            totals[f] = whole
        if whole > totals[loudest]:
            loudest = f
    return loudest


@njit(cache=True, nogil=True)
def scale_family(f: int, factor: float, count: int, family: Whole, bits: Floats) -> None:
    """Count every piece of a family at a part of its bits."""
    for p in range(count):
        if family[p] == f:
            bits[p] *= factor


@njit(cache=True, nogil=True)
def sign_up_bits(
    share: float, days: float, span: float, left: float, left_spread: float, right: float, right_spread: float
) -> float:
    """Bits for (or against) one actor from the sign-up times of two clusters: their means and spreads in days.

    One actor's accounts come in a burst with probability `share`, and then lie about `days` apart; those of two
    actors lie anywhere in the span of all sign-ups. NaN: not known, 0 bits.
    """
    if not span > 0 or math.isnan(left) or math.isnan(right):
        return 0.0
    width = days + left_spread + right_spread
    apart = min(abs(left - right), 0.9 * span)
    by_chance = 2 / span * (1 - apart / span)
    return math.log2(share * math.exp(-apart / width) / width / by_chance + 1 - share)
