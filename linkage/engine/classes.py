"""What the holders of a value say of it: a place where separate lives meet, or the pool of one actor.

Two facts of the holders tell most. *Separate lives*: people who meet at a campus, in a library or at a reseller's have
each a mailbox, a phone, a card or a machine that nobody else has; accounts out of one pool have few such things.
*Sign-ups*: who meets at a place came there over months; one actor's accounts were opened in a few goes. Both shift
what a shared value is worth, and neither decides by itself:

    α_v = α − separate · (share of the holders' telling identifiers that are theirs alone − ½)
    β_v = β + spread · ln(standard deviation of the holders' sign-ups / typical)          within bounds

The spread works on β, which is multiplied by ln(d − 1) for d holder *clusters*: a hub whose holders turn out to be one
cluster loses its discount by itself, and two holders alone are judged by their own sign-up times, not by these.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from linkage.engine.tables import Bits, Floats, Ints, Values
from linkage.engine.weigh import Weights

EVEN = 0.5  # share of things of one's own at which separateness changes nothing
LEAST_SPREAD = 0.01  # of all sign-ups' span, below which accounts were opened at once


class Holders(NamedTuple):
    """By value: the mean share of its holders' telling identifiers that are theirs alone, and the standard deviation
    of their sign-ups in days; NaN where nothing is known."""

    separate: Bits
    spread: Bits


def separateness(subject: Ints, kind: Ints, private: Ints, weights: Weights) -> Floats:
    """Share of each subject's telling identifiers that nobody else holds; NaN for who has none.

    `subject` and `kind` are of the shared holdings; `private` counts the others, by subject.
    """
    shared = np.bincount(subject[weights.telling[kind]], minlength=len(private))
    with np.errstate(invalid="ignore"):
        return (private / (shared + private)).astype(np.float32)


def look_at_holders(value: Ints, subject: Ints, values: int, separate: Floats, created: Floats) -> Holders:
    """What the holders of each value are like; `value` and `subject` are the shared holdings."""
    opened = created[subject].astype(np.float64)
    mean, known = _mean(value, opened, values)
    variance, _ = _mean(value, (opened - mean[value]) ** 2, values)
    spread = np.where(known > 1, np.sqrt(variance * known / np.maximum(known - 1, 1)), np.nan)
    return Holders(_mean(value, separate[subject], values)[0], spread)


def weigh_classes(kind: Ints, holders: Holders, weights: Weights) -> Values:
    """What each value is worth at two holders, and how that fades with more."""
    alpha = weights.alpha[kind] - weights.separate[kind] * np.nan_to_num(holders.separate - EVEN)
    beta = weights.beta[kind]
    if weights.sign_up_span:
        ratio = (holders.spread / weights.sign_up_span + LEAST_SPREAD) / weights.typical_spread
        shift = weights.spread[kind] * np.minimum(np.nan_to_num(np.log(ratio)), weights.widest)
        beta = np.maximum(beta + shift, np.minimum(weights.least_fade, beta))
    return Values(kind, alpha.astype(np.float32), beta.astype(np.float32))


def _mean(value: Ints, of: Bits | Floats, values: int) -> tuple[Bits, Bits]:
    """By value the mean of what is known, and of how many."""
    known = ~np.isnan(of)
    count = np.bincount(value[known], minlength=values).astype(np.float64)
    with np.errstate(invalid="ignore"):
        return np.bincount(value[known], of[known], values) / count, count
