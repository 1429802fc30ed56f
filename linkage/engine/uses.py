"""How each shared value is used: by how many, for how long, how many at a time. What `places` judges by.

Of every value one pass over its holders; a holder whose times are not known counts as a holder, and in no time.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from linkage.engine.tables import Bits, Floats, Ints, Whole

SHORTEST = 1 / 24  # days that a value is taken to be in use, so that a moment is no crowd
SHORTEST_LIFE = 1.0  # days that a holder must have been seen, to say which part of them it stayed


class Uses(NamedTuple):
    """By value. Days are days; what is not known is NaN.

    n           holders                         stay       median days from a holder's first use to its last
    clusters    clusters that hold it           residence  median share of the days a holder was seen at all
    largest     holders in one cluster          used       days from the first use to the last
    handed      holders who came after          at_once    holders at a time, on average over those days
                all before them had gone        arrived    days within which four in five holders came
    """

    n: Ints
    clusters: Ints
    largest: Ints
    handed: Ints
    stay: Bits
    residence: Bits
    used: Bits
    at_once: Bits
    arrived: Bits


@njit(cache=True, nogil=True)
def look_at_uses(
    start: Whole, subject: Ints, first: Floats, last: Floats, label: Ints, life: Floats
) -> tuple[Ints, Ints, Ints, Ints, Bits, Bits, Bits, Bits, Bits]:
    """The columns of `Uses`; `start` is where each value's holdings begin, `life` how many days a subject was seen."""
    values = len(start) - 1
    n, clusters, largest, handed = np.zeros((4, values), np.int32)
    stay, residence, used, at_once, arrived = np.full((5, values), np.nan)
    for v in range(values):
        begin, end = start[v], start[v + 1]
        n[v] = end - begin
        clusters[v], largest[v] = _clusters(np.sort(label[subject[begin:end]]))
        stays, parts, arrivals = np.empty(n[v]), np.empty(n[v]), np.empty(n[v])
        known, seen, total = 0, 0, 0.0
        until, since = -math.inf, math.inf
        for row in begin + np.argsort(first[begin:end]):
            if first[row] > until > -math.inf:
                handed[v] += 1
            until = max(until, last[row])
            if not (math.isfinite(first[row]) and math.isfinite(last[row])):
                continue
            since = min(since, first[row])
            arrivals[known], stays[known] = first[row], max(last[row] - first[row], 0.0)
            total += stays[known]
            if life[subject[row]] > SHORTEST_LIFE:
                parts[seen] = min(stays[known] / life[subject[row]], 1.0)
                seen += 1
            known += 1
        if seen:
            residence[v] = np.median(parts[:seen])
        if known:
            stay[v], used[v] = np.median(stays[:known]), until - since
            at_once[v] = total / max(until - since, SHORTEST)
            arrived[v] = _at(arrivals[:known], 0.9) - _at(arrivals[:known], 0.1)
    return n, clusters, largest, handed, stay, residence, used, at_once, arrived


@njit(cache=True, nogil=True)
def _clusters(labels: Ints) -> tuple[int, int]:
    """How many labels there are, and how often the commonest occurs; they are sorted."""
    clusters, largest, run = 0, 0, 0
    for i in range(len(labels)):
        if i == 0 or labels[i] != labels[i - 1]:
            clusters, run = clusters + 1, 0
        run += 1
        largest = max(largest, run)
    return clusters, largest


@njit(cache=True, nogil=True)
def _at(values: Bits, share: float) -> float:
    """The quantile of sorted values, between neighbours in proportion."""
    place = share * (len(values) - 1)
    below = int(place)
    above = min(below + 1, len(values) - 1)
    return float(values[below] + (place - below) * (values[above] - values[below]))
