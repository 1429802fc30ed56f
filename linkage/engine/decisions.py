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

from linkage.engine import steps
from linkage.engine.facts import Facts
from linkage.engine.forest import REFUSED, Forest, Marks, find
from linkage.engine.runner import Runner
from linkage.engine.tables import Ints

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
