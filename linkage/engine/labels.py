"""Who is known to be one actor with whom: what `linkage fit` learns from.

Rounds meet pairs of clusters, not of accounts. What is known of single accounts is therefore carried over to clusters
anew in each round. A part of what is known is held out: it teaches nothing, so that it can tell what was learnt.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from linkage.engine.tables import Bits, Flags, Ints, Whole

HELD_OUT = 3  # one actor in so many is held out


class Labels(Protocol):
    """What is known, as the rounds ask for it."""

    def judge(self, label: Ints, clusters: int, left: Ints, right: Ints) -> Bits:
        """Of each pair of clusters: 1 where it is one actor's, 0 where not, NaN where nothing is known.

        `label` is the cluster of each subject, of which there are `clusters`.
        """
        ...


@dataclass(frozen=True, slots=True)
class Actors:
    """The actor of each subject (−1: not known), and by actor whether it teaches.

    A cluster is its owner's, the actor of most of its members. A pair is judged where both owners teach.
    """

    actor: Whole
    teaches: Flags

    def judge(self, label: Ints, clusters: int, left: Ints, right: Ints) -> Bits:
        """1 where two clusters have one owner, 0 where they have two, NaN where one is not known or held out."""
        owner = owners(label, clusters, self.actor)
        one, other = owner[left], owner[right]
        told = np.append(self.teaches, False)  # an owner of −1 looks here
        return np.where(told[one] & told[other], (one == other).astype(np.float64), np.nan)

    def others(self) -> Actors:
        """The same actors, where those that were held out are the ones that are asked for."""
        return Actors(self.actor, ~self.teaches)


@dataclass(frozen=True, slots=True)
class Decisions:
    """Judgements of people, by their latest word: the group of each subject (−1: under no decision), of which all are
    one actor's; pairs of groups that are not; and by group whether it teaches.

    left, right, same: the decisions themselves, as subjects.
    """

    group: Whole
    apart: frozenset[tuple[int, int]]
    teaches: Flags
    left: Ints
    right: Ints
    same: Flags

    @classmethod
    def of(cls, subjects: int, judged: Iterable[tuple[int, int, str]], seed: int = 0) -> Decisions:
        """From (subject, subject, judgement); `undecided` says nothing."""
        said = [(a, b, word == "same") for a, b, word in judged if word in ("same", "different")]
        group = _grouped(subjects, [(a, b) for a, b, same in said if same], [s for a, b, _ in said for s in (a, b)])
        apart = {_ordered(int(group[a]), int(group[b])) for a, b, same in said if not same}
        return cls(
            group=group,
            apart=frozenset(pair for pair in apart if pair[0] != pair[1]),
            teaches=split(group, seed),
            left=np.array([a for a, _, _ in said], np.int32),
            right=np.array([b for _, b, _ in said], np.int32),
            same=np.array([same for _, _, same in said], np.bool_),
        )

    def judge(self, label: Ints, clusters: int, left: Ints, right: Ints) -> Bits:
        """What most decisions between the members of two clusters say; NaN where there is none, or as many of both."""
        held = self._groups_of(label)
        answer = np.full(len(left), np.nan)
        decided = np.zeros(clusters, np.bool_)
        decided[list(held)] = True
        for i in np.flatnonzero(decided[left] & decided[right]):
            votes = self._votes(held[int(left[i])], held[int(right[i])])
            if votes:
                answer[i] = float(votes > 0)
        return answer

    def _votes(self, one: frozenset[int], other: frozenset[int]) -> int:
        """Groups that both have, less pairs of groups that were told apart."""
        return len(one & other) - sum(_ordered(a, b) in self.apart for a in one for b in other)

    def _groups_of(self, label: Ints) -> dict[int, frozenset[int]]:
        """The teaching groups that each cluster has members of."""
        members = np.flatnonzero(self.group >= 0)
        members = members[self.teaches[self.group[members]]]
        found: dict[int, set[int]] = {}
        for cluster, group in zip(label[members].tolist(), self.group[members].tolist(), strict=True):
            found.setdefault(cluster, set()).add(group)
        return {cluster: frozenset(groups) for cluster, groups in found.items()}

    @property
    def held_out(self) -> Flags:
        """By decision, whether it taught nothing: one of its groups is held out."""
        flags: Flags = ~(self.teaches[self.group[self.left]] & self.teaches[self.group[self.right]])
        return flags

    def others(self) -> Decisions:
        """The same decisions, where the groups that were held out are the ones that are asked for."""
        return Decisions(self.group, self.apart, ~self.teaches, self.left, self.right, self.same)


def owners(label: Ints, clusters: int, actor: Whole) -> Whole:
    """The actor of most of each cluster's members; of several the first, −1 where none is known."""
    known = np.flatnonzero(actor >= 0)
    owner = np.full(clusters, -1, np.int64)
    if not len(known):
        return owner
    actors = int(actor.max()) + 1
    cells, count = np.unique(label[known].astype(np.int64) * actors + actor[known], return_counts=True)
    order = np.lexsort((-cells, count))  # the first of the largest is written last
    owner[cells[order] // actors] = cells[order] % actors
    return owner


def split(actor: Whole, seed: int = 0) -> Flags:
    """By actor whether it teaches: of each three of about one size one, drawn at random, is held out."""
    random = np.random.default_rng(seed)
    size = np.bincount(actor[actor >= 0])
    order = np.lexsort((random.random(len(size)), -size))
    teaches = np.ones(len(size), np.bool_)
    for begin in range(0, len(order) - HELD_OUT + 1, HELD_OUT):
        teaches[order[begin + random.integers(HELD_OUT)]] = False
    return teaches


def _grouped(subjects: int, same: list[tuple[int, int]], named: list[int]) -> Whole:
    """The group of each subject that a decision names, all that are the same in one; −1 elsewhere."""
    parent = list(range(subjects))

    def root(node: int) -> int:
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for a, b in same:
        parent[max(root(a), root(b))] = min(root(a), root(b))
    group = np.full(subjects, -1, np.int64)
    number: dict[int, int] = {}
    for subject in sorted(set(named)):
        group[subject] = number.setdefault(root(subject), len(number))
    return group


def _ordered(a: int, b: int) -> tuple[int, int]:
    return (a, b) if a <= b else (b, a)
