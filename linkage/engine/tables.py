"""Cluster × value: what each cluster holds in a round, by value and by cluster, and what each value is worth."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from linkage.engine.weigh import Weights, full_bits

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
def index_rows(cluster: Ints, value: Ints, clusters: int, values: int) -> tuple[Whole, Whole, Whole]:
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
def weigh_values(value_start: Whole, value_kind: Ints, holding: Ints, weights: Weights) -> tuple[Floats, Whole, Floats]:
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
        bits[v] = full_bits(
            weights.alpha[k], weights.beta[k], weights.pool[k], end - begin, 1, weights.neighbourhood_bits
        )
        best = begin
        for i in range(begin, end):
            if holding[i] > holding[best]:
                best = i
            others = max(end - begin - 1, 1)
            if holding[i] > others:
                own[i] = weights.pool[k] * math.log2(holding[i] / others)
        centre[v] = best
    return bits, centre, own


def loudest(table: Table) -> Floats:
    """The most bits each value can be worth to any pair: 0 for a value that no two clusters hold."""
    own = np.zeros(len(table.bits), np.float32)
    held = table.centre >= 0
    own[held] = table.own[table.centre[held]]
    return np.maximum(np.where(held, table.bits + own, 0), 0)
