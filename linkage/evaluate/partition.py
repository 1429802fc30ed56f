"""Two partitions of the same accounts, as integer arrays: who is who, and who was put with whom.

Everything that is measured follows from the cells of the contingency table: how many accounts of actor *a*
stand in cluster *c*. Accounts of the truth that the clustering does not know count as single; accounts that
only the clustering knows have no truth, so they are counted and left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from linkage.errors import BadInput

Whole = npt.NDArray[np.int64]
Real = npt.NDArray[np.float64]
Column: TypeAlias = "pa.Array[Any]"
Flags = npt.NDArray[np.bool_]

#: Without a `ring` column, actors of this many accounts and more count as rings.
RING_SIZE = 5
#: A cluster of this many accounts draws in bystanders.
CROWD = 5
#: Columns of the truth that split the measures, where they are given.
BREAKDOWN_COLUMNS = ("style", "evasion", "behaviour")
_ACCOUNT_COLUMNS = ("account_id", "subject_id", "organisation_id")


@dataclass(frozen=True, slots=True)
class Partition:
    """One entry an account of the truth, in the truth's order, unless said otherwise.

    `cell_size`, `actor_size`, `cluster_size` count accounts with the same actor and cluster, the same actor,
    the same cluster; `cluster_rings` counts the ring members of the account's cluster, `cell_rings` those of its
    cell. `confidence` is NaN where the clustering gives none. `counted` are the accounts that the measures are means
    over; clusters and actors hold the others too.
    """

    actor: Whole
    cluster: Whole
    ring: Flags
    counted: Flags
    confidence: Real
    cell: Whole
    cell_size: Whole
    actor_size: Whole
    cluster_size: Whole
    cell_rings: Whole
    cluster_rings: Whole
    labels: dict[str, Column]
    actors: int
    clusters: int
    missing: int
    extra: int
    ring_rule: str


def _account_column(table: pa.Table, what: str) -> str:
    for name in _ACCOUNT_COLUMNS:
        if name in table.column_names:
            return name
    raise BadInput(
        f"The {what} have no column account_id.",
        next_step=f"Columns found: {', '.join(table.column_names)}.",
    )


def _require(table: pa.Table, column: str, what: str) -> None:
    if column not in table.column_names:
        raise BadInput(
            f"The {what} have no column {column}.", next_step=f"Columns found: {', '.join(table.column_names)}."
        )


def _texts(table: pa.Table, columns: dict[str, str]) -> pa.Table:
    return pa.table({name: table.column(source).cast(pa.string()) for name, source in columns.items()})


def _refuse_ambiguous(connection: duckdb.DuckDBPyConnection, table: str, group: str, what: str) -> None:
    rows = connection.execute(
        f"select account from {table} group by account having count(distinct coalesce({group}, '')) > 1 limit 5"
    ).fetchall()
    if rows:
        raise BadInput(
            f"The {what} put one account in two places.",
            details=[f"account {row[0]}" for row in rows],
            next_step=f"Give each account one {group}.",
        )


def _flags(truth: pa.Table, name: str, unsaid: bool) -> Column | None:
    """A column of the truth that says yes or no; None where it has none."""
    if name not in truth.column_names:
        return None
    column: Any = truth.column(name)
    if not pa.types.is_boolean(column.type):
        try:
            column = column.cast(pa.string()).cast(pa.bool_())
        except pa.ArrowInvalid as error:
            raise BadInput(
                f"The truth's column {name} is neither true nor false everywhere.", next_step="Write true or false."
            ) from error
    flags: Column = column.combine_chunks().fill_null(unsaid)
    return flags


def actors_of(truth: pa.Table) -> pa.Table:
    """Each account of a truth once: account_id, actor_id and, if the truth says so, ring.

    An account without an actor is an actor of its own. Raises BadInput where the truth lacks a column, or gives one
    account two actors.
    """
    _require(truth, "actor_id", "truth")
    known = _texts(truth, {"account": _account_column(truth, "truth"), "actor": "actor_id"})
    rings = _flags(truth, "ring", unsaid=False)
    if rings is not None:
        known = known.append_column("ring", rings)
    with duckdb.connect() as connection:
        connection.register("known", known)
        _refuse_ambiguous(connection, "known", "actor", "truth")
        rows: pa.Table = connection.sql(
            "select distinct on (account) account as account_id, "
            "coalesce('actor:' || actor, 'alone:' || account) as actor_id, * exclude (account, actor) "
            "from known where account is not null order by account"
        ).to_arrow_table()
        return rows


def align(clusters: pa.Table, truth: pa.Table) -> Partition:
    """Bring both tables into one order.

    clusters: account_id, cluster_id (null: single), confidence if any. truth: account_id, actor_id, and if any
    ring (boolean), counted (boolean: whether the account enters the measures), style, evasion, behaviour.
    """
    _require(clusters, "cluster_id", "clusters")
    _require(truth, "actor_id", "truth")
    found = _texts(clusters, {"account": _account_column(clusters, "clusters"), "cluster": "cluster_id"})
    found = found.append_column("confidence", _confidence(clusters))
    known = _texts(truth, {"account": _account_column(truth, "truth"), "actor": "actor_id"})
    rings = _flags(truth, "ring", unsaid=False)
    known = known.append_column("ring", rings if rings is not None else _nulls(len(known), pa.bool_()))
    counted = _flags(truth, "counted", unsaid=True)
    known = known.append_column("counted", counted if counted is not None else _nulls(len(known), pa.bool_()))
    for column in BREAKDOWN_COLUMNS:
        if column in truth.column_names:
            known = known.append_column(column, truth.column(column).cast(pa.string()))
    with duckdb.connect() as connection:
        connection.register("found_rows", found)
        connection.register("known_rows", known)
        _refuse_ambiguous(connection, "found_rows", "cluster", "clusters")
        _refuse_ambiguous(connection, "known_rows", "actor", "truth")
        connection.execute(
            "create temp table found as select account, any_value(cluster) as cluster, "
            "any_value(confidence) as confidence, true as present from found_rows group by account"
        )
        connection.execute("create temp table known as select distinct on (account) * from known_rows")
        joined = connection.sql(
            "select known.*, found.cluster, found.confidence, found.present "
            "from known left join found using (account) order by account"
        ).to_arrow_table()
        extra = connection.execute("select count(*) from found anti join known using (account)").fetchone()
    return _partition(joined, rings is not None, int(extra[0]) if extra else 0)


def _nulls(length: int, kind: Any) -> Column:
    column: Column = pa.nulls(length, kind)
    return column


def _confidence(clusters: pa.Table) -> Any:
    if "confidence" not in clusters.column_names:
        return _nulls(len(clusters), pa.float64())
    return clusters.column("confidence").cast(pa.float64())


def _codes(column: Any) -> tuple[Whole, int]:
    encoded = column.combine_chunks().dictionary_encode()
    return encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64), len(encoded.dictionary)


def _partition(joined: pa.Table, declared: bool, extra: int) -> Partition:
    if len(joined) == 0:
        raise BadInput("The truth names no account.", next_step="Give a truth file with account_id and actor_id.")
    actor, actors = _codes(joined.column("actor"))
    alone_actor = actor < 0
    actor[alone_actor] = actors + np.arange(int(alone_actor.sum()))
    actors += int(alone_actor.sum())
    cluster, clusters = _codes(joined.column("cluster"))
    alone = cluster < 0
    cluster[alone] = clusters + np.arange(int(alone.sum()))
    clusters += int(alone.sum())
    actor_size = np.bincount(actor, minlength=actors)[actor]
    if declared:
        ring = joined.column("ring").combine_chunks().to_numpy(zero_copy_only=False).astype(bool)
    else:
        ring = actor_size >= RING_SIZE
    counted = joined.column("counted").combine_chunks().fill_null(True).to_numpy(zero_copy_only=False).astype(bool)
    _, cell, counts = np.unique(actor * clusters + cluster, return_inverse=True, return_counts=True)
    confidence = joined.column("confidence").combine_chunks().to_numpy(zero_copy_only=False).astype(np.float64)
    return Partition(
        actor=actor,
        cluster=cluster,
        ring=ring,
        counted=counted,
        confidence=confidence,
        cell=cell,
        cell_size=counts[cell],
        actor_size=actor_size,
        cluster_size=np.bincount(cluster, minlength=clusters)[cluster],
        cell_rings=np.bincount(cell, weights=ring).astype(np.int64)[cell],
        cluster_rings=np.bincount(cluster, weights=ring, minlength=clusters).astype(np.int64)[cluster],
        labels={
            name: joined.column(name).combine_chunks() for name in BREAKDOWN_COLUMNS if name in joined.column_names
        },
        actors=actors,
        clusters=clusters,
        missing=joined.column("present").null_count,
        extra=extra,
        ring_rule="the truth's ring column" if declared else f"actors of {RING_SIZE} accounts or more",
    )
