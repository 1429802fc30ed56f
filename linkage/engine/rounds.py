"""The collective rounds: clusters that share enough evidence merge, until nothing changes.

Why compiled kernels and not SQL: a round looks at every pair of clusters that share a value. Row by row, with the
threshold applied before anything is stored, that is a few machine instructions a pair and no memory; as a join it is
a table of hundreds of millions of rows (docs/decisions/0002). What goes in and what comes out are plain columns.

A round:

1. `tabulate`: holdings (subject × value) become cluster × value, once sorted by value and once by cluster.
   Values held by one cluster only are out: they can link nobody any more.
2. `propose`: every cluster that was touched adds up an upper bound for each cluster it shares a value with.
   Values held by too many clusters propose no pairs, except stars: a strong one proposes its centre and neighbours.
3. `score`: pairs whose bound passes are weighed exactly, with everything they share.
4. `accept`: best pairs first. Two clusters join when each is the other's best; a single subject joins its best.
   A decision `different` between any two of their members forbids it.

Invariants: clusters are numbered by their first subject, so that the result does not depend on the order of rows;
a pair that was not touched since it was last scored keeps its score.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from linkage.engine.weigh import (
    LN2,
    MOST_FAMILIES,
    Weights,
    combine_pieces,
    days_apart,
    full_bits,
    scale_family,
    sign_up_bits,
    weigh_piece,
)
from linkage.model.progress import Progress, silent

Ints = npt.NDArray[np.int32]
Whole = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
Bits = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


class Holdings(NamedTuple):
    """Subject × value; periods in days (−∞, ∞: not known)."""

    subject: Ints
    value: Ints
    first: Floats
    last: Floats
    value_kind: Ints
    created: Floats
    subjects: int


class Rows(NamedTuple):
    """Cluster × value, by value: how many members hold it, and their period of use in days."""

    cluster: Ints
    value: Ints
    holding: Ints
    first: Floats
    last: Floats


class Table(NamedTuple):
    """Cluster × value of one round. Rows are sorted by value, `row_of` lists them by cluster then value."""

    value_start: Whole
    cluster: Ints
    value: Ints
    holding: Ints
    first: Floats
    last: Floats
    cluster_start: Whole
    row_of: Whole
    size: Ints
    bits: Floats
    centre: Whole
    own: Floats
    sign_up: Floats
    sign_up_spread: Floats


class Merge(NamedTuple):
    """Columns of the dendrogram, and of the evidence that decided each merge."""

    round: Ints
    left: Ints
    right: Ints
    left_size: Ints
    right_size: Ints
    bits: Bits
    evidence_start: Whole
    evidence_value: Ints
    evidence_bits: Bits
    evidence_full: Bits
    evidence_holders: Ints


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
def aggregate_holdings(number: Ints, clusters: int, values: int, given: Rows) -> Rows:
    """Cluster × value rows sorted by value then cluster; values with one cluster are left out."""
    rows = len(given.cluster)
    # counting sort by cluster, then stably by value
    start = np.zeros(clusters + 1, np.int64)
    for i in range(rows):
        start[number[given.cluster[i]] + 1] += 1
    for c in range(clusters):
        start[c + 1] += start[c]
    by_cluster = np.empty(rows, np.int64)
    for i in range(rows):
        c = number[given.cluster[i]]
        by_cluster[start[c]] = i
        start[c] += 1
    begin = np.zeros(values + 1, np.int64)
    for i in range(rows):
        begin[given.value[i] + 1] += 1
    for v in range(values):
        begin[v + 1] += begin[v]
    order = np.empty(rows, np.int64)
    fill = begin[:values].copy()
    for j in range(rows):
        i = by_cluster[j]
        v = given.value[i]
        order[fill[v]] = i
        fill[v] += 1
    out_cluster = np.empty(rows, np.int32)
    out_value = np.empty(rows, np.int32)
    out_holding = np.empty(rows, np.int32)
    out_first = np.empty(rows, np.float32)
    out_last = np.empty(rows, np.float32)
    n = 0
    for v in range(values):
        before = n
        previous = -1
        for j in range(begin[v], begin[v + 1]):
            i = order[j]
            c = number[given.cluster[i]]
            if c == previous:
                out_holding[n - 1] += given.holding[i]
                out_first[n - 1] = min(out_first[n - 1], given.first[i])
                out_last[n - 1] = max(out_last[n - 1], given.last[i])
            else:
                out_cluster[n] = c
                out_value[n] = v
                out_holding[n] = given.holding[i]
                out_first[n] = given.first[i]
                out_last[n] = given.last[i]
                n += 1
                previous = c
        if n - before == 1:
            n = before
    return Rows(
        out_cluster[:n].copy(),
        out_value[:n].copy(),
        out_holding[:n].copy(),
        out_first[:n].copy(),
        out_last[:n].copy(),
    )


@njit(cache=True, nogil=True)
def index_rows(cluster: Ints, value: Ints, clusters: int, values: int):
    """Where each value's rows begin, and the rows of each cluster."""
    rows = len(cluster)
    value_start = np.zeros(values + 1, np.int64)
    cluster_start = np.zeros(clusters + 1, np.int64)
    for i in range(rows):
        value_start[value[i] + 1] += 1
        cluster_start[cluster[i] + 1] += 1
    for v in range(values):
        value_start[v + 1] += value_start[v]
    for c in range(clusters):
        cluster_start[c + 1] += cluster_start[c]
    row_of = np.empty(rows, np.int64)
    fill = cluster_start[:clusters].copy()
    for i in range(rows):
        row_of[fill[cluster[i]]] = i
        fill[cluster[i]] += 1
    return value_start, cluster_start, row_of


@njit(cache=True, nogil=True)
def weigh_values(value_start: Whole, value_kind: Ints, holding: Ints, weights: Weights):
    """Per value: its bits at its present number of holder clusters, and the row of its centre, its largest holder;
    per row: the bits it gains where many members of one cluster hold it."""
    values = len(value_start) - 1
    bits = np.zeros(values, np.float32)
    centre = np.full(values, -1, np.int64)
    own = np.zeros(len(holding), np.float32)
    for v in range(values):
        begin, end = value_start[v], value_start[v + 1]
        if end == begin:
            continue
        k = value_kind[v]
        bits[v] = full_bits(weights.alpha[k], weights.beta[k], weights.pool[k], end - begin, 1, weights.neighbourhood_bits)
        best = begin
        for i in range(begin, end):
            if holding[i] > holding[best]:
                best = i
            others = max(end - begin - 1, 1)
            if holding[i] > others:
                own[i] = weights.pool[k] * math.log2(holding[i] / others)
        centre[v] = best
    return bits, centre, own


@njit(cache=True, nogil=True)
def overlap(u: int, v: int, table: Table) -> float:
    """The share of two values' other holders that hold both: 0 where they meet in this pair only, near 1 in a place."""
    if table.value_start[u + 1] - table.value_start[u] > table.value_start[v + 1] - table.value_start[v]:
        u, v = v, u
    fewer = table.value_start[u + 1] - table.value_start[u] - 2
    if fewer <= 0:
        return 0.0
    both = 0
    j = table.value_start[v]
    end = table.value_start[v + 1]
    for i in range(table.value_start[u], table.value_start[u + 1]):
        step = 1
        while j + step < end and table.cluster[j + step] < table.cluster[i]:
            j += step
            step *= 2
        while j < end and table.cluster[j] < table.cluster[i]:
            j += 1
        if j == end:
            break
        if table.cluster[j] == table.cluster[i]:
            both += 1
    return (both - 2) / (fewer + 1)


class Pieces(NamedTuple):
    """Room for the pieces of one pair, used again and again."""

    value: Ints
    family: Whole
    bits: Bits
    full: Bits
    density: Bits
    totals: Bits
    strongest: Whole


@njit(cache=True, nogil=True)
def room(pieces: int) -> Pieces:
    """Room for so many pieces."""
    return Pieces(
        np.empty(pieces, np.int32),
        np.empty(pieces, np.int64),
        np.empty(pieces, np.float64),
        np.empty(pieces, np.float64),
        np.empty(pieces, np.float64),
        np.empty(MOST_FAMILIES, np.float64),
        np.empty(MOST_FAMILIES, np.int64),
    )


@njit(cache=True, nogil=True)
def collect_pieces(a: int, b: int, table: Table, value_kind: Ints, weights: Weights, pieces: Pieces) -> int:
    """The values that two clusters share, each with its bits; answers how many."""
    if table.cluster_start[a + 1] - table.cluster_start[a] > table.cluster_start[b + 1] - table.cluster_start[b]:
        a, b = b, a
    count = 0
    j = table.cluster_start[b]
    j_end = table.cluster_start[b + 1]
    for i in range(table.cluster_start[a], table.cluster_start[a + 1]):
        left = table.row_of[i]
        v = table.value[left]
        # gallop: the larger cluster may have thousands of values
        step = 1
        while j + step < j_end and table.value[table.row_of[j + step]] < v:
            j += step
            step *= 2
        while j < j_end and table.value[table.row_of[j]] < v:
            j += 1
        if j == j_end or count == len(pieces.value):
            break
        right = table.row_of[j]
        if table.value[right] != v or table.bits[v] + table.own[table.centre[v]] <= 0:
            continue
        holders = table.value_start[v + 1] - table.value_start[v]
        gap = days_apart(table.first[left], table.last[left], table.first[right], table.last[right])
        full, bits = weigh_piece(
            value_kind[v], holders, table.size[a], table.holding[left], table.size[b], table.holding[right], gap, weights
        )
        pieces.value[count] = v
        pieces.family[count] = weights.family[value_kind[v]]
        pieces.bits[count] = bits
        pieces.full[count] = full
        pieces.density[count] = table.holding[left] * table.holding[right] / (table.size[a] * table.size[b])
        count += 1
    return count


@njit(cache=True, nogil=True)
def weigh_pair(
    a: int, b: int, table: Table, value_kind: Ints, weights: Weights, pieces: Pieces, needed: float
) -> tuple[float, int]:
    """Total bits between two clusters, and how many pieces it is made of.

    A total that falls short of `needed` before what one place explains is taken off is answered as it is.
    """
    count = collect_pieces(a, b, table, value_kind, weights, pieces)
    loudest = combine_pieces(
        count, pieces.family, pieces.bits, pieces.density, weights, pieces.totals, pieces.strongest
    )
    total = sign_up_bits(
        weights.burst_share, weights.burst_days, weights.sign_up_span,
        table.sign_up[a], table.sign_up_spread[a], table.sign_up[b], table.sign_up_spread[b],
    )  # fmt: skip
    families = len(weights.within)
    for f in range(families):
        total += pieces.totals[f]
    if total < needed:
        return total, count
    for f in range(families):
        if f != loudest and pieces.totals[f] > 0:
            shared = overlap(pieces.value[pieces.strongest[f]], pieces.value[pieces.strongest[loudest]], table)
            kept = 1 - weights.overlap * shared
            scale_family(f, kept, count, pieces.family, pieces.bits)
            total -= (1 - kept) * pieces.totals[f]
    return total, count


MOST_PIECES = 4096
STAR_NEIGHBOURS = 8
NEARLY_NOTHING = 1e-6  # marks a partner that nothing counted for yet


@njit(cache=True, nogil=True)
def score_rows(begin: int, end: int, touched: Flags, table: Table, value_kind: Ints, weights: Weights):
    """Pairs that pass the threshold among the clusters begin..end and those they share a value with."""
    clusters = len(table.size)
    bound = np.zeros(clusters, np.float32)
    partners = np.empty(clusters, np.int32)
    pieces = room(MOST_PIECES)
    needed = weights.threshold_bits + weights.neighbourhood_bits
    slack = sign_up_bits(weights.burst_share, weights.burst_days, weights.sign_up_span, 0.0, 0.0, 0.0, 0.0)
    out_left = np.empty(1024, np.int32)
    out_right = np.empty(1024, np.int32)
    out_bits = np.empty(1024, np.float64)
    n = 0
    for a in range(begin, end):
        if not touched[a]:
            continue
        count = 0
        everywhere = 0.0
        for i in range(table.cluster_start[a], table.cluster_start[a + 1]):
            row = table.row_of[i]
            v = table.value[row]
            bits = table.bits[v]
            most = bits + table.own[table.centre[v]]
            if most <= 0:
                continue
            low, high = table.value_start[v], table.value_start[v + 1]
            star = high - low > weights.candidate_holders
            if star:
                everywhere += most
                if most < weights.star_bits:
                    continue
                b = table.cluster[table.centre[v]]
                if b != a and not (touched[b] and b < a):
                    if bound[b] == 0:
                        partners[count] = b
                        count += 1
                    bound[b] += NEARLY_NOTHING
                low, high = max(low, row - STAR_NEIGHBOURS), min(high, row + STAR_NEIGHBOURS + 1)
            tau = weights.tau[value_kind[v]] / LN2
            for other in range(low, high):
                b = table.cluster[other]
                if b == a or (touched[b] and b < a):
                    continue
                gain = NEARLY_NOTHING
                if not star:
                    gap = days_apart(table.first[row], table.last[row], table.first[other], table.last[other])
                    gain = max(bits + max(table.own[row], table.own[other]) - tau * gap, gain)
                if bound[b] == 0:
                    partners[count] = b
                    count += 1
                bound[b] += gain
        for p in range(count):
            b = partners[p]
            passes = bound[b] + everywhere + slack >= needed
            bound[b] = 0
            if not passes:
                continue
            total, _ = weigh_pair(a, b, table, value_kind, weights, pieces, needed)
            if total < needed:
                continue
            if n == len(out_left):
                out_left = np.concatenate((out_left, np.empty(n, np.int32)))
                out_right = np.concatenate((out_right, np.empty(n, np.int32)))
                out_bits = np.concatenate((out_bits, np.empty(n, np.float64)))
            out_left[n] = min(a, b)
            out_right[n] = max(a, b)
            out_bits[n] = total
            n += 1
    return out_left[:n].copy(), out_right[:n].copy(), out_bits[:n].copy()


@njit(cache=True, nogil=True)
def forbidden(a: int, b: int, parent: Ints, head: Ints, following: Ints, enemy: Ints) -> bool:
    """Whether a decision keeps the clusters of the roots a and b apart."""
    entry = head[a]
    while entry >= 0:
        if find(parent, enemy[entry]) == b:
            return True
        entry = following[entry]
    return False


@njit(cache=True, nogil=True)
def join(a: int, b: int, parent: Ints, members: Ints, head: Ints, tail: Ints, following: Ints) -> None:
    """Merge the roots a and b; the smaller number stays root."""
    root, gone = min(a, b), max(a, b)
    parent[gone] = root
    members[root] += members[gone]
    if head[gone] >= 0:
        if head[root] < 0:
            head[root] = head[gone]
        else:
            following[tail[root]] = head[gone]
        tail[root] = tail[gone]


@njit(cache=True, nogil=True)
def accept_pairs(
    left: Ints, right: Ints, order: Whole, root_of: Ints, size: Ints, parent, members, head, tail, following, enemy
):
    """Which of the pairs (best first) merge in this round; merges them in the forest."""
    clusters = len(size)
    best = np.full(clusters, -1, np.int64)
    accepted = np.empty(len(order), np.int64)
    n = 0
    for i in order:
        a, b = left[i], right[i]
        if best[a] < 0:
            best[a] = i
        if best[b] < 0:
            best[b] = i
        # a pair is accepted where it is the best of both, or the best of a single subject
        mutual = best[a] == i and best[b] == i
        single = (best[a] == i and size[a] == 1) or (best[b] == i and size[b] == 1)
        if not (best[a] == i or best[b] == i):
            continue
        x, y = find(parent, root_of[a]), find(parent, root_of[b])
        if x == y:
            continue
        if forbidden(x, y, parent, head, following, enemy) or forbidden(y, x, parent, head, following, enemy):
            if best[a] == i:
                best[a] = -1
            if best[b] == i:
                best[b] = -1
            continue
        join(x, y, parent, members, head, tail, following)
        accepted[n] = i
        n += 1
    return accepted[:n].copy()


DWINDLED = 0.01  # the share of a stage's merges below which the next stage begins
LOUDER = 0.05  # bits a value must have gained for its holders to be looked at again


def loudest(table: Table) -> Floats:
    """The most bits each value can be worth to any pair: 0 for a value that no two clusters hold."""
    own = np.zeros(len(table.bits), np.float32)
    held = table.centre >= 0
    own[held] = table.own[table.centre[held]]
    return np.maximum(np.where(held, table.bits + own, 0), 0)


class Rounds:
    """Clusters on their way: the forest over subjects, the decisions that bind it, and the dendrogram so far."""

    def __init__(self, holdings: Holdings, weights: Weights, threads: int) -> None:
        self.holdings = holdings
        self.weights = weights
        self.threads = threads
        self.values = len(holdings.value_kind)
        self.parent = np.arange(holdings.subjects, dtype=np.int32)
        self.members = np.ones(holdings.subjects, dtype=np.int32)
        self.head = np.full(holdings.subjects, -1, np.int32)
        self.tail = np.full(holdings.subjects, -1, np.int32)
        self.following = np.zeros(0, np.int32)
        self.enemy = np.zeros(0, np.int32)
        self.merges: list[tuple[object, ...]] = []

    def forbid(self, left: Ints, right: Ints) -> None:
        """Keep each left subject out of the cluster of the right one at its side, for ever."""
        holder = np.concatenate([left, right])
        self.enemy = np.concatenate([right, left]).astype(np.int32)
        self.following = np.full(len(holder), -1, np.int32)
        for entry, subject in enumerate(holder):
            if self.head[subject] < 0:
                self.head[subject] = entry
            else:
                self.following[self.tail[subject]] = entry
            self.tail[subject] = entry

    def declare(self, left: Ints, right: Ints) -> Flags:
        """Merge each left subject with the right one at its side, in order; answers which a decision forbade."""
        conflicts = np.zeros(len(left), np.bool_)
        declare_pairs(
            left, right, self.parent, self.members, self.head, self.tail, self.following, self.enemy, conflicts
        )
        return conflicts

    def labels(self) -> tuple[Ints, int]:
        """The cluster of each subject, numbered by first subject, and how many there are."""
        label = np.empty(len(self.parent), np.int32)
        count = number_clusters(self.parent, label)
        return label, count

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
        rows = aggregate_holdings(number, clusters, self.values, rows)
        value_start, cluster_start, row_of = index_rows(rows.cluster, rows.value, clusters, self.values)
        bits, centre, own = weigh_values(value_start, self.holdings.value_kind, rows.holding, self.weights)
        size = np.bincount(label, minlength=clusters).astype(np.int32)
        mean, spread = self.sign_ups(label, clusters)
        return Table(value_start, *rows, cluster_start, row_of, size, bits, centre, own, mean, spread)

    def first_rows(self) -> Rows:
        """The holdings as rows: every subject a cluster of its own."""
        h = self.holdings
        return Rows(h.subject, h.value, np.ones(len(h.subject), np.int32), h.first, h.last)

    def score(self, table: Table, touched: Flags) -> tuple[Ints, Ints, Bits]:
        """Every pair with a touched cluster that passes the threshold."""
        bounds = _even_parts(table, touched, 16 * self.threads)
        work = zip(bounds[:-1], bounds[1:], strict=True)
        with ThreadPoolExecutor(self.threads) as pool:
            parts = list(
                pool.map(
                    lambda part: score_rows(part[0], part[1], touched, table, self.holdings.value_kind, self.weights),
                    work,
                )
            )
        return (
            np.concatenate([part[0] for part in parts]),
            np.concatenate([part[1] for part in parts]),
            np.concatenate([part[2] for part in parts]),
        )

    def run(self, stages: Sequence[float], maximum: int, progress: Progress = silent) -> int:
        """Merge until nothing changes; answers the number of rounds."""
        label, clusters = self.labels()
        table = self.tabulate(label, self.first_rows(), label, clusters)
        touched = np.ones(clusters, np.bool_)
        pairs = (np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0, np.float64))
        stage, merged_in_stage = 0, 0
        for number in range(1, maximum + 1):
            self.weights = self.weights._replace(threshold_bits=stages[stage])
            new = self.score(table, touched)
            pairs = tuple(np.concatenate(both) for both in zip(pairs, new, strict=True))
            order = np.lexsort((pairs[1], pairs[0], -pairs[2]))
            roots = np.empty(clusters, np.int32)
            roots[label[::-1]] = np.arange(len(label) - 1, -1, -1, dtype=np.int32)  # the first subject of each
            accepted = accept_pairs(
                pairs[0], pairs[1], order, roots, table.size,
                self.parent, self.members, self.head, self.tail, self.following, self.enemy,
            )  # fmt: skip
            merged_in_stage += len(accepted)
            last_stage = stage == len(stages) - 1
            if not len(accepted) and last_stage:
                return number
            self._record(number, table, pairs, accepted, roots)
            merged = np.zeros(clusters, np.bool_)
            merged[pairs[0][accepted]] = True
            merged[pairs[1][accepted]] = True
            label, new_clusters = self.labels()
            renumbered = label[roots]
            rows = Rows(table.cluster, table.value, table.holding, table.first, table.last)
            before, clusters = table, new_clusters
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

    def _record(self, number, table, pairs, accepted, roots) -> None:
        evidence = merge_evidence(pairs[0][accepted], pairs[1][accepted], table, self.holdings.value_kind, self.weights)
        left, right = pairs[0][accepted], pairs[1][accepted]
        self.merges.append(
            (
                np.full(len(accepted), number, np.int32),
                roots[left],
                roots[right],
                table.size[left],
                table.size[right],
                pairs[2][accepted],
                *evidence,
            )  # fmt: skip
        )

    def dendrogram(self) -> Merge:
        """All merges in order, with their evidence."""
        if not self.merges:
            none, real = np.zeros(0, np.int32), np.zeros(0, np.float64)
            return Merge(none, none, none, none, none, real, np.zeros(1, np.int64), none, real, real, none)
        columns = [np.concatenate(column) for column in zip(*self.merges, strict=True)]
        counts = columns.pop(6)
        return Merge(*columns[:6], np.concatenate([[0], np.cumsum(counts)]), *columns[6:])


@njit(cache=True, nogil=True)
def declare_pairs(left, right, parent, members, head, tail, following, enemy, conflicts) -> None:
    """Merge given pairs unless a decision forbids it."""
    for i in range(len(left)):
        x, y = find(parent, left[i]), find(parent, right[i])
        if x == y:
            continue
        if forbidden(x, y, parent, head, following, enemy):
            conflicts[i] = True
        else:
            join(x, y, parent, members, head, tail, following)


@njit(cache=True, nogil=True)
def merge_evidence(left, right, table: Table, value_kind, weights: Weights):
    """The pieces that decided each of these merges: their number per merge, and value, bits, full bits, holders."""
    pieces = room(MOST_PIECES)
    counts = np.empty(len(left), np.int64)
    value = np.empty(4 * len(left) + MOST_PIECES, np.int32)
    bits = np.empty(len(value), np.float64)
    full = np.empty(len(value), np.float64)
    holders = np.empty(len(value), np.int32)
    n = 0
    for i in range(len(left)):
        _, count = weigh_pair(left[i], right[i], table, value_kind, weights, pieces, 0.0)
        counts[i] = count
        while n + count > len(value):
            more = len(value)
            value = np.concatenate((value, np.empty(more, np.int32)))
            bits = np.concatenate((bits, np.empty(more, np.float64)))
            full = np.concatenate((full, np.empty(more, np.float64)))
            holders = np.concatenate((holders, np.empty(more, np.int32)))
        for p in range(count):
            v = pieces.value[p]
            value[n] = v
            bits[n] = pieces.bits[p]
            full[n] = pieces.full[p]
            holders[n] = table.value_start[v + 1] - table.value_start[v]
            n += 1
    return counts, value[:n].copy(), bits[:n].copy(), full[:n].copy(), holders[:n].copy()


def _even_parts(table: Table, touched: Flags, parts: int) -> list[int]:
    """Bounds that split the clusters into runs of about equal work."""
    degree = np.diff(table.value_start)[table.value]
    cost = np.concatenate([[0], np.cumsum(np.minimum(degree, 300)[table.row_of])])[table.cluster_start]
    work = np.cumsum(np.where(touched, np.diff(cost) + 1, 0))
    cuts = np.searchsorted(work, np.linspace(0, work[-1] if len(work) else 0, parts + 1)[1:-1])
    return sorted({0, *map(int, cuts), len(touched)})


def _untouched(pairs, renumbered: Ints, touched: Flags):
    """The pairs that keep their score into the next round, in its numbers."""
    left, right = renumbered[pairs[0]], renumbered[pairs[1]]
    keep = (left != right) & ~touched[left] & ~touched[right]
    return left[keep], right[keep], pairs[2][keep]
