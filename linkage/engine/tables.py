"""Cluster × value: what each cluster holds in a round, by value and by cluster, and what each value is worth."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from linkage.engine.weigh import Weights, Worth, full_bits

Ints = npt.NDArray[np.int32]
Whole = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
Bits = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

CROWD = 300  # holders beyond which a value is no more work
SHORT = 32  # rows that are sorted by insertion


class Values(NamedTuple):
    """Per value: its kind, and what it is worth as a logit at two holders, with how that fades with more."""

    kind: Ints
    alpha: Floats
    beta: Floats


class Holdings(NamedTuple):
    """Subject × value, by value then subject; periods in days (−∞, ∞: not known). `stated` has by subject, as bits, the
    families of which it has any value and that speak against a link where none is shared; empty where nobody has."""

    subject: Ints
    value: Ints
    first: Floats
    last: Floats
    values: Values
    created: Floats
    subjects: int
    stated: Whole


class Rows(NamedTuple):
    """Cluster × value, by value: how many members hold it, and their period of use in days."""

    cluster: Ints
    value: Ints
    holding: Ints
    first: Floats
    last: Floats


class Table(NamedTuple):
    """Cluster × value of one round. Rows are sorted by value; `row_of` lists them, and `held` their values, by cluster
    then value."""

    value_start: Whole
    cluster: Ints
    value: Ints
    holding: Ints
    first: Floats
    last: Floats
    cluster_start: Whole
    row_of: Ints
    held: Ints
    size: Ints
    bits: Floats
    centre: Whole
    own: Floats
    sign_up: Floats
    sign_up_spread: Floats


@njit(cache=True, nogil=True)
def worth_of(v: int, values: Values, weights: Weights) -> Worth:
    """What a value is worth."""
    kind = values.kind[v]
    return Worth(values.alpha[v], values.beta[v], weights.tau[kind], weights.pool[kind])


@njit(cache=True, nogil=True)
def sort_by_cluster(number: Ints, cluster: Ints, begin: int, end: int, order: Whole) -> None:
    """Fill `order` with the rows begin..end (of one value) by the number of their cluster; equal ones stay in order.

    Numbers follow the first subject, so that rows of the last round are in order but for clusters that merged.
    """
    sorted_already = True
    for i in range(begin, end):
        order[i - begin] = i
        if i > begin and number[cluster[i]] < number[cluster[i - 1]]:
            sorted_already = False
    if sorted_already:
        return
    if end - begin > SHORT:
        numbers = np.empty(end - begin, np.int32)
        for i in range(begin, end):
            numbers[i - begin] = number[cluster[i]]
        order[: end - begin] = begin + np.argsort(numbers, kind="mergesort")
        return
    for i in range(1, end - begin):
        row = order[i]
        c = number[cluster[row]]
        j = i
        while j > 0 and number[cluster[order[j - 1]]] > c:
            order[j] = order[j - 1]
            j -= 1
        order[j] = row


@njit(cache=True, nogil=True)
def aggregate_holdings(number: Ints, begin: int, end: int, value_start: Whole, given: Rows) -> Rows:
    """Cluster × value rows of the values begin..end by value then cluster; values with one cluster are left out.

    The given rows are by value; `number` is the cluster now of each of their clusters.
    """
    first = value_start[begin]
    rows = value_start[end] - first
    most = 0
    for v in range(begin, end):
        most = max(most, value_start[v + 1] - value_start[v])
    order = np.empty(most, np.int64)
    out_cluster = np.empty(rows, np.int32)
    out_value = np.empty(rows, np.int32)
    out_holding = np.empty(rows, np.int32)
    out_first = np.empty(rows, np.float32)
    out_last = np.empty(rows, np.float32)
    n = 0
    for v in range(begin, end):
        before = n
        previous = -1
        sort_by_cluster(number, given.cluster, value_start[v], value_start[v + 1], order)
        for j in range(value_start[v + 1] - value_start[v]):
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
    return Rows(out_cluster[:n], out_value[:n], out_holding[:n], out_first[:n], out_last[:n])


@njit(cache=True, nogil=True)
def start_values(value: Ints, values: int) -> Whole:
    """Where each value's rows begin, and the end of the last."""
    start = np.zeros(values + 1, np.int64)
    for i in range(len(value)):
        start[value[i] + 1] += 1
    for v in range(values):
        start[v + 1] += start[v]
    return start


@njit(cache=True, nogil=True)
def index_clusters(cluster: Ints, value: Ints, clusters: int) -> tuple[Whole, Ints, Ints]:
    """Where each cluster's entries begin; by cluster then value, the rows and their values."""
    rows = len(cluster)
    cluster_start = np.zeros(clusters + 1, np.int64)
    for i in range(rows):
        cluster_start[cluster[i] + 1] += 1
    for c in range(clusters):
        cluster_start[c + 1] += cluster_start[c]
    row_of = np.empty(rows, np.int32)
    held = np.empty(rows, np.int32)
    fill = cluster_start[:clusters].copy()
    for i in range(rows):
        c = cluster[i]
        row_of[fill[c]] = i
        held[fill[c]] = value[i]
        fill[c] += 1
    return cluster_start, row_of, held


@njit(cache=True, nogil=True)
def weigh_values(value_start: Whole, worth: Values, holding: Ints, weights: Weights) -> tuple[Floats, Whole, Floats]:
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
        k = worth.kind[v]
        bits[v] = full_bits(worth.alpha[v], worth.beta[v], weights.pool[k], end - begin, 1, weights.neighbourhood_bits)
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
def estimate_work(table: Table, touched: Flags) -> Whole:
    """What it takes, about, to score each touched cluster: the holders of its values; 0 for the others."""
    work = np.zeros(len(touched), np.int64)
    for c in range(len(touched)):
        if touched[c]:
            work[c] = 1
            for i in range(table.cluster_start[c], table.cluster_start[c + 1]):
                v = table.held[i]
                work[c] += min(table.value_start[v + 1] - table.value_start[v], CROWD)
    return work


def loudest(table: Table) -> Floats:
    """The most bits each value can be worth to any pair: 0 for a value that no two clusters hold."""
    own = np.zeros(len(table.bits), np.float32)
    held = table.centre >= 0
    own[held] = table.own[table.centre[held]]
    return np.maximum(np.where(held, table.bits + own, 0), 0)
