"""Decisions as the rounds take them: marks of those that say `different`, pairs of those that say `same`.

A decision may be about groups. That two groups are the same makes every subject of both one with the first of them;
that they are different marks every subject of both. Either way it costs an entry a subject, not one a pair.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

from linkage.engine import steps
from linkage.engine.facts import Facts
from linkage.engine.forest import (
    JOINED,
    REFUSED,
    Forest,
    Marks,
    declare_pairs,
    find,
    forbidden,
    join,
    number_clusters,
    plant,
)
from linkage.engine.runner import Runner
from linkage.engine.second_look import retell
from linkage.engine.tables import Bits, Ints, Whole

Flags = npt.NDArray[np.bool_]

MOST_HOLDERS = 1_000  # of a value that are looked at for a merge
MEMORY = "1GB"  # for the decisions of a few clusters


class Told(NamedTuple):
    """A decision that counts: its id (none where it came without), its ends by name, and what it says."""

    id: str | None
    left: str
    right: str
    judgement: str


class Decided(NamedTuple):
    """Decisions that count, in the order in which they were said.

    marks           of those that say `different`: decision n has the marks 2n and 2n + 1
    left, right     the pairs of subjects that are the same, of the decision `of`
    """

    told: Sequence[Told]
    marks: Marks
    left: Ints
    right: Ints
    of: Ints

    def forbidding(self, one: int, other: int, forest: Forest) -> list[int]:
        """The decisions, by their number, that keep the clusters of two subjects apart."""
        marks = _marks_of(find(forest.parent, other), forest)
        opposite = {mark ^ 1 for mark in _marks_of(find(forest.parent, one), forest)}
        return sorted({mark // 2 for mark in marks & opposite})

    def contradictions(self, forest: Forest, outcome: Ints) -> dict[int, list[int]]:
        """The decisions `same` that others forbid, in part or whole, with those that do, all by their number: `outcome`
        tells what became of each pair in this forest."""
        found: dict[int, set[int]] = {}
        for i in np.flatnonzero(outcome[: len(self.of)] == REFUSED):
            forbidding = self.forbidding(int(self.left[i]), int(self.right[i]), forest)
            found.setdefault(int(self.of[i]), set()).update(forbidding)
        return {number: sorted(others) for number, others in sorted(found.items())}


def _marks_of(root: int, forest: Forest) -> set[int]:
    found, entry = set(), int(forest.head[root])
    while entry >= 0:
        found.add(int(forest.mark[entry]))
        entry = int(forest.following[entry])
    return found


def read_decisions(runner: Runner) -> Decided:
    """The decisions of the tables `decided` and `decided_members`."""
    rows = runner.rows('SELECT decision_id, "left", "right", judgement FROM decided ORDER BY decision')
    members = runner.arrays("SELECT decision, side, subject FROM decided_members ORDER BY decision, side, subject")
    return arrange([Told(*row) for row in rows], members["decision"], members["side"], members["subject"])


def decide_among(subjects: pa.Table | None, decisions: pa.Table) -> tuple[Decided, int]:
    """The decisions that count among some subjects (`subject`, `subject_type`, `subject_id`), or among all that they
    name; and how many subjects there are. `decisions` has the columns of the ledger's table."""
    runner = Runner(MEMORY, threads=1)
    try:
        Facts(decisions=decisions).register(runner.connection)
        if subjects is None:
            runner.table("subject_ids", steps.decided_subjects())
            runner.table("subjects", steps.subjects())
        else:
            runner.connection.register("subjects", subjects)
        runner.table("decided", steps.decided())
        runner.table("decided_members", steps.decided_members())
        return read_decisions(runner), int(runner.rows("SELECT count(*) FROM subjects")[0][0])
    finally:
        runner.close()


def arrange(
    told: Sequence[Told], decision: npt.NDArray[Any], side: npt.NDArray[Any], subject: npt.NDArray[Any]
) -> Decided:
    """Decisions with their subjects, which are ordered by decision, side and subject."""
    decision, side, subject = (np.asarray(column, np.int32) for column in (decision, side, subject))
    said = {judgement: _says(judgement, told)[decision] for judgement in ("same", "different")}
    first = np.ones(len(decision), np.bool_)
    first[1:] = decision[1:] != decision[:-1]
    hub = subject[np.maximum.accumulate(np.where(first, np.arange(len(first)), 0))] if len(first) else subject
    pair = said["same"] & ~first
    marked = said["different"]
    marks = Marks(subject[marked], 2 * decision[marked] + side[marked])
    return Decided(told, marks, hub[pair], subject[pair], decision[pair])


def _says(judgement: str, told: Sequence[Told]) -> npt.NDArray[np.bool_]:
    return np.array([one.judgement == judgement for one in told], np.bool_)


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


def teaching_pairs(decided: Decided) -> list[tuple[int, int, str]]:
    """What decisions say of pairs of subjects, for those who learn from them: of groups each subject with one other."""
    same = zip(decided.left.tolist(), decided.right.tolist(), strict=True)
    told = [(int(of), (a, b, "same")) for of, (a, b) in zip(decided.of, same, strict=True)]
    marks: dict[int, list[int]] = {}
    for subject, mark in zip(decided.marks.subject.tolist(), decided.marks.mark.tolist(), strict=True):
        marks.setdefault(mark, []).append(subject)
    for mark, one in marks.items():
        other = marks.get(mark ^ 1)
        if mark % 2 == 0 and other:
            told += [(mark // 2, (subject, other[0], "different")) for subject in one]
            told += [(mark // 2, (one[0], subject, "different")) for subject in other[1:]]
    return [pair for _, pair in sorted(told, key=lambda each: each[0])]
