"""Ledger → engine → identity → ledger. The difference is published; it counts once `resolutions` says so."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import duckdb
import pyarrow as pa

from linkage.engine.facts import Facts
from linkage.engine.model import Model
from linkage.engine.reference import Reference, version
from linkage.engine.resolve import Resolution
from linkage.engine.resolve import resolve as resolve_facts
from linkage.identity import Published, assign
from linkage.ledger import Ledger, Snapshot, results
from linkage.ledger.tables import EVIDENCE, FACTS, IDENTIFIERS, MERGES, RESOLUTIONS
from linkage.model import PublicationKind
from linkage.model.progress import Progress, silent
from linkage.service.publishing import publish


def resolve(
    ledger: Ledger,
    model: Model,
    reference: Reference | None = None,
    *,
    memory_limit: str,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Resolve the ledger's facts, append what changed, and return the resolution's summary with its id.

    A run that is cut off leaves rows without a resolution, which nobody ever reads.
    """
    started = datetime.now(UTC)
    resolution_id = f"rs_{uuid.uuid4().hex}"
    snapshot = ledger.snapshot()
    with duckdb.connect(config={"memory_limit": memory_limit}) as connection:
        snapshot.register(connection)
        resolution = resolve_facts(
            _facts(snapshot, connection), model, reference=reference, memory_limit=memory_limit, progress=progress
        )
        published = assign(
            connection.sql(results.memberships_now()).to_arrow_table(),
            connection.sql(results.clusters_now()).to_arrow_table(),
            resolution.memberships,
            publication_id=resolution_id,
            at=started,
            weakest=resolution.weakest,
        )
        rows = _difference(connection, resolution, published, resolution_id)
    for step, (table, appended) in enumerate(rows.items(), 1):
        progress("publish to the ledger", step, len(rows))
        if appended.num_rows:
            ledger.append(table, appended, batch_id=f"{resolution_id}-{table}")
    summary = _summary(resolution, published)
    finished = pa.Table.from_pylist(
        [
            {
                "resolution_id": resolution_id,
                "started_at": started,
                "finished_at": datetime.now(UTC),
                "model_version": version(model.fingerprint, reference),
                "versions": json.dumps(snapshot.versions),
                "summary": json.dumps(summary, default=str),
            }
        ],
        schema=RESOLUTIONS.schema,
    )
    ledger.append("resolutions", finished, batch_id=resolution_id)
    publish(ledger, resolution_id, PublicationKind.RESOLUTION)
    return {"resolution_id": resolution_id, **summary}


def is_needed(ledger: Ledger, model: Model, reference: Reference | None = None) -> bool:
    """Whether the last resolution read other facts, or used another model or other reference files, than there are."""
    with duckdb.connect() as connection:
        ledger.snapshot().register(connection)
        last = connection.execute(f"SELECT versions, model_version FROM ({results.last_resolution()})").fetchone()
    if last is None:
        return True
    read = json.loads(last[0])
    # Versions that brought no rows (compaction) change nothing: only commits with rows count.
    return last[1] != version(model.fingerprint, reference) or any(
        any(ledger.changes(table.name, read.get(table.name))) for table in FACTS
    )


def _facts(snapshot: Snapshot, connection: duckdb.DuckDBPyConnection) -> Facts:
    return Facts(
        observations=snapshot.files("observations"),
        accounts=connection.sql(results.accounts_now()).to_arrow_table(),
        organisations=connection.sql(results.organisations_now()).to_arrow_table(),
        usage=snapshot.files("usage"),
        decisions=connection.sql(results.decisions_now()).to_arrow_table(),
    )


def _difference(
    connection: duckdb.DuckDBPyConnection, resolution: Resolution, published: Published, resolution_id: str
) -> dict[str, pa.Table]:
    """Rows for each table of results: evidence and merges only of clusters that were born or changed."""
    connection.register("changed_labels", published.changed)
    connection.register("resolved_identifiers", resolution.identifiers)
    tables = {
        "memberships": published.memberships,
        "clusters": published.clusters,
        "lineage": published.lineage,
        "evidence": _of_changed(connection, resolution.evidence, EVIDENCE.schema, resolution_id),
        "merges": _of_changed(connection, resolution.merges, MERGES.schema, resolution_id),
        "identifiers": connection.sql(_identifiers_moved(), params=[resolution_id])
        .to_arrow_table()
        .cast(IDENTIFIERS.schema),
    }
    connection.unregister("changed_labels")
    connection.unregister("resolved_identifiers")
    return tables


def _of_changed(
    connection: duckdb.DuckDBPyConnection, table: pa.Table, schema: pa.Schema, resolution_id: str
) -> pa.Table:
    connection.register("resolved", table)
    columns = ", ".join(f'r."{name}"' for name in schema.names if name not in {"publication_id", "cluster_id"})
    rows: pa.Table = connection.sql(
        f"SELECT ? AS publication_id, c.cluster_id, {columns} "
        "FROM resolved AS r JOIN changed_labels AS c USING (label)",
        params=[resolution_id],
    ).to_arrow_table()
    connection.unregister("resolved")
    return rows.select(schema.names).cast(schema)


def _identifiers_moved() -> str:
    """Identifiers whose holders or class are not what was last published; those no longer shared have one holder.

    Figures alone that a reason tells (days of a stay) move with every fact: they are published when something else is.
    """
    told = "regexp_replace({}.class_reason, '[0-9.,+-]+', '#', 'g')"
    return f"""
    SELECT ? AS publication_id, kind, value, coalesce(now.holders, 1) AS holders,
           coalesce(now.holder_clusters, 1) AS holder_clusters, now.sharing_class,
           now.class_bits, now.class_reason
    FROM resolved_identifiers AS now
    FULL JOIN ({results.identifiers_now()}) AS before USING (kind, value)
    WHERE (now.holders, now.holder_clusters, now.sharing_class, now.class_bits, {told.format("now")})
          IS DISTINCT FROM (before.holders, before.holder_clusters, before.sharing_class, before.class_bits,
                            {told.format("before")})
    """


def _summary(resolution: Resolution, published: Published) -> dict[str, Any]:
    events = Counter(published.lineage["event"].to_pylist())
    return {
        **resolution.summary,
        "memberships_changed": published.memberships.num_rows,
        "lineage": {event: count for event, count in events.items() if event},
    }
