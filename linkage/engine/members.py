"""Member confidence: each member of a cluster against the rest of it, by the formulas of the rounds.

Leave one out: what would tie this subject to the others if it stood alone now? The posterior is then calibrated
by the model's slope and offset, which were fitted on worlds with known actors.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from linkage.engine.tables import Bits, Flags, Floats, Holdings, Ints, Rows, Whole, sort_by_cluster, start_values
from linkage.engine.weigh import Weights, days_apart, weigh_piece

MOST_COMPARED = 64  # periods of other members that one member's is compared with


def member_bits(holdings: Holdings, label: Ints, size: Ints, weights: Weights) -> Bits:
    """Total bits between each subject and the rest of its cluster; 0 for singles."""
    value_start = start_values(holdings.value, len(holdings.value_kind))
    order, holders = order_members(value_start, holdings.subject, label, size)
    rows = Rows(
        label[holdings.subject[order]],
        holdings.value[order],
        holdings.subject[order],
        holdings.first[order],
        holdings.last[order],
    )
    families = len(weights.within)
    room: Floats = np.zeros((3, holdings.subjects, families), np.float32)
    leave_one_out(rows, holders, holdings.value_kind, size, room, weights)
    clustered = np.flatnonzero(size[label] > 1)
    strongest, rest, density = room[:, clustered].astype(np.float64)
    whole = strongest + rest * weights.within
    dense = np.minimum(whole, weights.cap_dense)
    whole = np.minimum(whole + density * (dense - whole), weights.cap)
    bits = np.zeros(holdings.subjects)
    bits[clustered] = whole.sum(axis=1)
    return bits


@njit(cache=True, nogil=True)
def order_members(value_start: Whole, subject: Ints, label: Ints, size: Ints) -> tuple[Whole, Whole]:
    """The holdings of clusters of two or more by value, cluster and subject; how many clusters hold each value."""
    values = len(value_start) - 1
    most = 0
    for v in range(values):
        most = max(most, value_start[v + 1] - value_start[v])
    of_value = np.empty(most, np.int64)
    order = np.empty(len(subject), np.int64)
    holders = np.zeros(values, np.int64)
    n = 0
    for v in range(values):
        sort_by_cluster(label, subject, value_start[v], value_start[v + 1], of_value)
        previous = -1
        for j in range(value_start[v + 1] - value_start[v]):
            c = label[subject[of_value[j]]]
            if c != previous:
                holders[v] += 1
                previous = c
            if size[c] > 1:
                order[n] = of_value[j]
                n += 1
    return order[:n], holders


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
