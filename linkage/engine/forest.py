"""The forest of clusters over subjects, and the decisions that bind it.

Invariant: the root of a cluster is its first subject, so that no order of merging changes a cluster's number. A
decision `different` hangs on both its subjects; a cluster carries the decisions of all its members as a linked list.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from linkage.engine.tables import Ints, Whole


class Forest(NamedTuple):
    """Union-find over subjects; `head`, `tail`, `following` list the `enemy` entries of each root."""

    parent: Ints
    members: Ints
    head: Ints
    tail: Ints
    following: Ints
    enemy: Ints


def plant(subjects: int, left: Ints, right: Ints) -> Forest:
    """A forest of single subjects, in which each left one is kept apart from the right one at its side."""
    holder = np.concatenate([left, right]).astype(np.int32)
    head = np.full(subjects, -1, np.int32)
    tail = np.full(subjects, -1, np.int32)
    following = np.full(len(holder), -1, np.int32)
    for entry, subject in enumerate(holder):
        if head[subject] < 0:
            head[subject] = entry
        else:
            following[tail[subject]] = entry
        tail[subject] = entry
    enemy = np.concatenate([right, left]).astype(np.int32)
    return Forest(np.arange(subjects, dtype=np.int32), np.ones(subjects, np.int32), head, tail, following, enemy)


@njit(cache=True, nogil=True)
def find(parent: Ints, node: int) -> int:
    """The root of a node, halving the path on the way."""
    while parent[node] != node:
        parent[node] = parent[parent[node]]
        node = parent[node]
    return node


@njit(cache=True, nogil=True)
def number_clusters(parent: Ints, label: Ints) -> int:
    """Number clusters by their first subject; fills `label`, answers how many there are."""
    count = 0
    number = np.full(len(parent), -1, np.int32)
    for node in range(len(parent)):
        root = find(parent, node)
        if number[root] < 0:
            number[root] = count
            count += 1
        label[node] = number[root]
    return count


@njit(cache=True, nogil=True)
def forbidden(a: int, b: int, forest: Forest) -> bool:
    """Whether a decision keeps the clusters of the roots a and b apart."""
    entry = forest.head[a]
    while entry >= 0:
        if find(forest.parent, forest.enemy[entry]) == b:
            return True
        entry = forest.following[entry]
    return False


@njit(cache=True, nogil=True)
def join(a: int, b: int, forest: Forest) -> None:
    """Merge the roots a and b; the smaller number stays root."""
    root, gone = min(a, b), max(a, b)
    forest.parent[gone] = root
    forest.members[root] += forest.members[gone]
    if forest.head[gone] >= 0:
        if forest.head[root] < 0:
            forest.head[root] = forest.head[gone]
        else:
            forest.following[forest.tail[root]] = forest.head[gone]
        forest.tail[root] = forest.tail[gone]


ALREADY, JOINED, REFUSED = 0, 1, 2


@njit(cache=True, nogil=True)
def declare_pairs(left: Ints, right: Ints, forest: Forest) -> Ints:
    """Merge given pairs in order unless a decision forbids it; answers what became of each."""
    outcome = np.empty(len(left), np.int32)
    for i in range(len(left)):
        x, y = find(forest.parent, left[i]), find(forest.parent, right[i])
        if x == y:
            outcome[i] = ALREADY
        elif forbidden(x, y, forest):
            outcome[i] = REFUSED
        else:
            join(x, y, forest)
            outcome[i] = JOINED
    return outcome


@njit(cache=True, nogil=True)
def accept_pairs(left: Ints, right: Ints, order: Whole, root_of: Ints, forest: Forest) -> Whole:
    """Which pairs of clusters (in `order`, best first) merge in this round; merges them in the forest.

    A pair is accepted where it is the best that one of the two has; a forbidden one makes way for the next best.
    """
    best = np.full(len(root_of), -1, np.int64)
    accepted = np.empty(len(order), np.int64)
    n = 0
    for i in order:
        a, b = left[i], right[i]
        if best[a] < 0:
            best[a] = i
        if best[b] < 0:
            best[b] = i
        if best[a] != i and best[b] != i:
            continue
        x, y = find(forest.parent, root_of[a]), find(forest.parent, root_of[b])
        if x == y:
            continue
        if forbidden(x, y, forest):
            if best[a] == i:
                best[a] = -1
            if best[b] == i:
                best[b] = -1
            continue
        join(x, y, forest)
        accepted[n] = i
        n += 1
    return accepted[:n].copy()
