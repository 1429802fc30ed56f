"""The forest of clusters over subjects, and the decisions that bind it.

A decision `different` marks the subjects of its two sides: one side with an even mark, the other with the mark above
it. Two clusters stay apart where the one has a mark and the other its opposite (`mark ^ 1`), so that a decision on
groups costs an entry for each of their subjects, not for each pair.

Invariants: the root of a cluster is its first subject, so that no order of merging changes a cluster's number; a
cluster carries the marks of all its members, each once, as a linked list.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from linkage.engine.tables import Flags, Ints, Whole


class Marks(NamedTuple):
    """Who is to stay apart from whom: `subject` has `mark`, and no cluster has a mark and its opposite."""

    subject: Ints
    mark: Ints


class Forest(NamedTuple):
    """Union-find over subjects; `head`, `tail`, `following` list the entries of each root, `mark` has the mark of each.

    `seen` has by mark the turn in which it was last met, `turn` counts them: scratch of whoever compares two lists.
    """

    parent: Ints
    members: Ints
    head: Ints
    tail: Ints
    following: Ints
    mark: Ints
    seen: Whole
    turn: Whole


def apart(left: Ints, right: Ints) -> Marks:
    """The marks that keep each left subject apart from the right one at its side."""
    mark = np.arange(len(left), dtype=np.int32) * 2
    return Marks(np.concatenate([left, right]).astype(np.int32), np.concatenate([mark, mark + 1]).astype(np.int32))


def plant(subjects: int, marks: Marks) -> Forest:
    """A forest of single subjects that carry their marks."""
    head = np.full(subjects, -1, np.int32)
    tail = np.full(subjects, -1, np.int32)
    following = np.full(len(marks.mark), -1, np.int32)
    _hang(marks.subject, head, tail, following)
    parent, members = np.arange(subjects, dtype=np.int32), np.ones(subjects, np.int32)
    seen = np.zeros((int(marks.mark.max(initial=0)) | 1) + 1, np.int64)
    return Forest(parent, members, head, tail, following, marks.mark.copy(), seen, np.zeros(1, np.int64))


@njit(cache=True, nogil=True)
def _hang(subject: Ints, head: Ints, tail: Ints, following: Ints) -> None:
    """Hang each entry on its subject, behind those that hang there already."""
    for entry in range(len(subject)):
        holder = subject[entry]
        if head[holder] < 0:
            head[holder] = entry
        else:
            following[tail[holder]] = entry
        tail[holder] = entry


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
    if forest.head[a] < 0 or forest.head[b] < 0:
        return False
    turn = _read(a, forest)
    entry = forest.head[b]
    while entry >= 0:
        if forest.seen[forest.mark[entry] ^ 1] == turn:
            return True
        entry = forest.following[entry]
    return False


@njit(cache=True, nogil=True)
def _read(root: int, forest: Forest) -> int:
    """Note the marks of a root as seen in a new turn; answers the turn."""
    forest.turn[0] += 1
    entry = forest.head[root]
    while entry >= 0:
        forest.seen[forest.mark[entry]] = forest.turn[0]
        entry = forest.following[entry]
    return int(forest.turn[0])


@njit(cache=True, nogil=True)
def join(a: int, b: int, forest: Forest) -> None:
    """Merge the roots a and b; the smaller number stays root."""
    root, gone = min(a, b), max(a, b)
    forest.parent[gone] = root
    forest.members[root] += forest.members[gone]
    if forest.head[gone] < 0:
        return
    if forest.head[root] < 0:
        forest.head[root], forest.tail[root] = forest.head[gone], forest.tail[gone]
    else:
        _inherit(root, gone, forest)


@njit(cache=True, nogil=True)
def _inherit(root: int, gone: int, forest: Forest) -> None:
    """Put the marks that a root has not yet behind its own."""
    turn = _read(root, forest)
    entry = forest.head[gone]
    while entry >= 0:
        after = forest.following[entry]
        if forest.seen[forest.mark[entry]] != turn:
            forest.seen[forest.mark[entry]] = turn
            forest.following[forest.tail[root]] = entry
            forest.following[entry] = -1
            forest.tail[root] = entry
        entry = after


@njit(cache=True, nogil=True)
def keep_out(subject: Ints, cluster: Ints, label: Ints, forest: Forest) -> Flags:
    """Which subjects, each alone till then, may not go to the cluster (a label) that is proposed for them, −1: none is.

    Refused is whom a decision keeps apart from somebody who is there, or who is to go there and comes first. The
    forest is one of single subjects; those who are let in are joined to the cluster in it.
    """
    first = np.full(label.max() + 1 if len(label) else 0, -1, np.int64)
    for member in range(len(label)):
        if first[label[member]] < 0:
            first[label[member]] = member
        else:
            join(find(forest.parent, first[label[member]]), find(forest.parent, member), forest)
    refused = np.zeros(len(subject), np.bool_)
    for i in range(len(subject)):
        if cluster[i] < 0:
            continue
        there, one = find(forest.parent, first[cluster[i]]), find(forest.parent, subject[i])
        refused[i] = there != one and forbidden(there, one, forest)
        if there != one and not refused[i]:
            join(there, one, forest)
    return refused


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
