"""How each member stands in its cluster: what would tie it to the others if it stood alone now.

Rounds join clusters, and what joined two large ones need not hold for each of their members. When the rounds are over
each member is therefore looked at by itself, against the rest of its cluster (leave one out). What is seen is a row of
plain figures, `ASPECTS`; the model's scorecard turns it into a confidence (`scorecard`), and members that do not stand
the second look are let go (`second_look`).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from linkage.engine.behaviour import Activity, Profiles, profile_clusters, synchrony_bits
from linkage.engine.tables import (
    Bits,
    Floats,
    Holdings,
    Ints,
    Values,
    Whole,
    sort_by_cluster,
    start_values,
    worth_of,
)
from linkage.engine.weigh import Weights, days_apart, full_bits, sign_up_bits, weigh_piece

#: The figures of a member, in order; NaN where nothing is known.
ASPECTS = (
    "evidence",  # bits between it and the others of its cluster, pieces of each family put together
    "telling",  # bits of its strongest contact, device, payment or document that another member has too
    "sign_up",  # bits of its sign-up beside theirs
    "hours",  # bits of its working hours beside theirs
    "fellows",  # log2(1 + how many others share anything of FELLOW bits or more with it)
    "size",  # log2 of its cluster's members
    "own",  # the part of its telling identifiers that nobody else has
)
EVIDENCE, TELLING, SIGN_UP, HOURS, FELLOWS, SIZE, OWN = range(len(ASPECTS))
MOST_COMPARED = 64  # other holders of a value in the cluster that a member is compared with
FELLOW = 4.0


class Grouped(NamedTuple):
    """The shared holdings by value, cluster and subject, where each value's begin, and how many clusters hold each; and
    the holdings of each subject."""

    value_start: Whole
    cluster: Ints
    subject: Ints
    first: Floats
    last: Floats
    holders: Whole
    subject_start: Whole
    row_of: Whole
    value_of: Ints


class Room(NamedTuple):
    """Room for one member, used again and again: by family, and by subject the last member that met it."""

    strongest: Bits
    rest: Bits
    density: Bits
    beside: Bits
    met_by: Ints


def look_at_members(
    holdings: Holdings, label: Ints, size: Ints, separate: Floats, activity: Activity, weights: Weights
) -> Bits:
    """Subject × aspect: how each subject stands in its cluster, beside the others; singles have NaN everywhere.

    `separate` is the share of each subject's telling identifiers that is its own.
    """
    seen = np.full((holdings.subjects, len(ASPECTS)), np.nan)
    members = np.flatnonzero(size[label] > 1).astype(np.int32)
    weigh_evidence(seen, members, group_holdings(holdings, label), holdings.values, label, size, weights)
    weigh_sign_ups(seen, members, holdings.created, label, len(size), weights)
    if weights.behaviour_cap > 0 and len(activity.hour):
        clusters = profile_clusters(activity, label, len(size))
        singles = profile_clusters(activity, np.arange(len(label), dtype=np.int32), len(label))
        both = Profiles(
            np.concatenate([clusters.start, clusters.start[-1] + singles.start[1:]]),
            np.concatenate([clusters.hour, singles.hour]),
            np.concatenate([clusters.members, singles.members]),
        )
        weigh_hours(seen, members, label, size, both, activity, weights)
    seen[members, OWN] = separate[members]
    return seen


def group_holdings(holdings: Holdings, label: Ints) -> Grouped:
    """The holdings by value, cluster and subject, and by subject."""
    value_start = start_values(holdings.value, len(holdings.values.kind))
    order, holders = order_holdings(value_start, holdings.subject, label)
    subject = holdings.subject[order]
    by_subject = np.argsort(subject, kind="stable")
    subject_start = np.searchsorted(subject[by_subject], np.arange(holdings.subjects + 1)).astype(np.int64)
    return Grouped(
        value_start, label[subject], subject, holdings.first[order], holdings.last[order], holders,
        subject_start, by_subject, holdings.value[order][by_subject],
    )  # fmt: skip


@njit(cache=True, nogil=True)
def order_holdings(value_start: Whole, subject: Ints, label: Ints) -> tuple[Whole, Whole]:
    """The holdings by value, cluster and subject; how many clusters hold each value."""
    values = len(value_start) - 1
    order = np.empty(len(subject), np.int64)
    holders = np.zeros(values, np.int64)
    for v in range(values):
        begin, end = value_start[v], value_start[v + 1]
        sort_by_cluster(label, subject, begin, end, order[begin:end])
        for i in range(begin, end):
            if i == begin or label[subject[order[i]]] != label[subject[order[i - 1]]]:
                holders[v] += 1
    return order, holders


@njit(cache=True, nogil=True)
def weigh_evidence(
    seen: Bits, members: Ints, grouped: Grouped, values: Values, label: Ints, size: Ints, weights: Weights
) -> None:
    """Fill in what ties each member to the others of its cluster, and to how many of them."""
    families = len(weights.within)
    telling = np.zeros(families, np.bool_)
    for k in range(len(weights.family)):
        if weights.telling[k]:
            telling[weights.family[k]] = True
    room = Room(
        np.zeros(families), np.zeros(families), np.zeros(families), np.zeros(families),
        np.full(len(label), -1, np.int32)
    )  # fmt: skip
    for s in members:
        met = weigh_member(s, label[s], size[label[s]] - 1, grouped, values, weights, room)
        total, most_telling = 0.0, 0.0
        for f in range(families):
            whole = room.strongest[f] + room.rest[f] * room.beside[f] * weights.within[f]
            dense = min(whole, weights.cap_dense[f])
            total += min(whole + room.density[f] * (dense - whole), weights.cap[f])
            if telling[f]:
                most_telling = max(most_telling, room.strongest[f])
        seen[s, EVIDENCE], seen[s, TELLING] = total, most_telling
        seen[s, FELLOWS] = math.log2(1.0 + met)
        seen[s, SIZE] = math.log2(size[label[s]])


@njit(cache=True, nogil=True)
def weigh_member(s: int, c: int, others: int, grouped: Grouped, values: Values, weights: Weights, room: Room) -> int:
    """What a member shares with the others of its cluster, by family and by other; answers how many it met."""
    room.strongest[:] = 0
    room.rest[:] = 0
    room.density[:] = 0
    room.beside[:] = 1
    met = 0
    for r in range(grouped.subject_start[s], grouped.subject_start[s + 1]):
        i, v = grouped.row_of[r], grouped.value_of[r]
        low, high = grouped.value_start[v], grouped.value_start[v + 1]
        begin = low + np.searchsorted(grouped.cluster[low:high], c)
        end = low + np.searchsorted(grouped.cluster[low:high], c + 1)
        m = end - begin - 1
        if m < 1:
            continue
        k = values.kind[v]
        gap = np.inf
        alone = full_bits(
            values.alpha[v], values.beta[v], weights.pool[k], max(grouped.holders[v], 2), 1, weights.neighbourhood_bits
        )
        for j in range(begin, min(end, begin + MOST_COMPARED)):
            if j == i:
                continue
            gap = min(gap, days_apart(grouped.first[i], grouped.last[i], grouped.first[j], grouped.last[j]))
            if alone >= FELLOW:
                other = grouped.subject[j]
                if room.met_by[other] != s:
                    room.met_by[other] = s
                    met += 1
        _, bits = weigh_piece(worth_of(v, values, weights), grouped.holders[v] + 1, 1, 1, others, m, gap, weights)
        f, density = weights.family[k], m / others
        if bits > room.strongest[f]:
            room.rest[f] += room.strongest[f] * room.beside[f]
            room.strongest[f], room.density[f], room.beside[f] = bits, density, weights.beside[k]
        else:
            room.rest[f] += bits * weights.beside[k] * (1 - density * (1 - weights.within_dense[f]))
    return met


@njit(cache=True, nogil=True)
def weigh_sign_ups(seen: Bits, members: Ints, created: Floats, label: Ints, clusters: int, weights: Weights) -> None:
    """Fill in what each member's sign-up says beside those of the others."""
    known = np.zeros(clusters, np.int64)
    total = np.zeros(clusters, np.float64)
    squares = np.zeros(clusters, np.float64)
    for s in members:
        if not np.isnan(created[s]):
            known[label[s]] += 1
            total[label[s]] += created[s]
            squares[label[s]] += created[s] * created[s]
    for s in members:
        c = label[s]
        others = known[c] - 1
        if np.isnan(created[s]) or others < 1:
            continue
        mean = (total[c] - created[s]) / others
        spread = np.sqrt(max((squares[c] - created[s] * created[s]) / others - mean * mean, 0.0))
        seen[s, SIGN_UP] = sign_up_bits(
            weights.burst_share, weights.burst_days, weights.sign_up_span, created[s], 0.0, mean, spread
        )


@njit(cache=True, nogil=True)
def weigh_hours(
    seen: Bits, members: Ints, label: Ints, size: Ints, profiles: Profiles, activity: Activity, weights: Weights
) -> None:
    """Fill in what each member's working hours say beside those of the others, where these are a core.

    Profiles are those of the clusters, then those of single subjects; a member's own hours are taken out of its
    cluster's.
    """
    for s in members:
        c = label[s]
        if size[c] <= weights.behaviour_core or activity.start[s + 1] == activity.start[s]:
            continue
        own = len(size) + s
        add_hours(own, c, -1.0, profiles)
        seen[s, HOURS] = synchrony_bits(c, own, profiles, activity, weights)
        add_hours(own, c, 1.0, profiles)


@njit(cache=True, nogil=True)
def add_hours(member: int, cluster: int, times: float, profiles: Profiles) -> None:
    """Add a member's hours to those of its cluster, which has each of them."""
    low, end = profiles.start[cluster], profiles.start[cluster + 1]
    for j in range(profiles.start[member], profiles.start[member + 1]):
        low += np.searchsorted(profiles.hour[low:end], profiles.hour[j])
        profiles.members[low] += times
