"""The second look: members that do not stand by themselves are let go, single accounts that stand beside a cluster are
taken in, and the dendrogram is told accordingly."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numba import njit

from linkage.engine.forest import Marks, find, keep_out, plant
from linkage.engine.model import Confidence, Newcomers
from linkage.engine.scorecard import log_odds, probability
from linkage.engine.standing import Beside
from linkage.engine.tables import Bits, Flags, Ints, Whole

FEW = 200  # members that the usual base rate weighs
MOST_LOOKS = 4  # times that members are let go, and newcomers taken in, before the clusters stand

Look = Callable[[Ints], Beside]


class Taken(NamedTuple):
    """Who was taken in, in order: the first subject of the cluster, the newcomer, the members of the cluster till then,
    the turn from 1 on, and the log2 odds that the newcomer belongs there."""

    left: Ints
    right: Ints
    left_size: Ints
    turn: Ints
    bits: Bits


class Seen(NamedTuple):
    """After the second look: the cluster of each subject and its confidence, the size of each cluster, who was let go,
    who was taken in, and the base rate of this data set (`base_rate_bits`)."""

    label: Ints
    sure: Bits
    size: Ints
    gone: Flags
    taken: Taken
    base_rate_bits: float


class Kept(NamedTuple):
    """Merges that are left, by their place in the list that was given; their sides by the first subject that stayed,
    and how many did."""

    merge: Whole
    left: Ints
    right: Ints
    left_size: Ints
    right_size: Ints


def look_twice(
    label: Ints,
    members: Look,
    newcomers: Look,
    stated: Flags,
    marks: Marks,
    confidence: Confidence,
    welcome: Newcomers,
) -> Seen:
    """Let go who does not stand, then take in who does; both looks are given the cluster of each subject.

    Whose membership is `stated` stays; those whom `marks` keep apart never come together.
    """
    seen = members(label)
    shift = base_rate_bits(seen, stated, confidence)
    label, gone = keep_who_stands(label, seen, members, stated, confidence, shift)
    label, taken = take_in(label, newcomers, marks, welcome)
    size = np.bincount(label).astype(np.int32)
    sure = how_sure(members(label), stated, confidence, shift)
    sure[taken.right] = probability(taken.bits)
    return Seen(label, sure, size, gone, taken, shift)


def base_rate_bits(seen: Beside, stated: Flags, confidence: Confidence) -> float:
    """How much likelier right a member of these clusters is, in log2 odds, than those the curves were learnt on.

    Where there are few rings in a large crowd, more of what was joined was joined by chance. One step of the estimate
    of a data set's base rate from the judgements themselves (Saerens, Latinne and Decaestecker 2002): all its steps
    overshoot, since the members of data sets differ in more than in how many are right.
    """
    counted = seen.account & ~stated[seen.subject]
    count = int(counted.sum())
    right = float(probability(log_odds(seen.seen[counted], confidence)).sum())
    here = (right + FEW * confidence.typical) / (count + FEW)
    return float(np.log2(here / (1 - here)) - np.log2(confidence.typical / (1 - confidence.typical)))


def how_sure(seen: Beside, stated: Flags, confidence: Confidence, shift: float) -> Bits:
    """Confidence by subject, at this base rate; of singles 1. Records have that of their evidence."""
    sure = np.ones(len(stated))
    bits = np.where(seen.account, log_odds(seen.seen, confidence) + shift, seen.odds)
    sure[seen.subject] = probability(bits)
    member = stated & (sure < confidence.stated)
    sure[member] = confidence.stated
    return sure


def keep_who_stands(
    label: Ints, seen: Beside, members: Look, stated: Flags, confidence: Confidence, shift: float
) -> tuple[Ints, Flags]:
    """The cluster of each subject when those who do not stand by themselves are let go, until all do; who was. `seen`
    are the members as they are now."""
    gone = np.zeros(len(label), np.bool_)
    for turn in range(MOST_LOOKS):
        if turn:
            seen = members(label)
        least = np.zeros(len(label))
        least[seen.subject] = np.where(seen.account, confidence.least, confidence.least_by_evidence)
        going = how_sure(seen, stated, confidence, shift) < least
        if not going.any():
            break
        gone |= going
        label = let_go(label, going)
    return label, gone


def take_in(label: Ints, newcomers: Look, marks: Marks, welcome: Newcomers) -> tuple[Ints, Taken]:
    """The cluster of each subject when single accounts that stand beside a cluster are taken in, until none does."""
    turns: list[Taken] = []
    for turn in range(1, MOST_LOOKS + 1):
        seen = newcomers(label)
        bits = log_odds(seen.seen, welcome)
        stands = seen.account & (probability(bits) >= welcome.least)
        stands &= ~forbidden(label, seen.subject, np.where(stands, seen.cluster, -1), marks)
        if not stands.any():
            break
        subject, cluster, bits = seen.subject[stands], seen.cluster[stands], bits[stands]
        order = np.lexsort((subject, cluster))
        subject, cluster, bits = subject[order], cluster[order], bits[order]
        first = np.full(int(label.max()) + 1, len(label), np.int32)
        np.minimum.at(first, label, np.arange(len(label), dtype=np.int32))
        before = np.arange(len(cluster)) - np.searchsorted(cluster, cluster)
        size = (np.bincount(label)[cluster] + before).astype(np.int32)
        turns.append(Taken(first[cluster], subject, size, np.full(len(subject), turn, np.int32), bits))
        label = label.copy()
        label[subject] = cluster
        label = number_by_first(label)
    return label, Taken(*(np.concatenate(column) for column in zip(_NOBODY, *turns, strict=True)))


_NONE = np.zeros(0, np.int32)
_NOBODY = Taken(_NONE, _NONE, _NONE, _NONE, np.zeros(0))


def forbidden(label: Ints, subject: Ints, cluster: Ints, marks: Marks) -> Flags:
    """Which subjects may not go to the cluster proposed for them (-1: none is): somebody who is to be kept apart from
    them is there, or is to go there and comes first."""
    if not len(marks.mark):
        return np.zeros(len(subject), np.bool_)
    proposed = np.asarray(cluster, np.int32)
    refused: Flags = keep_out(np.asarray(subject, np.int32), proposed, label, plant(len(label), marks))
    return refused


def let_go(label: Ints, gone: Flags) -> Ints:
    """The cluster of each subject when those that go are singles."""
    following = label.astype(np.int64)
    following[gone] = int(label.max(initial=0)) + 1 + np.flatnonzero(gone)
    return number_by_first(following)


def number_by_first(label: Ints | Whole) -> Ints:
    """The same clusters, numbered by their first subject."""
    _, first, number = np.unique(label, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int32)
    rank[np.argsort(first)] = np.arange(len(first), dtype=np.int32)
    return rank[number].astype(np.int32)


@njit(cache=True, nogil=True)
def retell(left: Ints, right: Ints, gone: Flags) -> Kept:
    """The merges, given in order by a subject of each side, between those who stayed."""
    subjects = len(gone)
    parent = np.arange(subjects).astype(np.int32)
    first = np.arange(subjects).astype(np.int32)
    size = np.ones(subjects, np.int32)
    for s in range(subjects):
        if gone[s]:
            size[s] = 0
    merge = np.empty(len(left), np.int64)
    sides = np.empty((4, len(left)), np.int32)
    n = 0
    for i in range(len(left)):
        a, b = find(parent, left[i]), find(parent, right[i])
        if a == b:
            continue
        if size[a] > 0 and size[b] > 0:
            merge[n] = i
            sides[0, n], sides[1, n], sides[2, n], sides[3, n] = first[a], first[b], size[a], size[b]
            n += 1
        parent[b] = a
        if size[a] == 0 or (size[b] > 0 and first[b] < first[a]):
            first[a] = first[b]
        size[a] += size[b]
    return Kept(merge[:n], sides[0, :n].copy(), sides[1, :n].copy(), sides[2, :n].copy(), sides[3, :n].copy())
