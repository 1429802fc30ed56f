"""Ledger → graph: catch up, rebuild, check. Each commit of the ledger reaches the graph exactly once."""

from __future__ import annotations

import duckdb
import pyarrow as pa

from linkage.graph.checksums import compare
from linkage.graph.projection import PROJECTED, RESOLUTIONS, Projector, Publication
from linkage.ledger import Ledger, results
from linkage.ledger.tables import TABLES
from linkage.model.progress import Progress, silent

#: The tables that a resolution's rows are taken from.
_PUBLISHED = ("resolutions", "memberships", "clusters", "lineage", "evidence", "identifiers")


def catch_up(ledger: Ledger, projector: Projector, *, progress: Progress = silent) -> int:
    """Project what the ledger has and the graph has not; return how many commits that were.

    Facts come before resolutions: what a resolution speaks of is there when it arrives.
    """
    reached = projector.reached()
    commits = 0
    for table in PROJECTED:
        for change in ledger.changes(table, reached.get(table)):
            if table == RESOLUTIONS:
                finished = pa.Table.from_batches(change.batches, TABLES[table].schema)
                projector.apply_resolution(_publication(ledger, finished, change.version), progress)
            else:
                projector.apply(change, progress)
            commits += 1
    projector.settle()
    return commits


def rebuild(ledger: Ledger, projector: Projector, *, progress: Progress = silent) -> int:
    """Empty the graph and project the whole ledger."""
    projector.wipe(progress)
    return catch_up(ledger, projector, progress=progress)


def _publication(ledger: Ledger, finished: pa.Table, version: int) -> Publication:
    """Gather what one resolution published from the tables of results."""
    snapshot = ledger.snapshot()
    with duckdb.connect() as connection:
        snapshot.register(connection)
        connection.register("finished", finished)
        rows = {
            name: connection.sql(f"SELECT t.* FROM {name} AS t SEMI JOIN finished USING (resolution_id)")
            .to_arrow_table()
            .cast(TABLES[name].schema)
            for name in _PUBLISHED
        }
    return Publication(version=version, **rows)


def check(ledger: Ledger, projector: Projector, *, progress: Progress = silent) -> list[str]:
    """Compare the graph with the ledger at the versions that the graph has reached; each difference is a line.

    Commits that the graph has yet to take in are differences too: they are counted, not laid beside it.
    """
    reached = projector.reached()
    current = ledger.versions()
    behind = [
        f"{table}: the ledger is at version {current[table]}, the graph at {reached.get(table, 'none')}"
        for table in PROJECTED
        if current.get(table, -1) > reached.get(table, -1) and any(ledger.changes(table, reached.get(table)))
    ]
    results_tables = {name: current[name] for name in _PUBLISHED if name in current and name != RESOLUTIONS}
    with duckdb.connect() as connection:
        ledger.snapshot({**results_tables, **reached}).register(connection)
        now = {
            "accounts": results.accounts_now(),
            "organisations": results.organisations_now(),
            "memberships": results.memberships_now(),
            "clusters": results.clusters_now(),
            "identifiers": results.identifiers_now(),
            "evidence": results.evidence_now(),
        }
        return behind + compare(projector.graph, connection, now, progress)
