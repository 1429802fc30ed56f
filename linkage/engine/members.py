"""Member confidence: each member of a cluster against the rest of it, by the formulas of the rounds.

Leave one out: what would tie this subject to the others if it stood alone now? The posterior is then calibrated
by the model's slope and offset, which were fitted on worlds with known actors.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from linkage.engine.tables import Bits, Flags, Floats, Holdings, Ints, Rows, Whole
from linkage.engine.weigh import Weights, days_apart, weigh_piece

MOST_COMPARED = 64  # periods of other members that one member's is compared with


def member_bits(holdings: Holdings, label: Ints, size: Ints, weights: Weights) -> Bits:
    """Total bits between each subject and the rest of its cluster; 0 for singles."""
    cluster = label[holdings.subject]
    kept = np.flatnonzero(size[cluster] > 1)
    order = kept[np.lexsort((holdings.subject[kept], cluster[kept], holdings.value[kept]))]
    rows = Rows(
        cluster[order],
        holdings.value[order],
        holdings.subject[order],
        holdings.first[order],
        holdings.last[order],
    )
    holders = holder_clusters(holdings, cluster)
    families = len(weights.within)
    room: Floats = np.zeros((3, holdings.subjects, families), np.float32)
    leave_one_out(rows, holders, holdings.value_kind, size, room, weights)
    strongest, rest, density = room.astype(np.float64)
    whole = strongest + rest * weights.within
    dense = np.minimum(whole, weights.cap_dense)
    whole = np.minimum(whole + density * (dense - whole), weights.cap)
    return np.asarray(whole.sum(axis=1), np.float64)


def holder_clusters(holdings: Holdings, cluster: Ints) -> Whole:
    """How many clusters hold each value."""
    pairs = np.unique(holdings.value.astype(np.int64) << 32 | cluster)
    return np.bincount(pairs >> 32, minlength=len(holdings.value_kind))


@njit(cache=True, nogil=True)
def leave_one_out(rows: Rows, holders: Whole, value_kind: Ints, size: Ints, room: Floats, weights: Weights) -> None:
    """Strongest piece, the rest and the strongest's density, by subject and family.

    Rows are sorted by value and cluster; `holding` is the subject.
    """
    begin = 0
    while begin < len(rows.value):
        end = begin + 1
        while (
            end < len(rows.value) and rows.value[end] == rows.value[begin] and rows.cluster[end] == rows.cluster[begin]
        ):
            end += 1
        m = end - begin
        v, n = rows.value[begin], size[rows.cluster[begin]]
        f = weights.family[value_kind[v]]
        for i in range(begin, end if m > 1 else begin):
            gap = np.inf
            for j in range(begin, min(end, begin + MOST_COMPARED)):
                if j != i:
                    gap = min(gap, days_apart(rows.first[i], rows.last[i], rows.first[j], rows.last[j]))
            _, bits = weigh_piece(value_kind[v], holders[v] + 1, 1, 1, n - 1, m - 1, gap, weights)
            s = rows.holding[i]
            density = (m - 1) / (n - 1)
            if bits > room[0, s, f]:
                room[1, s, f] += room[0, s, f]
                room[0, s, f] = bits
                room[2, s, f] = density
            else:
                room[1, s, f] += bits * (1 - density * (1 - weights.within_dense[f]))
        begin = end


def confidence(bits: Bits, clustered: Flags, weights: Weights, slope: float, offset: float) -> Bits:
    """Calibrated probability that a member belongs to its cluster's actor; 1 for singles."""
    log_odds = offset + slope * (bits - weights.neighbourhood_bits)
    return np.where(clustered, 1 / (1 + np.exp2(-log_odds)), 1.0)
