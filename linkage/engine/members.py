"""Member confidence: each member of a cluster against the rest of it, by the formulas of the rounds.

Leave one out: what would tie this subject to the others if it stood alone now? The posterior is then calibrated
by the model's slope and offset, which were fitted on worlds with known actors.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from linkage.engine.model import Confidence
from linkage.engine.tables import (
    Bits,
    Floats,
    Holdings,
    Ints,
    Rows,
    Values,
    Whole,
    sort_by_cluster,
    start_values,
    worth_of,
)
from linkage.engine.weigh import Weights, days_apart, sign_up_bits, weigh_piece

MOST_COMPARED = 64  # periods of other members that one member's is compared with


def member_bits(holdings: Holdings, label: Ints, size: Ints, weights: Weights) -> Bits:
    """Total bits between each subject and the rest of its cluster; 0 for singles."""
    value_start = start_values(holdings.value, len(holdings.values.kind))
    order, holders = order_members(value_start, holdings.subject, label, size)
    rows = Rows(
        label[holdings.subject[order]],
        holdings.value[order],
        holdings.subject[order],
        holdings.first[order],
        holdings.last[order],
    )
    families = len(weights.within)
    room: Floats = np.zeros((4, holdings.subjects, families), np.float32)
    leave_one_out(rows, holders, holdings.values, size, room, weights)
    clustered = np.flatnonzero(size[label] > 1)
    strongest, rest, density, beside = room[:, clustered].astype(np.float64)
    whole = strongest + rest * beside * weights.within
    dense = np.minimum(whole, weights.cap_dense)
    whole = np.minimum(whole + density * (dense - whole), weights.cap)
    bits = np.zeros(holdings.subjects)
    bits[clustered] = whole.sum(axis=1)
    add_sign_ups(bits, holdings.created, label, size, weights)
    return bits


@njit(cache=True, nogil=True)
def add_sign_ups(bits: Bits, created: Floats, label: Ints, size: Ints, weights: Weights) -> None:
    """Add what each member's sign-up says beside those of the others of its cluster."""
    known = np.zeros(len(size), np.int64)
    total = np.zeros(len(size), np.float64)
    squares = np.zeros(len(size), np.float64)
    for s in range(len(created)):
        if size[label[s]] > 1 and not np.isnan(created[s]):
            known[label[s]] += 1
            total[label[s]] += created[s]
            squares[label[s]] += created[s] * created[s]
    for s in range(len(created)):
        c = label[s]
        others = known[c] - 1
        if size[c] < 2 or np.isnan(created[s]) or others < 1:
            continue
        mean = (total[c] - created[s]) / others
        spread = np.sqrt(max((squares[c] - created[s] * created[s]) / others - mean * mean, 0.0))
        bits[s] += sign_up_bits(
            weights.burst_share, weights.burst_days, weights.sign_up_span, created[s], 0.0, mean, spread
        )


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
def leave_one_out(rows: Rows, holders: Whole, values: Values, size: Ints, room: Floats, weights: Weights) -> None:
    """Strongest piece, the rest, and of the strongest its density and what would be left of it beside a stronger one,
    by subject and family.

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
        f, beside = weights.family[values.kind[v]], weights.beside[values.kind[v]]
        for i in range(begin, end if m > 1 else begin):
            gap = np.inf
            for j in range(begin, min(end, begin + MOST_COMPARED)):
                if j != i:
                    gap = min(gap, days_apart(rows.first[i], rows.last[i], rows.first[j], rows.last[j]))
            _, bits = weigh_piece(worth_of(v, values, weights), holders[v] + 1, 1, 1, n - 1, m - 1, gap, weights)
            s = rows.holding[i]
            density = (m - 1) / (n - 1)
            if bits > room[0, s, f]:
                room[1, s, f] += room[0, s, f] * room[3, s, f]
                room[0, s, f] = bits
                room[2, s, f] = density
                room[3, s, f] = beside
            else:
                room[1, s, f] += bits * beside * (1 - density * (1 - weights.within_dense[f]))
        begin = end


def confidence(bits: Bits, size: Ints, weights: Weights, model: Confidence) -> Bits:
    """Calibrated probability that a member belongs to its cluster's actor; `size` is its cluster's, 1 for singles."""
    log_odds = model.offset + model.slope * (bits - weights.neighbourhood_bits) + model.size * np.log2(size)
    return np.where(size > 1, 1 / (1 + np.exp2(-log_odds)), 1.0)
