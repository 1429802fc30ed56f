"""The merges that built clusters, made again: under decisions as they stand, and without what was withdrawn.

Nothing is weighed here. Merges come in their order, each by a member of either side; what a decision forbids is not
joined, and a merge that has too few bits left falls.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from linkage.engine.decisions import Decided
from linkage.engine.forest import JOINED, Forest, Marks, declare_pairs, find, forbidden, join, number_clusters, plant
from linkage.engine.second_look import retell
from linkage.engine.tables import Bits, Flags, Ints, Whole

MOST_HOLDERS = 1_000  # of a value that are looked at for a merge


class Replayed(NamedTuple):
    """Clusters made anew: the cluster of each subject, numbered by its first; and the merges that hold, in order.

    `merge` is the place of each in the list that was given, −1 for one that a decision stated; sides are named as they
    were given, with their sizes now.
    """

    label: Ints
    merge: Whole
    left: Ints
    right: Ints
    left_size: Ints
    right_size: Ints
    contradictions: dict[int, list[int]]


def replay(subjects: int, decided: Decided, left: Ints, right: Ints) -> Replayed:
    """Make clusters anew from decisions and from merges in their order, without those that a decision forbids.

    As in a resolution, what must stay apart binds everything, and what is the same comes before all evidence. The
    merges are told the other way round: of those that hold a cluster together evidence comes first, and a decision
    where there is none, so that what a decision brought together comes apart again where it was joined.
    """
    forest = plant(subjects, decided.marks)
    outcome = declare_pairs(np.concatenate([decided.left, left]), np.concatenate([decided.right, right]), forest)
    label = np.empty(subjects, np.int32)
    number_clusters(forest.parent, label)
    told = np.concatenate([left, decided.left]), np.concatenate([right, decided.right])
    within = np.flatnonzero(label[told[0]] == label[told[1]])
    free = plant(subjects, Marks(_NOBODY, _NOBODY))
    joins = declare_pairs(told[0][within], told[1][within], free) == JOINED
    made = within[joins]
    kept = retell(told[0][made], told[1][made], np.zeros(subjects, np.bool_))
    return Replayed(
        label,
        np.where(made < len(left), made, -1),
        told[0][made],
        told[1][made],
        kept.left_size,
        kept.right_size,
        decided.contradictions(forest, outcome),
    )


_NOBODY = np.zeros(0, np.int32)


class Held(NamedTuple):
    """The values that merges rest on and who holds them: those of merge i are `value[first[i]:first[i + 1]]` with the
    `bits` that each brought, the strongest first, and the holders of value v are `holder[start[v]:start[v + 1]]`.
    `gone` marks the values of which a use was withdrawn."""

    first: Whole
    value: Ints
    bits: Bits
    start: Whole
    holder: Ints
    gone: Flags


def name_by_holders(
    left: Ints, right: Ints, bits: Bits, needed: float, held: Held, decided: Decided, subjects: int
) -> tuple[Ints, Ints]:  # fmt: skip
    """Merges, given in order by a member of each side, named by a member of each side that holds what joined them.

    Any member names a part as long as the part holds. Where it falls apart, what joined it later goes with those with
    whom it shares something, so long as these name the merge. Where a decision keeps these apart, others do that share
    as much of it that `needed` bits of its `bits` (NaN: it rests on none) are left.
    """
    forest = plant(subjects, decided.marks)
    declare_pairs(decided.left, decided.right, forest)
    return _name(left.copy(), right.copy(), bits, needed, held, forest)


@njit(cache=True, nogil=True)
def _name(
    one: Ints, other: Ints, bits: Bits, needed: float, held: Held, forest: Forest
) -> tuple[Ints, Ints]:  # fmt: skip
    """The names, in place; `forest` has what is the same by decision, and takes what is joined."""
    parent = np.arange(len(forest.parent)).astype(np.int32)
    for i in range(len(one)):
        a, b = find(parent, one[i]), find(parent, other[i])
        if a == b:
            continue
        for at in range(held.first[i], held.first[i + 1]):
            begin, end = held.start[held.value[at]], held.start[held.value[at] + 1]
            x, y = _next(begin, end, a, parent, held), _next(begin, end, b, parent, held)
            if x < end and y < end:
                one[i], other[i] = held.holder[x], held.holder[y]
                break
        if _kept_apart(one[i], other[i], forest):
            for at in range(held.first[i], held.first[i + 1]):
                x, y = _other_names(i, at, a, b, bits[i] - needed, parent, held, forest)
                if x >= 0:
                    one[i], other[i] = x, y
                    break
        x, y = find(forest.parent, one[i]), find(forest.parent, other[i])
        if x != y and not forbidden(x, y, forest):
            join(x, y, forest)
        parent[b] = a
    return one, other


@njit(cache=True, nogil=True)
def _next(begin: int, end: int, root: int, parent: Ints, held: Held) -> int:
    """The first place from `begin` on at which a holder of that cluster stands; `end`: none does, or not soon."""
    for at in range(begin, min(end, begin + MOST_HOLDERS)):
        if find(parent, held.holder[at]) == root:
            return at
    return end


@njit(cache=True, nogil=True)
def _kept_apart(one: int, other: int, forest: Forest) -> bool:
    x, y = find(forest.parent, one), find(forest.parent, other)
    return x != y and forbidden(x, y, forest)


@njit(cache=True, nogil=True)
def _other_names(
    i: int, at: int, a: int, b: int, spare: float, parent: Ints, held: Held, forest: Forest
) -> tuple[int, int]:  # fmt: skip
    """Holders of a value of merge i, one of each side, whom nothing keeps apart, and whom no more than `spare` bits of
    the merge lack; −1: there are none among the first."""
    begin, end = held.start[held.value[at]], held.start[held.value[at] + 1]
    tries = 0
    x = _next(begin, end, a, parent, held)
    while x < end:
        y = _next(begin, end, b, parent, held)
        while y < end and tries < MOST_HOLDERS:
            tries += 1
            one, other = held.holder[x], held.holder[y]
            if not _kept_apart(one, other, forest) and not _lacking(i, one, other, held) > spare:
                return one, other
            y = _next(y + 1, end, b, parent, held)
        x = _next(x + 1, end, a, parent, held)
    return -1, -1


@njit(cache=True, nogil=True)
def _lacking(i: int, one: int, other: int, held: Held) -> float:
    """The bits of merge i that rest on what the two do not both hold."""
    lacking = 0.0
    for at in range(held.first[i], held.first[i + 1]):
        holders = held.holder[held.start[held.value[at]] : held.start[held.value[at] + 1]]
        for who in (one, other):
            place = np.searchsorted(holders, who)
            if place == len(holders) or holders[place] != who:
                lacking += held.bits[at]
                break
    return lacking


@njit(cache=True, nogil=True)
def take_out_withdrawn(
    left: Ints, right: Ints, bits: Bits, needed: float, held: Held, subjects: int
) -> tuple[Flags, Flags]:  # fmt: skip
    """Which merges, given in order by a member of each side, still hold without the uses that were withdrawn; and which
    of their values no longer join the two sides.

    A merge that lost a value holds as long as `needed` bits are left of its `bits` (NaN: it rests on none).
    """
    parent = np.arange(subjects).astype(np.int32)
    holds, lost = np.ones(len(left), np.bool_), np.zeros(len(held.value), np.bool_)
    for i in range(len(left)):
        a, b = find(parent, left[i]), find(parent, right[i])
        rest = bits[i]
        for at in range(held.first[i], held.first[i + 1]):
            value = held.value[at]
            if held.gone[value]:
                here = there = False
                for h in range(held.start[value], held.start[value + 1]):
                    root = find(parent, held.holder[h])
                    here |= root == a
                    there |= root == b
                if not (here and there):
                    lost[at] = True
                    rest -= held.bits[at]
        holds[i] = rest == bits[i] or not rest < needed
        if holds[i]:
            parent[b] = a
    return holds, lost
