"""Member confidence: each member of a cluster against the rest of it, by the formulas of the rounds.

Leave one out: what would tie this subject to the others if it stood alone now? The posterior is then calibrated
by the model's slope and offset, which were fitted on worlds with known actors.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from linkage.engine.rounds import Bits, Flags, Floats, Holdings, Ints, Whole
from linkage.engine.weigh import Weights, days_apart, full_bits, size_penalty


def member_bits(holdings: Holdings, label: Ints, size: Ints, weights: Weights) -> Bits:
    """Total bits between each subject and the rest of its cluster; 0 for singles."""
    cluster = label[holdings.subject]
    kept = np.flatnonzero(size[cluster] > 1)
    order = kept[np.lexsort((holdings.subject[kept], cluster[kept], holdings.value[kept]))]
    return leave_one_out(
        cluster[order],
        holdings.value[order],
        holdings.subject[order],
        holdings.first[order],
        holdings.last[order],
        holders_in_clusters(holdings, cluster),
        holdings.value_kind,
        size,
        holdings.subjects,
        weights,
    )


def holders_in_clusters(holdings: Holdings, cluster: Ints) -> Whole:
    """How many clusters hold each value."""
    pairs = np.unique(holdings.value.astype(np.int64) << 32 | cluster)
    return np.bincount(pairs >> 32, minlength=len(holdings.value_kind))


@njit(cache=True, nogil=True)
def leave_one_out(
    cluster: Ints, value: Ints, subject: Ints, first: Floats, last: Floats, holders: Whole, value_kind: Ints,
    size: Ints, subjects: int, weights: Weights,
) -> Bits:  # fmt: skip
    """Total bits per subject; rows sorted by value, cluster, subject."""
    families = len(weights.within)
    strongest = np.zeros((subjects, families), np.float32)
    rest = np.zeros((subjects, families), np.float32)
    rows = len(value)
    begin = 0
    while begin < rows:
        end = begin + 1
        while end < rows and value[end] == value[begin] and cluster[end] == cluster[begin]:
            end += 1
        m = end - begin
        if m > 1:
            v, k, n = value[begin], value_kind[value[begin]], size[cluster[begin]]
            full = full_bits(weights.alpha[k], weights.beta[k], weights.pool[k], holders[v] + 1, m - 1, weights.neighbourhood_bits)
            if full > 0:
                f = weights.family[k]
                for i in range(begin, end):
                    gap = np.inf
                    for j in range(begin, min(end, begin + 64)):
                        if j != i:
                            gap = min(gap, days_apart(first[i], last[i], first[j], last[j]))
                    bits = full - size_penalty(weights.size_correction, weights.both_large, 1, 1, n - 1, m - 1)
                    bits -= weights.tau[k] * gap / 0.6931471805599453
                    if bits <= 0:
                        continue
                    s = subject[i]
                    if bits > strongest[s, f]:
                        rest[s, f] += strongest[s, f]
                        strongest[s, f] = bits
                    else:
                        rest[s, f] += bits
        begin = end
    total = np.zeros(subjects, np.float64)
    for s in range(subjects):
        for f in range(families):
            total[s] += min(strongest[s, f] + weights.within[f] * rest[s, f], weights.cap[f])
    return total


def confidence(bits: Bits, clustered: Flags, weights: Weights, slope: float, offset: float) -> Bits:
    """Calibrated probability that a member belongs to its cluster's actor; 1 for singles."""
    log_odds = offset + slope * (bits - weights.neighbourhood_bits)
    return np.where(clustered, 1 / (1 + np.exp2(-log_odds)), 1.0)
