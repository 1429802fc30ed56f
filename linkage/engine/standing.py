"""How a subject stands beside a cluster: its own, as if it stood alone now, or one that it might belong to.

Rounds join clusters, and what joined two large ones need not hold for each of their members; and they leave single
accounts alone of which no one piece is enough. When the rounds are over each member is therefore looked at by itself,
against the rest of its cluster (leave one out), and each account that is alone against the cluster it shares most
with. What is seen is a row of plain figures, `ASPECTS`; the model's scorecards turn it into a probability
(`scorecard`), and by that members are let go, and newcomers taken in (`second_look`).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from linkage.engine.behaviour import Activity, Profiles, profile_clusters, synchrony_bits
from linkage.engine.tables import (
    Bits,
    Flags,
    Floats,
    Holdings,
    Ints,
    Values,
    Whole,
    index_clusters,
    sort_by_cluster,
    start_values,
    worth_of,
)
from linkage.engine.threads import workers
from linkage.engine.weigh import LN2, Weights, days_apart, full_bits, sign_up_bits, weigh_piece

#: The figures of a subject beside a cluster, in order; NaN where nothing is known, `NOBODYS` where of nobody it is.
ASPECTS = (
    "evidence",  # bits between it and the others of the cluster, pieces of each family put together
    "telling",  # bits of its strongest contact, device, payment or document that another member has too
    "sign_up",  # bits of its sign-up beside theirs
    "hours",  # bits of its working hours beside theirs
    "load",  # bits of its requests in an hour of work beside theirs
    "fellows",  # log2(1 + how many others share anything of FELLOW bits or more with it)
    "size",  # log2 of the cluster's members, itself among them
    "own",  # the part of its telling identifiers that nobody else has
)
EVIDENCE, TELLING, SIGN_UP, HOURS, LOAD, FELLOWS, SIZE, OWN = range(len(ASPECTS))
NOBODYS = math.inf  # what a data set does not keep says nothing of who lacks it
MOST_COMPARED = 64  # other holders of a value in the cluster that a subject is compared with
FELLOW = 4.0
LEAST_VARIANCE = 1e-9  # variance of everybody's load below which nobody's tells anything
CROWD = 2.0  # accounts that everybody's spread of load weighs beside a cluster's own


class Beside(NamedTuple):
    """Subjects, the cluster that each is looked at beside, subject × aspect what is seen, the log2 odds by evidence
    and prior alone, and who is an account (see `when_known`)."""

    subject: Ints
    cluster: Ints
    seen: Bits
    odds: Bits
    account: Flags


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
    row_of: Ints
    value_of: Ints


class Room(NamedTuple):
    """Room for one subject, used again and again: by family, and by subject the last one that met it."""

    strongest: Bits
    rest: Bits
    density: Bits
    beside: Bits
    met_by: Ints


class Sums(NamedTuple):
    """Of one figure by cluster: of how many members it is known, its sum, and the sum of its squares."""

    known: Whole
    total: Bits
    squares: Bits


class Scene(NamedTuple):
    """What subjects are looked at by: the clusters (label of each subject, members of each), what is held and by whom,
    the part of each subject's telling identifiers that is its own, and when they work; in so many threads."""

    label: Ints
    size: Ints
    holdings: Holdings
    grouped: Grouped
    separate: Floats
    activity: Activity
    weights: Weights
    threads: int


def set_scene(
    label: Ints, holdings: Holdings, separate: Floats, activity: Activity, weights: Weights, threads: int = 1
) -> Scene:
    """The scene of these clusters."""
    size = np.bincount(label).astype(np.int32)
    return Scene(label, size, holdings, group_holdings(holdings, label), separate, activity, weights, threads)


def look_at_members(scene: Scene) -> Beside:
    """Every member of a cluster of two or more, beside the others."""
    members = np.flatnonzero(scene.size[scene.label] > 1).astype(np.int32)
    return look_at(members, scene.label[members], scene)


def look_at_newcomers(scene: Scene, core: int, near: float) -> Beside:
    """Every subject alone, beside the cluster of `core` members or more that it shares most with, `near` bits or
    more."""
    alone = np.flatnonzero(scene.size[scene.label] == 1).astype(np.int32)
    values, size, weights = scene.holdings.values, scene.size, scene.weights

    def near_some(some: Ints) -> tuple[Ints, Ints]:
        found: tuple[Ints, Ints] = nearest_clusters(some, core, near, scene.grouped, values, size, weights)
        return found

    with workers(scene.threads) as pool:
        parts = list(pool.map(near_some, np.array_split(alone, scene.threads)))
    subject, cluster = (np.concatenate(column) for column in zip(*parts, strict=True))
    return look_at(subject, cluster, scene)


def look_at(subject: Ints, cluster: Ints, scene: Scene) -> Beside:
    """How subjects stand beside clusters; of a cluster that a subject is in, beside its other members."""
    label, size, holdings, grouped, separate, activity, weights, threads = scene
    seen = np.full((len(subject), len(ASPECTS)), np.nan)
    profiles = profile_both(label, len(size), activity) if weights.behaviour_cap > 0 and len(activity.hour) else None
    if profiles is None:
        seen[:, HOURS] = NOBODYS
    weigh_sign_ups(seen, subject, cluster, holdings.created, label, len(size), weights)
    weigh_loads(seen, subject, cluster, activity.load, label, len(size))

    def look_at_some(part: Whole) -> None:
        some = seen[part]
        beside = subject[part], cluster[part]
        weigh_evidence(some, *beside, grouped, holdings.values, label, size, weights)
        if profiles:
            weigh_hours(some, *beside, label, size, profiles, activity, weights)
        seen[part] = some

    # Hours of a member are taken out of its cluster's for a moment: a cluster is one thread's.
    order = np.argsort(cluster, kind="stable")
    middles = np.linspace(0, len(order), threads + 1).astype(np.int64)[1:-1]
    cuts = np.searchsorted(cluster[order], cluster[order[middles]]) if len(order) else middles
    with workers(threads) as pool:
        list(pool.map(look_at_some, np.split(order, cuts)))
    seen[:, OWN] = separate[subject]
    odds = seen[:, EVIDENCE] - weights.neighbourhood_bits
    return Beside(subject, cluster, seen, odds, when_known(holdings, activity)[subject])


def when_known(holdings: Holdings, activity: Activity) -> Flags:
    """Of which subjects any time is known: of sign-up, of work, of a use. Those are accounts, as the scorecards know
    them; the others are records of people and organisations, of which the scorecards say nothing."""
    dated = np.isfinite(holdings.first)
    known = np.bincount(holdings.subject[dated], minlength=holdings.subjects) > 0
    return known | ~np.isnan(holdings.created) | (np.diff(activity.start) > 0)


def profile_both(label: Ints, clusters: int, activity: Activity) -> Profiles:
    """Profiles of the clusters, then of every single subject."""
    together = profile_clusters(activity, label, clusters)
    alone = profile_clusters(activity, np.arange(len(label), dtype=np.int32), len(label))
    return Profiles(
        np.concatenate([together.start, together.start[-1] + alone.start[1:]]),
        np.concatenate([together.hour, alone.hour]),
        np.concatenate([together.members, alone.members]),
    )


@njit(cache=True, nogil=True)
def nearest_clusters(
    alone: Ints, core: int, near: float, grouped: Grouped, values: Values, size: Ints, weights: Weights
) -> tuple[Ints, Ints]:
    """Of these single subjects those that share `near` bits or more with a cluster of `core` members or more, and the
    cluster that each shares most with, each value counted in full but for the time between its uses."""
    shared = np.zeros(len(size), np.float64)
    asked_by = np.full(len(size), -1, np.int32)
    subject = np.empty(len(alone), np.int32)
    cluster = np.empty(len(alone), np.int32)
    n = 0
    for s in alone:
        nearest, most = -1, 0.0
        for r in range(grouped.subject_start[s], grouped.subject_start[s + 1]):
            i, v = grouped.row_of[r], grouped.value_of[r]
            k = values.kind[v]
            holders = max(grouped.holders[v] - 1, 2)
            in_full = full_bits(
                values.alpha[v], values.beta[v], weights.pool[k], holders, 1, weights.neighbourhood_bits
            )
            if in_full <= 0 or holders > weights.candidate_holders:
                continue
            end = grouped.value_start[v + 1]
            j = grouped.value_start[v]
            while j < end:
                c, gap = grouped.cluster[j], np.inf
                while j < end and grouped.cluster[j] == c:
                    gap = min(gap, days_apart(grouped.first[i], grouped.last[i], grouped.first[j], grouped.last[j]))
                    j += 1
                if size[c] < core:
                    continue
                if asked_by[c] != s:
                    asked_by[c], shared[c] = s, 0.0
                shared[c] += max(in_full - weights.tau[k] * gap / LN2, 0.0)
                if shared[c] > most:
                    nearest, most = c, shared[c]
        if most >= near:
            subject[n], cluster[n] = s, nearest
            n += 1
    return subject[:n].copy(), cluster[:n].copy()


def group_holdings(holdings: Holdings, label: Ints) -> Grouped:
    """The holdings by value, cluster and subject, and by subject."""
    value_start = start_values(holdings.value, len(holdings.values.kind))
    order, holders = order_holdings(value_start, holdings.subject, label)
    subject = holdings.subject[order]
    by_subject = index_clusters(subject, holdings.value, holdings.subjects)
    return Grouped(
        value_start, label[subject], subject, holdings.first[order], holdings.last[order], holders, *by_subject
    )


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
    seen: Bits,
    subject: Ints,
    cluster: Ints,
    grouped: Grouped,
    values: Values,
    label: Ints,
    size: Ints,
    weights: Weights,
) -> None:
    """Fill in what ties each subject to the others of the cluster, and to how many of them."""
    families = len(weights.within)
    telling = np.zeros(families, np.bool_)
    for k in range(len(weights.family)):
        if weights.telling[k]:
            telling[weights.family[k]] = True
    room = Room(
        np.zeros(families), np.zeros(families), np.zeros(families), np.zeros(families),
        np.full(len(label), -1, np.int32)
    )  # fmt: skip
    for n in range(len(subject)):
        s, c = subject[n], cluster[n]
        inside = label[s] == c
        others = size[c] - inside
        met = weigh_subject(s, c, inside, others, grouped, values, weights, room)
        total, most_telling = 0.0, 0.0
        for f in range(families):
            whole = room.strongest[f] + room.rest[f] * room.beside[f] * weights.within[f]
            dense = min(whole, weights.cap_dense[f])
            total += min(whole + room.density[f] * (dense - whole), weights.cap[f])
            if telling[f]:
                most_telling = max(most_telling, room.strongest[f])
        seen[n, EVIDENCE], seen[n, TELLING] = total, most_telling
        seen[n, FELLOWS] = math.log2(1.0 + met)
        seen[n, SIZE] = math.log2(others + 1)


@njit(cache=True, nogil=True)
def weigh_subject(
    s: int, c: int, inside: bool, others: int, grouped: Grouped, values: Values, weights: Weights, room: Room
) -> int:
    """What a subject shares with the others of a cluster, by family and by other; answers how many it met.

    Every value is counted as if the subject stood alone: one holder more than the cluster and the rest of the world.
    """
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
        m = end - begin - inside
        if m < 1:
            continue
        k = values.kind[v]
        gap = np.inf
        together = grouped.holders[v] - (not inside)
        alone = full_bits(
            values.alpha[v], values.beta[v], weights.pool[k], max(together, 2), 1, weights.neighbourhood_bits
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
        _, bits = weigh_piece(worth_of(v, values, weights), together + 1, 1, 1, others, m, gap, weights)
        f, density = weights.family[k], m / others
        if bits > room.strongest[f]:
            room.rest[f] += room.strongest[f] * room.beside[f]
            room.strongest[f], room.density[f], room.beside[f] = bits, density, weights.beside[k]
        else:
            room.rest[f] += bits * weights.beside[k] * (1 - density * (1 - weights.within_dense[f]))
    return met


@njit(cache=True, nogil=True)
def weigh_sign_ups(
    seen: Bits, subject: Ints, cluster: Ints, created: Floats, label: Ints, clusters: int, weights: Weights
) -> None:
    """Fill in what each subject's sign-up says beside those of the others."""
    if not weights.sign_up_span > 0:
        seen[:, SIGN_UP] = NOBODYS
        return
    sums = sum_up(created, label, clusters)
    for n in range(len(subject)):
        s, c = subject[n], cluster[n]
        others, mean, variance = describe_others(created[s], c, label[s] == c, sums)
        if others > 0:
            seen[n, SIGN_UP] = sign_up_bits(
                weights.burst_share, weights.burst_days, weights.sign_up_span, created[s], 0.0, mean, np.sqrt(variance)
            )


@njit(cache=True, nogil=True)
def weigh_loads(seen: Bits, subject: Ints, cluster: Ints, load: Bits, label: Ints, clusters: int) -> None:
    """Fill in what each subject's load says beside those of the others: how much likelier it is to be drawn as theirs
    are than as everybody's are, both taken for normal. Of few others little is known: everybody's mean counts as one
    more of them, everybody's spread as `CROWD`."""
    sums = sum_up(load, label, clusters)
    everybody = max(sums.known.sum(), 1)
    middle = sums.total.sum() / everybody
    wide = sums.squares.sum() / everybody - middle * middle
    if wide < LEAST_VARIANCE:
        seen[:, LOAD] = NOBODYS
        return
    for n in range(len(subject)):
        s, c = subject[n], cluster[n]
        others, mean, variance = describe_others(load[s], c, label[s] == c, sums)
        if others > 0:
            near = (others * mean + middle) / (others + 1)
            narrow = (others * variance + CROWD * wide) / (others + CROWD) * (1 + 1 / others)
            apart = (load[s] - middle) ** 2 / wide - (load[s] - near) ** 2 / narrow
            seen[n, LOAD] = (apart / LN2 + math.log2(wide / narrow)) / 2


@njit(cache=True, nogil=True)
def sum_up(figure: Floats | Bits, label: Ints, clusters: int) -> Sums:
    """The sums of a figure of each subject (NaN: not known) by cluster."""
    sums = Sums(np.zeros(clusters, np.int64), np.zeros(clusters, np.float64), np.zeros(clusters, np.float64))
    for s in range(len(label)):
        exactly = np.float64(figure[s])
        if not np.isnan(exactly):
            sums.known[label[s]] += 1
            sums.total[label[s]] += exactly
            sums.squares[label[s]] += exactly * exactly
    return sums


@njit(cache=True, nogil=True)
def describe_others(figure: float, cluster: int, inside: bool, sums: Sums) -> tuple[float, float, float]:
    """Of how many of a cluster the figure is known, its mean and its variance, without the one who has `figure` if that
    is `inside`; nobody where its own is not known."""
    own = 1.0 if inside else 0.0
    others = sums.known[cluster] - own
    if np.isnan(figure) or others < 1:
        return 0.0, 0.0, 0.0
    mean = (sums.total[cluster] - own * figure) / others
    return others, mean, max((sums.squares[cluster] - own * figure * figure) / others - mean * mean, 0.0)


@njit(cache=True, nogil=True)
def weigh_hours(
    seen: Bits, subject: Ints, cluster: Ints, label: Ints, size: Ints, profiles: Profiles, activity: Activity,
    weights: Weights,
) -> None:  # fmt: skip
    """Fill in what each subject's working hours say beside those of the others, where these are a core.

    What `synchrony_bits` gives as 0, knowing too little, is not known: to know that the hours say nothing is more.
    Profiles are those of the clusters, then those of single subjects; a member's own hours are taken out of its
    cluster's.
    """
    for n in range(len(subject)):
        s, c = subject[n], cluster[n]
        inside = label[s] == c
        if size[c] - inside < weights.behaviour_core or activity.start[s + 1] == activity.start[s]:
            continue
        alone = len(size) + s
        if inside:
            add_hours(alone, c, -1.0, profiles)
        bits = synchrony_bits(c, alone, profiles, activity, weights)
        if bits != 0.0:
            seen[n, HOURS] = bits
        if inside:
            add_hours(alone, c, 1.0, profiles)


@njit(cache=True, nogil=True)
def add_hours(member: int, cluster: int, times: float, profiles: Profiles) -> None:
    """Add a member's hours to those of its cluster, which has each of them."""
    low, end = profiles.start[cluster], profiles.start[cluster + 1]
    for j in range(profiles.start[member], profiles.start[member + 1]):
        low += np.searchsorted(profiles.hour[low:end], profiles.hour[j])
        profiles.members[low] += times
