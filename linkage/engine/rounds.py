"""The collective rounds: clusters that share enough evidence merge, until nothing changes.

Why compiled kernels and not SQL: a round looks at every pair of clusters that share a value. Row by row, with the
threshold applied before anything is stored, that is a few machine instructions a pair and no memory; as a join it is
a table of hundreds of millions of rows (docs/decisions/0003). What goes in and what comes out are plain columns.

A round:

1. `tabulate`: holdings (subject × value) become cluster × value, once sorted by value and once by cluster.
   Values held by one cluster only are out: they can link nobody any more.
2. `score`: every cluster that was touched adds up an upper bound for each cluster it shares a value with.
   Values held by too many clusters propose no pairs, except stars: a strong one proposes its centre and neighbours.
   Pairs whose bound passes are judged exactly (`pairs`): everything they share, when they signed up, how many of
   their members it concerns, and in the last stage the hours in which they work (`behaviour`).
3. `accept`: best pairs first; a pair joins where it is the best of one of the two (`forest`).
   A decision `different` between any two of their members forbids it.
4. What was touched (merged, or holds a value that became rarer) is scored again; the rest keeps its scores.

Cores first: the stages run with falling thresholds, so that strong evidence has made a ring's devices and cards its own
before weak evidence is asked.

Invariants: clusters are numbered by their first subject, so that the result does not depend on the order of rows;
a pair that was not touched since it was last scored keeps its score.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from linkage.engine.behaviour import NO_ACTIVITY, Activity, profile_clusters
from linkage.engine.forest import Forest, accept_pairs, number_clusters
from linkage.engine.pairs import ROUNDING, Held, Round, lay_desk, merge_evidence, score_rows
from linkage.engine.tables import (
    Bits,
    Flags,
    Floats,
    Holdings,
    Ints,
    Rows,
    Table,
    Whole,
    aggregate_holdings,
    estimate_work,
    index_clusters,
    loudest,
    start_values,
    weigh_values,
)
from linkage.engine.threads import workers
from linkage.engine.weigh import Weights
from linkage.model.progress import Progress, silent

DWINDLED = 0.01  # the share of a stage's merges below which the next stage begins
LOUDER = 0.2  # bits a value must have gained for its holders to be looked at again
PARTS_PER_THREAD = 16


class Scored(NamedTuple):
    """Pairs of clusters past the threshold, with their total bits."""

    left: Ints
    right: Ints
    bits: Bits


class Dendrogram(NamedTuple):
    """Merges in order, left and right by their first subjects, and the pieces that decided each.

    `bits` is the sum of the pieces, of `sign_up`, `behaviour` and `standing`, less `uncovered` and `differing`.
    """

    round: Ints
    left: Ints
    right: Ints
    bits: Bits
    sign_up: Bits
    behaviour: Bits
    uncovered: Bits
    differing: Bits
    standing: Bits
    pieces: Whole
    piece_value: Ints
    piece_bits: Bits
    piece_full: Bits
    piece_holders: Ints


class Rounds:
    """Clusters on their way: the forest over subjects and the dendrogram so far."""

    def __init__(self, holdings: Holdings, weights: Weights, forest: Forest, activity: Activity, threads: int) -> None:
        self.activity = activity
        self.holdings = holdings
        self.weights = weights
        self.forest = forest
        self.threads = threads
        self.value_start = start_values(holdings.value, len(holdings.values.kind))
        self._merges: list[Dendrogram] = []

    def labels(self) -> tuple[Ints, int]:
        """The cluster of each subject, numbered by first subject, and how many there are."""
        label = np.empty(self.holdings.subjects, np.int32)
        count = number_clusters(self.forest.parent, label)
        return label, int(count)

    def sign_ups(self, label: Ints, clusters: int) -> tuple[Floats, Floats]:
        """Mean and standard deviation of each cluster's sign-ups, in days; NaN where none is known."""
        created = self.holdings.created.astype(np.float64)
        known = ~np.isnan(created)
        label, created = label[known], created[known]
        count = np.bincount(label, minlength=clusters).astype(np.float64)
        count[count == 0] = np.nan
        mean = np.bincount(label, created, clusters) / count
        variance = np.bincount(label, (created - mean[label]) ** 2, clusters) / count
        return mean.astype(np.float32), np.sqrt(variance).astype(np.float32)

    def tabulate(self, number: Ints, rows: Rows, label: Ints, clusters: int) -> Table:
        """The table of a round from the rows of the last one; `number` is the cluster now of each cluster then."""
        worth = self.holdings.values
        value_start = start_values(rows.value, len(worth.kind))
        cuts = np.searchsorted(value_start, np.linspace(0, value_start[-1], self.threads + 1)[1:-1])
        bounds = [0, *map(int, cuts), len(worth.kind)]
        with workers(self.threads) as pool:
            parts = list(
                pool.map(lambda a, b: aggregate_holdings(number, a, b, value_start, rows), bounds[:-1], bounds[1:])
            )
            rows = Rows(*(np.concatenate(column) for column in zip(*parts, strict=True)))
            index = pool.submit(index_clusters, rows.cluster, rows.value, clusters)
            value_start = start_values(rows.value, len(worth.kind))
            bits, centre, own = weigh_values(value_start, worth, rows.holding, self.weights)
            size = np.bincount(label, minlength=clusters).astype(np.int32)
            mean, spread = self.sign_ups(label, clusters)
            return Table(value_start, *rows, *index.result(), size, bits, centre, own, mean, spread)

    def look(self, table: Table, label: Ints) -> Round:
        """What the pairs of a round are judged by; hours are looked at in the last stage only."""
        late = self.weights.behaviour_cap > 0
        activity = self.activity if late else NO_ACTIVITY
        clusters = len(table.size)
        profiles = profile_clusters(activity, label if late else label[:0], clusters)
        held = Held(self.value_start, self.holdings.subject, label)
        stated = np.zeros(clusters, np.int64)
        if len(self.holdings.stated):
            np.bitwise_or.at(stated, label, self.holdings.stated)
        return Round(table, self.holdings.values, held, stated, activity, profiles)

    def first_rows(self) -> Rows:
        """The holdings as rows: every subject a cluster of its own."""
        h = self.holdings
        return Rows(h.subject, h.value, np.ones(len(h.subject), np.int32), h.first, h.last)

    def score(self, now: Round, touched: Flags) -> Scored:
        """Every pair with a touched cluster that passes the threshold."""
        table = now.table
        bounds = _even_parts(table, touched, PARTS_PER_THREAD * self.threads)
        desks = [lay_desk(table) for _ in range(self.threads)]

        def part(begin: int, end: int) -> Scored:
            desk = desks.pop()
            try:
                return Scored(*score_rows(begin, end, touched, now, self.weights, desk))
            finally:
                desks.append(desk)

        with workers(self.threads) as pool:
            parts = list(pool.map(part, bounds[:-1], bounds[1:]))
        return Scored(*(np.concatenate(column) for column in zip(*parts, strict=True)))

    def run(self, stages: Sequence[float], maximum: int, progress: Progress = silent) -> int:
        """Merge until nothing changes, with the thresholds (in bits) of one stage after another; answers the rounds."""
        label, clusters = self.labels()
        if not clusters:
            return 0
        table = self.tabulate(label, self.first_rows(), label, clusters)
        touched = np.ones(clusters, np.bool_)
        pairs = Scored(np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0, np.float64))
        stage = merged_in_stage = 0
        cap = self.weights.behaviour_cap
        for number in range(1, maximum + 1):
            self.weights = self.weights._replace(
                threshold_bits=stages[stage], behaviour_cap=cap if stage == len(stages) - 1 else 0.0
            )
            now = self.look(table, label)
            new = self.score(now, touched)
            pairs = Scored(
                np.concatenate([pairs.left, new.left]),
                np.concatenate([pairs.right, new.right]),
                np.concatenate([pairs.bits, new.bits]),
            )
            order = np.lexsort((pairs.right, pairs.left, -pairs.bits))
            first = _first_subjects(label, clusters)
            accepted = accept_pairs(pairs.left, pairs.right, order, first, self.forest)
            last_stage = stage == len(stages) - 1
            if not len(accepted) and last_stage:
                return number
            merged_in_stage += len(accepted)
            self._record(number, now, pairs, accepted, first)
            before, merged = table, np.concatenate([pairs.left[accepted], pairs.right[accepted]])
            label, clusters = self.labels()
            renumbered = label[first]
            rows = Rows(table.cluster, table.value, table.holding, table.first, table.last)
            table = self.tabulate(renumbered, rows, label, clusters)
            touched = np.zeros(clusters, np.bool_)
            touched[renumbered[merged]] = True
            louder = loudest(table) - loudest(before) > LOUDER
            touched[table.cluster[louder[table.value]]] = True
            if not last_stage and len(accepted) <= DWINDLED * merged_in_stage:
                stage, merged_in_stage = stage + 1, 0
                touched[:] = True
            pairs = _untouched(pairs, renumbered, touched)
            progress("rounds", number, None)
        return maximum

    def _record(self, number: int, now: Round, pairs: Scored, accepted: Whole, first: Ints) -> None:
        left, right = pairs.left[accepted], pairs.right[accepted]
        rounds = np.full(len(accepted), number, np.int32)
        self._merges.append(self._told(now, left, right, first, rounds, pairs.bits[accepted]))

    def _told(self, now: Round, left: Ints, right: Ints, first: Ints, rounds: Ints, bits: Bits) -> Dendrogram:
        told = merge_evidence(left, right, now, self.weights)
        sign_up, behaviour, uncovered, differing, count, value, piece_bits, full, holders = told
        shared = np.bincount(np.repeat(np.arange(len(left)), count), piece_bits, len(left))
        standing = bits - (shared + sign_up + behaviour - uncovered - differing)
        standing[np.abs(standing) < ROUNDING] = 0
        return Dendrogram(
            rounds, first[left], first[right], bits, sign_up, behaviour, uncovered, differing, standing,
            count, value, piece_bits, full, holders,
        )  # fmt: skip

    def tell(self, label: Ints, left: Ints, right: Ints, rounds: Ints, odds: Bits) -> Dendrogram:
        """Merges that the rounds did not make, of clusters (label of each subject) by a subject of either side, as the
        rounds tell theirs. `odds` are the log2 odds that decided each: what the pieces do not explain is `standing`."""
        clusters = int(label.max(initial=-1)) + 1
        if not len(left):
            return join_merges()
        now = self.look(self.tabulate(label, self.first_rows(), label, clusters), label)
        bits = odds + self.weights.neighbourhood_bits
        return self._told(now, label[left], label[right], _first_subjects(label, clusters), rounds, bits)

    def dendrogram(self) -> Dendrogram:
        """All merges in order, with their evidence."""
        return join_merges(*self._merges)


def join_merges(*parts: Dendrogram) -> Dendrogram:
    """The merges of several parts, one part after the other."""
    none, real, whole = np.zeros(0, np.int32), np.zeros(0, np.float64), np.zeros(0, np.int64)
    nothing = Dendrogram(none, none, none, real, real, real, real, real, real, whole, none, real, real, none)
    return Dendrogram(*(np.concatenate(column) for column in zip(nothing, *parts, strict=True)))


def _first_subjects(label: Ints, clusters: int) -> Ints:
    """The first subject of each cluster."""
    first = np.empty(clusters, np.int32)
    first[label[::-1]] = np.arange(len(label) - 1, -1, -1, dtype=np.int32)
    return first


def _even_parts(table: Table, touched: Flags, parts: int) -> list[int]:
    """Bounds that split the clusters into runs of about equal work."""
    work = np.cumsum(estimate_work(table, touched))
    cuts = np.searchsorted(work, np.linspace(0, work[-1] if len(work) else 0, parts + 1)[1:-1])
    return sorted({0, *map(int, cuts), len(touched)})


def _untouched(pairs: Scored, renumbered: Ints, touched: Flags) -> Scored:
    """The pairs that keep their score into the next round, in its numbers."""
    left, right = renumbered[pairs.left], renumbered[pairs.right]
    keep = (left != right) & ~touched[left] & ~touched[right]
    return Scored(left[keep], right[keep], pairs.bits[keep])
