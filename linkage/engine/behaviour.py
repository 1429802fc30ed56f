"""Behaviour: whether one cluster works in the hours in which another works, beyond what chance and habit explain.

The question asked of a cluster A and a smaller one B: given that B works at all in its lifetime, does it choose A's
hours? Each hour of B was drawn either from the hours of everybody (the null) or, for a share of them, from the hours
of A. The Bayes factor of one hour h is

    1 − σ + σ · f_A(h) / q(h)

    f_A   share of A's work within B's lifetime that lies at h, spread over h ± 1
    q     the greatest of three: the share of everybody's work at h within B's lifetime; the share of B's own work at
          that hour of the day, spread over its days; the same for the hour of the week

Hours of one day depend on each other: they are averaged, days are multiplied. Since f_A and q are both distributions
over B's lifetime, the factor is 1 on average where the null holds, whatever A does: releases that move everybody are in
q, and a job that runs daily at noon explains its own noons, so that two such jobs say nothing about each other. Whether
actors work like that at all is not sure, so the whole is mixed:

    bits = log2(1 − π + π · Π over days)        at most `cap`

Not knowing is 0 bits; working at other hours costs at most log2(1 − π).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from linkage.engine.tables import Bits, Ints, Whole
from linkage.engine.weigh import Weights

DAY, WEEK = 24, 168
FEWEST_HOURS = 3  # of B, below which it has no habits to speak of
FEWEST_SHARED_LIFE = 8.0  # active hours of A's members within B's lifetime
MOST_BITS = 60.0  # beyond which a product is not followed


class Activity(NamedTuple):
    """Hours in which each subject worked, counted from the first hour of all, by subject then hour.

    `everybody` is how many subjects worked in each hour, `so_far` its running sum from 0 on. `load` is of each subject
    the mean of log2 of its requests in an hour of work (NaN: not known).
    """

    start: Whole
    hour: Ints
    everybody: Bits
    so_far: Bits
    load: Bits


class Profiles(NamedTuple):
    """The same for clusters of a round: the hours and in how many members' work each occurs."""

    start: Whole
    hour: Ints
    members: Bits


def gather_activity(subject: Ints, hour: Ints, subjects: int, requests: Bits | None = None) -> Activity:
    """Activity from rows in the order of subject and hour (hours since any epoch that begins a day and a week), with
    the requests of each where they are known."""
    first = int(hour.min()) // WEEK * WEEK if len(hour) else 0
    hour = (hour - first).astype(np.int32)
    everybody = np.bincount(hour, minlength=1).astype(np.float64) + 0.5
    start = np.searchsorted(subject, np.arange(subjects + 1)).astype(np.int64)
    load = _mean_load(subject, requests, subjects) if requests is not None else np.full(subjects, np.nan)
    return Activity(start, hour, everybody, np.concatenate([[0.0], np.cumsum(everybody)]), load)


def _mean_load(subject: Ints, requests: Bits, subjects: int) -> Bits:
    """Of each subject the mean of log2 of its requests in the hours of which they are known; none count as one."""
    known = ~np.isnan(requests)
    hours = np.bincount(subject[known], minlength=subjects)
    total = np.bincount(subject[known], np.log2(np.maximum(requests[known], 1.0)), subjects)
    return np.where(hours > 0, total / np.maximum(hours, 1), np.nan)


NO_ACTIVITY = gather_activity(np.zeros(0, np.int32), np.zeros(0, np.int32), 0)


@njit(cache=True, nogil=True)
def profile_clusters(activity: Activity, label: Ints, clusters: int) -> Profiles:
    """Every cluster's hours in order, with how many members worked in each."""
    place = np.zeros(clusters + 1, np.int64)
    for s in range(len(label)):
        place[label[s] + 1] += activity.start[s + 1] - activity.start[s]
    for c in range(clusters):
        place[c + 1] += place[c]
    hour = np.empty(place[clusters], np.int32)
    fill = place[:clusters].copy()
    for s in range(len(label)):
        c = label[s]
        for i in range(activity.start[s], activity.start[s + 1]):
            hour[fill[c]] = activity.hour[i]
            fill[c] += 1
    start = np.zeros(clusters + 1, np.int64)
    members = np.empty(len(hour), np.float64)
    n = 0
    for c in range(clusters):
        begin, end = place[c], place[c + 1]
        in_order = True
        for i in range(begin + 1, end):
            in_order = in_order and hour[i - 1] <= hour[i]
        if not in_order:
            hour[begin:end].sort()
        for i in range(begin, end):
            if i > begin and hour[i] == hour[n - 1]:
                members[n - 1] += 1
            else:
                hour[n] = hour[i]
                members[n] = 1
                n += 1
        start[c + 1] = n
    return Profiles(start, hour[:n], members[:n])


@njit(cache=True, nogil=True)
def synchrony_bits(larger: int, smaller: int, profiles: Profiles, activity: Activity, weights: Weights) -> float:
    """Bits for (or against) one actor from the hours in which two clusters worked; 0 where too little is known."""
    begin, end = profiles.start[smaller], profiles.start[smaller + 1]
    count = end - begin
    if weights.behaviour_cap <= 0 or count < FEWEST_HOURS:
        return 0.0
    birth, death = profiles.hour[begin], profiles.hour[end - 1]
    low = profiles.start[larger] + np.searchsorted(
        profiles.hour[profiles.start[larger] : profiles.start[larger + 1]], birth
    )
    high = profiles.start[larger] + np.searchsorted(
        profiles.hour[profiles.start[larger] : profiles.start[larger + 1]], death + 1
    )
    theirs = profiles.members[low:high].sum()
    if theirs < FEWEST_SHARED_LIFE:
        return 0.0
    of_day, of_week = np.zeros(DAY), np.zeros(WEEK)
    for i in range(begin, end):
        of_day[profiles.hour[i] % DAY] += 1
        of_week[profiles.hour[i] % WEEK] += 1
    days = (death - birth) / DAY + 1
    weeks = max(days / 7, 1.0)
    life = activity.so_far[death + 1] - activity.so_far[birth]
    total, of_one_day, hours, near = 0.0, 0.0, 0, low
    for i in range(begin, end):
        h = profiles.hour[i]
        by_chance = max(
            activity.everybody[h] / life,
            (of_day[h % DAY] - 1) / count / days,
            (of_week[h % WEEK] - 1) / count / weeks,
        )
        while near < high and profiles.hour[near] < h - 1:
            near += 1
        at = 0.0
        for j in range(near, min(near + 3, high)):
            if profiles.hour[j] <= h + 1:
                at += profiles.members[j] * (2 if profiles.hour[j] == h else 1)
        of_one_day += 1 - weights.together + weights.together * at / (4 * theirs) / by_chance
        hours += 1
        if i + 1 == end or profiles.hour[i + 1] // DAY != h // DAY:
            total += math.log2(of_one_day / hours)
            of_one_day, hours = 0.0, 0
    mixed = math.log2(1 - weights.coordinated + weights.coordinated * 2.0 ** min(total, MOST_BITS))
    return min(mixed, weights.behaviour_cap)
