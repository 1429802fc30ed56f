"""The second look: members that do not stand by themselves are let go, and the dendrogram is told without them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numba import njit

from linkage.engine.forest import find
from linkage.engine.model import Confidence
from linkage.engine.scorecard import log_odds, probability
from linkage.engine.tables import Bits, Flags, Ints, Whole

MOST_LOOKS = 4  # times that members are let go before the clusters stand


class Seen(NamedTuple):
    """After the second look: the cluster of each subject and its confidence, the size of each cluster, and who was let
    go."""

    label: Ints
    sure: Bits
    size: Ints
    gone: Flags


class Kept(NamedTuple):
    """Merges that are left, by their place in the list that was given; their sides by the first subject that stayed,
    and how many did."""

    merge: Whole
    left: Ints
    right: Ints
    left_size: Ints
    right_size: Ints


def keep_who_stands(label: Ints, look: Callable[[Ints, Ints], Bits], stated: Flags, confidence: Confidence) -> Seen:
    """Confidence of every member, when those who do not stand by themselves are let go, until all do.

    `look` answers subject × aspect for clusters (label of each subject, size of each cluster); whose membership is
    `stated` stays.
    """
    gone = np.zeros(len(label), np.bool_)
    for turn in range(MOST_LOOKS + 1):
        size = np.bincount(label).astype(np.int32)
        sure = np.where(size[label] > 1, probability(log_odds(look(label, size), confidence.curves)), 1.0)
        sure[stated] = np.maximum(sure[stated], confidence.stated)
        going = sure < confidence.least
        if turn == MOST_LOOKS or not going.any():
            break
        gone |= going
        label, _ = let_go(label, going)
    return Seen(label, sure, size, gone)


def let_go(label: Ints, gone: Flags) -> tuple[Ints, int]:
    """The cluster of each subject, numbered by first subject, when those that go are singles; how many clusters."""
    following = label.astype(np.int64)
    following[gone] = int(label.max(initial=0)) + 1 + np.flatnonzero(gone)
    _, first, number = np.unique(following, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int32)
    rank[np.argsort(first)] = np.arange(len(first), dtype=np.int32)
    return rank[number].astype(np.int32), len(first)


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
