"""Pairs of clusters: which may be one actor's, and what speaks for it.

`score_rows` walks the clusters row by row. For each it adds up an upper bound for every cluster it shares a value with,
and only where the bound passes does `judge_pair` look at everything the two share, and at what counts besides.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from linkage.engine.behaviour import Activity, Profiles, synchrony_bits
from linkage.engine.tables import Bits, Flags, Floats, Ints, Table, Values, Whole, worth_of
from linkage.engine.weigh import (
    LN2,
    MOST_FAMILIES,
    Weights,
    combine_pieces,
    days_apart,
    scale_family,
    sign_up_bits,
    weigh_piece,
)

MOST_PIECES = 4096
STAR_NEIGHBOURS = 8
ROUNDING = 1e-3  # bits by which sums of single precision may fall short
SEVERAL = 4  # members from which on a cluster must be covered by what it shares
COUNTS = 1.0  # bits from which on a piece covers who holds it
EVERYTHING = -1e9  # needed bits with which a pair is judged to the end
NEARLY_NOTHING = 1e-6  # marks a partner that nothing counted for yet


class Pieces(NamedTuple):
    """Room for the pieces of one pair, used again and again."""

    value: Ints
    family: Whole
    beside: Bits
    bits: Bits
    full: Bits
    density: Bits
    totals: Bits
    strongest: Whole


class Held(NamedTuple):
    """Who holds what, subject by subject: where each value's holders begin, the holders, and their clusters now."""

    value_start: Whole
    subject: Ints
    label: Ints


class Round(NamedTuple):
    """All that the pairs of one round are judged by; `stated` are the families of which each cluster has any value, as
    bits, where such may speak against a link."""

    table: Table
    values: Values
    held: Held
    stated: Whole
    activity: Activity
    profiles: Profiles


class Verdict(NamedTuple):
    """Total bits between two clusters: of so many pieces, sign-up times, and working hours, less what is uncovered and
    what differs."""

    total: float
    pieces: int
    sign_up: float
    behaviour: float
    uncovered: float
    differing: float


class Desk(NamedTuple):
    """Where the bounds of one cluster's partners are added up: `bound` by cluster (0 between uses), the rest lists."""

    bound: Floats
    partners: Ints
    rows: Whole


@njit(cache=True, nogil=True)
def room(pieces: int) -> Pieces:
    """Room for so many pieces."""
    return Pieces(
        np.empty(pieces, np.int32),
        np.empty(pieces, np.int64),
        np.empty(pieces, np.float64),
        np.empty(pieces, np.float64),
        np.empty(pieces, np.float64),
        np.empty(pieces, np.float64),
        np.empty(MOST_FAMILIES, np.float64),
        np.empty(MOST_FAMILIES, np.int64),
    )


@njit(cache=True, nogil=True)
def gallop(sought: int, among: Ints, begin: int, end: int) -> int:
    """Where the first number not below `sought` stands in the sorted begin..end; near `begin` soonest."""
    step = 1
    while begin + step < end and among[begin + step] < sought:
        begin += step
        step *= 2
    end = min(end, begin + step)
    while begin < end:
        middle = (begin + end) // 2
        if among[middle] < sought:
            begin = middle + 1
        else:
            end = middle
    return begin


@njit(cache=True, nogil=True)
def collect_pieces(a: int, b: int, table: Table, values: Values, weights: Weights, pieces: Pieces) -> int:
    """The values that two clusters share, each with its bits; answers how many."""
    if table.cluster_start[a + 1] - table.cluster_start[a] > table.cluster_start[b + 1] - table.cluster_start[b]:
        a, b = b, a
    count = 0
    j = table.cluster_start[b]
    j_end = table.cluster_start[b + 1]
    for i in range(table.cluster_start[a], table.cluster_start[a + 1]):
        v = table.held[i]
        j = gallop(v, table.held, j, j_end)
        if j == j_end or count == len(pieces.value):
            break
        if table.held[j] != v or table.bits[v] + table.own[table.centre[v]] <= 0:
            continue
        left, right = table.row_of[i], table.row_of[j]
        holders = table.value_start[v + 1] - table.value_start[v]
        gap = days_apart(table.first[left], table.last[left], table.first[right], table.last[right])
        full, bits = weigh_piece(
            worth_of(v, values, weights),
            holders,
            table.size[a],
            table.holding[left],
            table.size[b],
            table.holding[right],
            gap,
            weights,
        )
        pieces.value[count] = v
        pieces.family[count] = weights.family[values.kind[v]]
        pieces.beside[count] = weights.beside[values.kind[v]]
        pieces.bits[count] = bits
        pieces.full[count] = full
        pieces.density[count] = table.holding[left] * table.holding[right] / (table.size[a] * table.size[b])
        count += 1
    return count


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
        j = gallop(table.cluster[i], table.cluster, j, end)
        if j == end:
            break
        if table.cluster[j] == table.cluster[i]:
            both += 1
    share: float = (both - 2) / (fewer + 1)
    return share


@njit(cache=True, nogil=True)
def weigh_pair(
    a: int, b: int, table: Table, values: Values, weights: Weights, pieces: Pieces, needed: float
) -> tuple[float, int]:
    """Total bits of what two clusters share, and of how many pieces.

    A total that falls short of `needed` before what families and places explain is taken off is answered as it is.
    """
    count = collect_pieces(a, b, table, values, weights, pieces)
    most = ROUNDING
    for p in range(count):
        most += pieces.bits[p]
    if most < needed:
        return most, count
    loudest = combine_pieces(
        count, pieces.family, pieces.beside, pieces.bits, pieces.density, weights, pieces.totals, pieces.strongest
    )
    families = len(weights.within)
    total = 0.0
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


@njit(cache=True, nogil=True)
def covered_members(c: int, count: int, pieces: Pieces, held: Held) -> int:
    """How many members of a cluster hold any of the pieces that count."""
    seen = set()
    for p in range(count):
        if pieces.bits[p] >= COUNTS:
            v = pieces.value[p]
            for i in range(held.value_start[v], held.value_start[v + 1]):
                if held.label[held.subject[i]] == c:
                    seen.add(held.subject[i])
    return max(len(seen), 1)


@njit(cache=True, nogil=True)
def coverage_penalty(smaller: int, larger: int, count: int, now: Round, weights: Weights, pieces: Pieces) -> float:
    """Bits lost where what two clusters share concerns few of their members.

    What covers few members even of the smaller one is an accident of size, and what only one or two members of a
    core share with a newcomer says that these know each other, not that the newcomer is of the core: an account that
    carries other people's traffic shows their homes and devices.
    """
    size = now.table.size
    lost = 0.0
    if size[smaller] >= SEVERAL:
        lost += weights.uncovered * math.log2(size[smaller] / covered_members(smaller, count, pieces, now.held))
    if size[larger] >= weights.core:
        lost += weights.lone_witness / covered_members(larger, count, pieces, now.held)
    return lost


@njit(cache=True, nogil=True)
def differing_bits(stated: int, count: int, pieces: Pieces, weights: Weights) -> float:
    """Bits lost in the families (as bits) of which both sides have values, and share none."""
    lost = 0.0
    if stated:
        for p in range(count):
            stated &= ~(1 << pieces.family[p])
        for f in range(len(weights.differ)):
            if stated & (1 << f):
                lost += weights.differ[f]
    return lost


@njit(cache=True, nogil=True)
def sign_ups(a: int, b: int, table: Table, weights: Weights) -> float:
    """Bits from when the accounts of two clusters were opened."""
    return sign_up_bits(
        weights.burst_share, weights.burst_days, weights.sign_up_span,
        table.sign_up[a], table.sign_up_spread[a], table.sign_up[b], table.sign_up_spread[b],
    )  # fmt: skip


@njit(cache=True, nogil=True)
def judge_pair(a: int, b: int, sign_up: float, now: Round, weights: Weights, pieces: Pieces, needed: float) -> Verdict:
    """What speaks for one actor behind two clusters; where it falls short of `needed`, part of it may be missing."""
    table = now.table
    smaller, larger = (a, b) if table.size[a] < table.size[b] else (b, a)
    reach = weights.behaviour_cap if table.size[larger] >= weights.behaviour_core else 0.0
    total, count = weigh_pair(a, b, table, now.values, weights, pieces, needed - reach - sign_up)
    total += sign_up
    if total < needed - reach:
        return Verdict(total, count, sign_up, 0.0, 0.0, 0.0)
    behaviour = synchrony_bits(larger, smaller, now.profiles, now.activity, weights) if reach > 0 else 0.0
    total += behaviour
    differing = differing_bits(now.stated[a] & now.stated[b], count, pieces, weights)
    total -= differing
    uncovered = 0.0
    if total >= needed:
        uncovered = coverage_penalty(smaller, larger, count, now, weights, pieces)
        total -= uncovered
    return Verdict(total, count, sign_up, behaviour, uncovered, differing)


@njit(cache=True, nogil=True)
def silent_rows(a: int, needed: float, table: Table, rows: Whole) -> tuple[int, float]:
    """The rows of a cluster in falling worth; answers how many must propose pairs, and the bits of the others.

    The least telling values together do not make a link: whoever shares only those need not be looked at. They are
    the crowded ones, so that most of the work falls away.
    """
    start, end = table.cluster_start[a], table.cluster_start[a + 1]
    worth = np.empty(end - start, np.float64)
    for i in range(start, end):
        v = table.held[i]
        worth[i - start] = -max(table.bits[v] + table.own[table.centre[v]], 0.0)
    order = np.argsort(worth, kind="mergesort")
    kept = len(order)
    unheard = 0.0
    while kept > 0 and unheard - worth[order[kept - 1]] < needed:
        kept -= 1
        unheard -= worth[order[kept]]
    for i in range(kept):
        rows[i] = table.row_of[start + order[i]]
    return kept, unheard


@njit(cache=True, nogil=True)
def add_up_bounds(
    a: int,
    needed: float,
    touched: Flags,
    table: Table,
    values: Values,
    weights: Weights,
    desk: Desk,
) -> tuple[int, float]:
    """Add up the most bits that each partner of a cluster can have with it, through the values that propose pairs.

    Fills the desk's `bound` by cluster and its list of `partners`; answers how many, and the bits that any partner
    may have besides. A value that is held by too many proposes no pairs, but where it is strong a star: its centre
    (who holds it most) and the holders next in line. However many values of one place two single subjects share,
    those count no more than the dense caps, which the caller allows for.
    """
    count = 0
    kept, everywhere = silent_rows(a, needed, table, desk.rows)
    for i in range(kept):
        row = desk.rows[i]
        v = table.value[row]
        low, high = table.value_start[v], table.value_start[v + 1]
        star = high - low > weights.candidate_holders
        if star:
            most = table.bits[v] + table.own[table.centre[v]]
            everywhere += most
            if most < weights.star_bits:
                continue
            b = table.cluster[table.centre[v]]
            if b != a and not (touched[b] and goes_first(b, a, table)):
                count = add_partner(b, NEARLY_NOTHING, count, desk)
            low, high = max(low, row - STAR_NEIGHBOURS), min(high, row + STAR_NEIGHBOURS + 1)
        tau = weights.tau[values.kind[v]] / LN2
        place = table.size[a] == 1 and weights.cap_dense[weights.family[values.kind[v]]] < table.bits[v]
        for other in range(low, high):
            b = table.cluster[other]
            if b == a or (touched[b] and goes_first(b, a, table)) or (place and table.size[b] == 1):
                continue
            gain = NEARLY_NOTHING
            if not star:
                gap = days_apart(table.first[row], table.last[row], table.first[other], table.last[other])
                gain = max(table.bits[v] + max(table.own[row], table.own[other]) - tau * gap, gain)
            count = add_partner(b, gain, count, desk)
    return count, everywhere


@njit(cache=True, nogil=True)
def goes_first(b: int, a: int, table: Table) -> bool:
    """Whether a pair of touched clusters is looked at from b: the larger one, of equals the first."""
    return table.size[b] > table.size[a] or (table.size[b] == table.size[a] and b < a)


@njit(cache=True, nogil=True)
def add_partner(b: int, gain: float, count: int, desk: Desk) -> int:
    """Add bits to a partner's bound; answers how many partners there are now."""
    if desk.bound[b] == 0:
        desk.partners[count] = b
        count += 1
    desk.bound[b] += gain
    return count


def lay_desk(table: Table) -> Desk:
    """An empty desk for a round."""
    clusters = len(table.size)
    most = int(np.diff(table.cluster_start).max(initial=0))
    return Desk(np.zeros(clusters, np.float32), np.empty(clusters, np.int32), np.empty(most, np.int64))


@njit(cache=True, nogil=True)
def score_rows(
    begin: int, end: int, touched: Flags, now: Round, weights: Weights, desk: Desk
) -> tuple[Ints, Ints, Bits]:
    """Pairs that pass the threshold among the touched clusters of begin..end and those they share a value with."""
    table = now.table
    pieces = room(MOST_PIECES)
    needed = weights.threshold_bits + weights.neighbourhood_bits
    together = sign_up_bits(weights.burst_share, weights.burst_days, weights.sign_up_span, 0.0, 0.0, 0.0, 0.0)
    dense = 0.0
    for cap in weights.cap_dense:
        if cap < needed:
            dense += cap
    left = np.empty(1024, np.int32)
    right = np.empty(1024, np.int32)
    bits = np.empty(1024, np.float64)
    n = 0
    for a in range(begin, end):
        if not touched[a]:
            continue
        reach = weights.behaviour_cap if now.profiles.start[a + 1] > now.profiles.start[a] else 0.0
        silent = needed - together - dense - reach
        count, everywhere = add_up_bounds(a, silent, touched, table, now.values, weights, desk)
        for p in range(count):
            b = desk.partners[p]
            most = desk.bound[b] + everywhere + ROUNDING
            if max(table.size[a], table.size[b]) >= weights.behaviour_core:
                most += reach
            desk.bound[b] = 0
            if table.size[a] == 1 and table.size[b] == 1:
                most += dense
            if most + together < needed:
                continue
            sign_up = sign_ups(a, b, table, weights)
            if most + sign_up < needed:
                continue
            verdict = judge_pair(a, b, sign_up, now, weights, pieces, needed)
            if verdict.total < needed:
                continue
            if n == len(left):
                left = np.concatenate((left, np.empty(n, np.int32)))
                right = np.concatenate((right, np.empty(n, np.int32)))
                bits = np.concatenate((bits, np.empty(n, np.float64)))
            left[n], right[n], bits[n] = min(a, b), max(a, b), verdict.total
            n += 1
    return left[:n].copy(), right[:n].copy(), bits[:n].copy()


@njit(cache=True, nogil=True)
def merge_evidence(
    left: Ints, right: Ints, now: Round, weights: Weights
) -> tuple[Bits, Bits, Bits, Bits, Whole, Ints, Bits, Bits, Ints]:
    """What decided each of these merges: bits of sign-ups, of behaviour, of what is uncovered and of what differs; the
    number of its pieces, and their values, bits, full bits and holders."""
    pieces = room(MOST_PIECES)
    sign_up = np.empty(len(left), np.float64)
    behaviour = np.empty(len(left), np.float64)
    uncovered = np.empty(len(left), np.float64)
    differing = np.empty(len(left), np.float64)
    counts = np.empty(len(left), np.int64)
    value = np.empty(4 * len(left) + MOST_PIECES, np.int32)
    bits = np.empty(len(value), np.float64)
    full = np.empty(len(value), np.float64)
    holders = np.empty(len(value), np.int32)
    n = 0
    for i in range(len(left)):
        a, b = left[i], right[i]
        verdict = judge_pair(a, b, sign_ups(a, b, now.table, weights), now, weights, pieces, EVERYTHING)
        sign_up[i], behaviour[i], uncovered[i] = verdict.sign_up, verdict.behaviour, verdict.uncovered
        differing[i] = verdict.differing
        count = verdict.pieces
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
            holders[n] = now.table.value_start[v + 1] - now.table.value_start[v]
            n += 1
    return (
        sign_up, behaviour, uncovered, differing, counts,
        value[:n].copy(), bits[:n].copy(), full[:n].copy(), holders[:n].copy(),
    )  # fmt: skip
