"""Observations that were wrong: taken back, and with them the evidence that rests on them.

An observation that is withdrawn stays in the ledger and counts no more, however often it is said again, until it is
reinstated. What is right in its place is another observation. Until the next resolution the clusters of those it was
about are made anew from their own merges (`replaying`): a merge that has too little left without it falls, and what
has become possible without it waits for the resolution. Whoever writes holds the lock of publishers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import duckdb
import pyarrow as pa

from linkage.errors import BadInput, NotFound
from linkage.findings.changes import changes, sentence
from linkage.ledger import Ledger, Snapshot, results
from linkage.ledger.parquet import columns
from linkage.ledger.tables import OBSERVATIONS, WITHDRAWALS
from linkage.model import PublicationKind, Subject
from linkage.normalise import Context, canonical_name, kind_of
from linkage.service.replaying import Bars, Plan, Touched, carry_out, opened, plan, suppose, unnamed
from linkage.service.signing import check_signature

#: So many observations are withdrawn, or reinstated, in one call.
MOST = 100_000


@dataclass(frozen=True, slots=True)
class Selection:
    """Which observations: those of which all that is given holds. A value needs its kind, and is taken however it is
    spelt; `source` is the system that saw them, as their rows say."""

    subject: Subject | None = None
    kind: str | None = None
    value: str | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """What withdrawing or reinstating did, or would do: to how many observations, and what becomes of clusters."""

    observations: int
    changes: Sequence[str]
    touched: Sequence[Touched]
    summary: str
    publication_id: str | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """What somebody wants: which observations, whether to take them back (`withdrawn`) or to let them count again, and
    who says so and why."""

    selection: Selection
    withdrawn: bool
    author: str
    reason: str


def preview(ledger: Ledger, order: Order, *, bars: Bars, context: Context) -> Withdrawn:
    """What would happen now; writes nothing."""
    _, _, effect = _weigh(ledger, order, bars, context)
    return replace(effect, touched=unnamed(effect.touched))


def withdraw(ledger: Ledger, order: Order, *, bars: Bars, context: Context) -> Withdrawn:
    """Take the observations back, or let them count again, and apply that to the clusters concerned."""
    check_signature(order.author, order.reason)
    rows, planned, effect = _weigh(ledger, order, bars, context)
    ledger.append("withdrawals", rows)
    carry_out(ledger, planned, PublicationKind.WITHDRAWAL)
    return replace(effect, publication_id=planned.publication_id if planned.rows else None)


def find(ledger: Ledger) -> pa.Table:
    """The observations that are withdrawn, with who said so, when and why, the latest first."""
    with opened(ledger) as (connection, _):
        found: pa.Table = connection.sql(
            f"SELECT * EXCLUDE (withdrawn) FROM ({results.withdrawn_now()}) "
            f"ORDER BY said_at DESC, {columns(OBSERVATIONS.schema.names)}"
        ).to_arrow_table()
    return found


def _weigh(ledger: Ledger, order: Order, bars: Bars, context: Context) -> tuple[pa.Table, Plan, Withdrawn]:
    condition, parameters = _condition(order.selection, context)
    with opened(ledger) as (connection, snapshot):
        rows = _rows(connection, order, condition, parameters)
        planned = _plan(connection, snapshot, rows, bars)
    told = changes(planned.flows)
    later = "" if order.withdrawn else " What that joins, the next resolution joins."
    done = (
        f"{rows.num_rows:,} observation{'s' * (rows.num_rows != 1)} {'withdrawn' if order.withdrawn else 'reinstated'}"
    )
    summary = f"{done}: {sentence(told)}" if told else f"{done}. Clusters stay as they are.{later}"
    return rows, planned, Withdrawn(rows.num_rows, told, planned.touched, summary)


def _condition(selection: Selection, context: Context) -> tuple[str, list[object]]:
    """The selection as SQL over observations."""
    wanted: dict[str, object] = {}
    if selection.subject is not None:
        wanted |= {"subject_type": selection.subject.type.value, "subject_id": selection.subject.id}
    if selection.value is not None and selection.kind is None:
        raise BadInput("a value needs its kind", next_step="Name the kind, such as ip or payment_method.")
    if selection.kind is not None:
        if canonical_name(selection.kind) is None:
            raise BadInput("that cannot be the name of a kind", next_step="Name a kind, such as ip or payment_method.")
        kind = kind_of(selection.kind)
        wanted["kind"] = kind.name
        if selection.value is not None:
            # What cannot be brought into a normal form was never taken.
            wanted["value"] = kind.normalise(selection.value, context) or selection.value
    if selection.source is not None:
        wanted["source"] = selection.source
    if not wanted:
        raise BadInput(
            "nothing says which observations", next_step="Name a subject, a kind with or without a value, or a source."
        )
    return " AND ".join(f"{name} = ?" for name in wanted), list(wanted.values())


def _rows(connection: duckdb.DuckDBPyConnection, order: Order, condition: str, parameters: list[object]) -> pa.Table:
    """The rows that say of the observations what the order says."""
    now = results.observations_now() if order.withdrawn else results.withdrawn_now()
    said = [order.withdrawn, order.author.strip(), order.reason.strip(), datetime.now(UTC)]
    names = columns(OBSERVATIONS.schema.names)
    sql = f"SELECT {names}, ?, ?, ?, ? FROM ({now}) WHERE {condition} LIMIT {MOST + 1}"
    given = connection.sql(sql, params=[*said, *parameters]).to_arrow_table()
    found: pa.Table = given.rename_columns(WITHDRAWALS.schema.names).cast(WITHDRAWALS.schema)
    if not found.num_rows:
        raise NotFound(
            f"no such observation {'counts' if order.withdrawn else 'is withdrawn'}",
            next_step="Check the names." if order.withdrawn else "linkage withdrawals lists those that are.",
        )
    if found.num_rows > MOST:
        raise BadInput(
            f"that is more than {MOST:,} observations", next_step="Do it in parts: by subject, by kind, or by value."
        )
    return found


def _plan(connection: duckdb.DuckDBPyConnection, snapshot: Snapshot, rows: pa.Table, bars: Bars) -> Plan:
    suppose(connection, snapshot, "withdrawals", rows)
    pairs = set(zip(rows["subject_type"].to_pylist(), rows["subject_id"].to_pylist(), strict=True))
    subjects = sorted(Subject.parse(f"{type_}:{identity}") for type_, identity in pairs)
    return plan(connection, snapshot, subjects, at=datetime.now(UTC), bars=bars)
