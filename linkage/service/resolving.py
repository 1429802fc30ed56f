"""Ledger → engine → identity → ledger. The difference is published; it counts once `publications` says so.

The engine runs without any lock, for minutes, on a snapshot. Then, alone among publishers, the difference to what holds
by then is made and published. A resolution that would change more than the gate lets through is kept for a person.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import duckdb
import pyarrow as pa

from linkage.engine.facts import Facts
from linkage.engine.model import Model
from linkage.engine.reference import Reference, version
from linkage.engine.resolve import resolve as resolve_facts
from linkage.ledger import Ledger, Snapshot, results
from linkage.ledger.tables import FACTS, OBSERVATIONS, RESOLUTIONS
from linkage.model import PublicationKind, ReviewState
from linkage.model.progress import Progress, silent
from linkage.service import reviewing
from linkage.service.difference import Difference, Found, difference, prepare
from linkage.service.publishing import publish
from linkage.service.waiting import WaitingRoom

#: Fewer changes than this pass every gate: shares of a handful say nothing.
FEWEST = 10


@dataclass(frozen=True, slots=True)
class Desk:
    """What resolutions are published through.

    `alone` holds the lock of publishers. `gate` is the share of known clustered subjects whose place may change without
    a person; None: whatever changes is published.
    """

    ledger: Ledger
    alone: Callable[[], AbstractContextManager[None]]
    room: WaitingRoom
    memory_limit: str
    gate: float | None = None


def resolve(
    desk: Desk, model: Model, reference: Reference | None = None, *, progress: Progress = silent
) -> dict[str, Any]:
    """Resolve the ledger's facts, publish what changed or let it wait, and return the resolution's summary.

    Beside the engine's figures the summary has `resolution_id`, `waiting`, `memberships_changed`, `lineage` (what
    became of clusters) and `changes` (the report for whoever decides).
    A run that is cut off leaves rows without a publication, which nobody ever reads.
    """
    found = find(desk.ledger, model, reference, memory_limit=desk.memory_limit, progress=progress)
    return settle(desk, found, progress)


def settle(desk: Desk, found: Found, progress: Progress = silent) -> dict[str, Any]:
    """Publish what the engine found as a difference to what holds by now, or let it wait; return its summary."""
    ready = prepare(desk.ledger, found, memory_limit=desk.memory_limit)
    with desk.alone():
        changes = difference(desk.ledger, found, ready, memory_limit=desk.memory_limit)
        summary = _summary(found, changes)
        published = passes(desk.gate, changes)
        _overtake(desk)
        if published:
            put(desk.ledger, found, changes, summary, progress)
        else:
            desk.room.keep(found)
            append_resolution(desk.ledger, found, summary)
            reviewing.note(desk.ledger, found.resolution_id, ReviewState.WAITING)
        desk.room.keep_only(set() if published else {found.resolution_id})
    return {"resolution_id": found.resolution_id, "waiting": not published, **summary}


def overtake(desk: Desk) -> None:
    """Let no resolution wait any more: what they found is of facts that are to be nowhere; call it alone."""
    _overtake(desk)
    desk.room.keep_only(set())


def _overtake(desk: Desk) -> None:
    for resolution_id in reviewing.waiting(desk.ledger):
        reviewing.note(desk.ledger, resolution_id, ReviewState.OVERTAKEN)


def preview(
    desk: Desk, model: Model, reference: Reference | None = None, *, progress: Progress = silent
) -> dict[str, Any]:
    """What `resolve` would publish, in figures; nothing is written."""
    found = find(desk.ledger, model, reference, memory_limit=desk.memory_limit, progress=progress)
    ready = prepare(desk.ledger, found, memory_limit=desk.memory_limit)
    return _summary(found, difference(desk.ledger, found, ready, memory_limit=desk.memory_limit))


def approve(desk: Desk, resolution_id: str, *, author: str, reason: str | None = None) -> dict[str, Any]:
    """Publish a resolution that waits: its difference to what holds now; return its summary.

    Raises `NotFound` for one that never waited, `Conflict` for one that waits no more.
    """
    reviewing.demand_waiting(desk.ledger, resolution_id)
    found = desk.room.take(resolution_id)
    ready = prepare(desk.ledger, found, memory_limit=desk.memory_limit)
    with desk.alone():
        reviewing.demand_waiting(desk.ledger, resolution_id)
        changes = difference(desk.ledger, found, ready, memory_limit=desk.memory_limit)
        summary = _summary(found, changes)
        # Whoever is cut off after this has left rows that no other difference may be added to: it waits no more.
        reviewing.note(desk.ledger, resolution_id, ReviewState.APPROVED, author=author, reason=reason)
        put(desk.ledger, found, changes, summary)
        desk.room.drop(resolution_id)
    return {"resolution_id": resolution_id, "waiting": False, **summary}


def refuse(desk: Desk, resolution_id: str, *, author: str, reason: str | None = None) -> None:
    """Let a resolution that waits never be published; raises as `approve` does."""
    with desk.alone():
        reviewing.demand_waiting(desk.ledger, resolution_id)
        reviewing.note(desk.ledger, resolution_id, ReviewState.REFUSED, author=author, reason=reason)
        desk.room.drop(resolution_id)


def passes(gate: float | None, changes: Difference) -> bool:
    """Whether a difference is published without asking anybody; the first resolution always is."""
    report = changes.report
    return gate is None or report["since"] is None or report["known"] < FEWEST or report["share"] <= gate


def find(
    ledger: Ledger, model: Model, reference: Reference | None, *, memory_limit: str, progress: Progress = silent
) -> Found:
    """Run the engine on the facts as they are now."""
    started = datetime.now(UTC)
    snapshot = _snapshot(ledger)
    with duckdb.connect(config={"memory_limit": memory_limit}) as connection:
        snapshot.register(connection)
        resolution = resolve_facts(
            _facts(snapshot, connection), model, reference=reference, memory_limit=memory_limit, progress=progress
        )
    return Found(
        resolution_id=f"rs_{uuid.uuid4().hex}",
        started_at=started,
        finished_at=datetime.now(UTC),
        model_version=version(model.fingerprint, reference),
        versions=snapshot.versions,
        resolution=resolution,
    )


def put(
    ledger: Ledger, found: Found, changes: Difference, summary: dict[str, Any], progress: Progress = silent
) -> None:
    """Append the rows of a difference and let them hold; call it alone among publishers."""
    for step, (table, appended) in enumerate(changes.rows.items(), 1):
        progress("publish to the ledger", step, len(changes.rows))
        if appended.num_rows:
            ledger.append(table, appended, batch_id=f"{found.resolution_id}-{table}")
    append_resolution(ledger, found, summary)
    publish(ledger, found.resolution_id, PublicationKind.RESOLUTION)


def append_resolution(ledger: Ledger, found: Found, summary: dict[str, Any]) -> None:
    """Write down that the engine ran; the row means nothing before a publication or a review names it."""
    row = {
        "resolution_id": found.resolution_id,
        "started_at": found.started_at,
        "finished_at": found.finished_at,
        "model_version": found.model_version,
        "versions": json.dumps(found.versions),
        "summary": json.dumps(summary, default=str),
    }
    ledger.append("resolutions", pa.Table.from_pylist([row], schema=RESOLUTIONS.schema), batch_id=found.resolution_id)


def is_needed(ledger: Ledger, model: Model, reference: Reference | None = None) -> bool:
    """Whether there are other facts than the last resolution read, or links and decisions that it has not confirmed,
    or another model or other reference files."""
    with duckdb.connect() as connection:
        ledger.snapshot().register(connection)
        last = connection.execute(f"SELECT versions, model_version FROM ({results.last_reading()})").fetchone()
    if last is None:
        return True
    read = json.loads(last[0])
    # Versions that brought no rows (compaction) change nothing: only commits with rows count.
    return (
        last[1] != version(model.fingerprint, reference)
        or any(any(ledger.changes(table.name, read.get(table.name))) for table in FACTS)
        or _awaited(ledger, read.get("publications"))
    )


def _awaited(ledger: Ledger, read: int | None) -> bool:
    """Whether links or decisions were published that no resolution has seen."""
    kinds = (
        kind
        for change in ledger.changes("publications", read)
        for batch in change.batches
        for kind in batch.column("kind").to_pylist()
    )
    return any(kind != PublicationKind.RESOLUTION for kind in kinds)


def _snapshot(ledger: Ledger) -> Snapshot:
    """The ledger now. What is published of a fact comes after it, so publications are counted before facts are: those
    counted are of facts that are in the snapshot."""
    published = ledger.version("publications")
    versions = {name: version for name, version in ledger.versions().items() if name != "publications"}
    return ledger.snapshot(versions | ({} if published is None else {"publications": published}))


def _facts(snapshot: Snapshot, connection: duckdb.DuckDBPyConnection) -> Facts:
    withdrawn = connection.sql(results.withdrawn_now()).to_arrow_table().select(OBSERVATIONS.schema.names)
    return Facts(
        observations=snapshot.files("observations"),
        accounts=connection.sql(results.accounts_now()).to_arrow_table(),
        organisations=connection.sql(results.organisations_now()).to_arrow_table(),
        usage=snapshot.files("usage"),
        decisions=connection.sql(results.decisions_now()).to_arrow_table(),
        withdrawn=withdrawn if withdrawn.num_rows else None,
    )


def _summary(found: Found, changes: Difference) -> dict[str, Any]:
    return {
        **found.resolution.summary,
        "memberships_changed": changes.memberships_changed,
        "lineage": changes.lineage,
        "changes": changes.report,
    }
