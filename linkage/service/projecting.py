"""Ledger → graph: catch up, rebuild, check. Each commit of the ledger reaches the graph exactly once."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import duckdb
import pyarrow as pa

from linkage.graph.checksums import compare
from linkage.graph.projection import (
    BATCH,
    PROJECTED,
    PUBLICATIONS,
    PUBLISHED,
    REVIEWS,
    WITHDRAWALS,
    Projector,
    Publication,
    Review,
    Withdrawal,
)
from linkage.graph.steps import FACT_STEPS
from linkage.ledger import Change, Ledger, results
from linkage.ledger.tables import TABLES
from linkage.model.progress import Progress, silent


def catch_up(
    ledger: Ledger,
    projector: Projector,
    *,
    known: Mapping[str, Mapping[str, pa.Table]] = MappingProxyType({}),
    progress: Progress = silent,
) -> int:
    """Project what the ledger has and the graph has not; return how many commits that were.

    Facts come before publications: what a publication speaks of is there when it arrives. `known` has the rows of
    publications, by id and table, that the caller has just made and that need not be read again.
    """
    reached = projector.reached()
    # Counted first: the observations that these speak of are there when it is their turn.
    withdrawals = ledger.version(WITHDRAWALS)
    commits = 0
    for table in PROJECTED:
        if table in FACT_STEPS:
            commits += _catch_up_facts(ledger, projector, table, progress)
            continue
        for change in ledger.changes(table, reached.get(table)):
            if table == WITHDRAWALS and change.version > (-1 if withdrawals is None else withdrawals):
                break
            if table == PUBLICATIONS:
                row = pa.Table.from_batches(change.batches, TABLES[table].schema)
                projector.publish(_publication(ledger, row, change.version, known), progress)
            elif table == REVIEWS:
                rows = pa.Table.from_batches(change.batches, TABLES[table].schema)
                projector.review(Review(change.version, rows, ledger.snapshot().table("resolutions")))
            else:
                rows = pa.Table.from_batches(change.batches, TABLES[table].schema)
                projector.withdraw(_withdrawal(ledger, rows, change.version, projector.reached()), progress)
            commits += 1
    projector.settle()
    return commits


def _catch_up_facts(ledger: Ledger, projector: Projector, table: str, progress: Progress) -> int:
    """Project what a table of facts has and the graph has not, small commits together; return how many there were."""
    # What comes in meanwhile is left for the next time: whoever waits for links has waited long enough.
    commits, until = 0, ledger.version(table)
    while together := _next(ledger, table, projector.reached().get(table)):
        last = together[-1].version
        rows = (batch for change in together for batch in change.batches)
        projector.apply(Change(table, last, sum(change.rows for change in together), rows), progress)
        commits += len(together)
        if until is None or last >= until:
            break
    return commits


def _next(ledger: Ledger, table: str, after: int | None) -> list[Change]:
    """The changes that follow: one, or as many small ones as fit one transaction."""
    found: list[Change] = []
    rows = 0
    for change in ledger.changes(table, after):
        rows += change.rows
        if found and rows > BATCH:
            break
        found.append(change)
    return found


def rebuild(ledger: Ledger, projector: Projector, *, progress: Progress = silent) -> int:
    """Empty the graph and project the whole ledger."""
    projector.wipe(progress)
    return catch_up(ledger, projector, progress=progress)


def _publication(
    ledger: Ledger, row: pa.Table, version: int, known: Mapping[str, Mapping[str, pa.Table]]
) -> Publication:
    """Gather what was published under one id, from what is known or else from the tables of results."""
    publication_id = str(row["publication_id"][0].as_py())
    if publication_id in known:
        made = known[publication_id]
        given = {name: made.get(name, TABLES[name].schema.empty_table()) for name in PUBLISHED if name != PUBLICATIONS}
        return Publication(version=version, publications=row, **given)
    snapshot = ledger.snapshot()
    with duckdb.connect() as connection:
        snapshot.register(connection)
        rows = {
            name: connection.sql(f"FROM {name} WHERE {key} = ?", params=[publication_id])
            .to_arrow_table()
            .cast(TABLES[name].schema)
            for name, key in ((name, _key(name)) for name in PUBLISHED if name != PUBLICATIONS)
        }
    return Publication(version=version, publications=row, **rows)


def _withdrawal(ledger: Ledger, rows: pa.Table, version: int, reached: Mapping[str, int]) -> Withdrawal:
    """What one version of the withdrawals leaves of the uses that it speaks of, as far as the graph is."""
    with duckdb.connect() as connection:
        ledger.snapshot({"observations": reached["observations"], WITHDRAWALS: version}).register(connection)
        connection.register("said", rows)
        left = connection.sql(
            f"FROM ({results.observations_now()}) SEMI JOIN said USING (subject_type, subject_id, kind, value)"
        ).to_arrow_table()
    return Withdrawal(version, rows, left.cast(TABLES["observations"].schema))


def _key(table: str) -> str:
    return "resolution_id" if table == "resolutions" else "publication_id"


def check(ledger: Ledger, projector: Projector, *, progress: Progress = silent) -> list[str]:
    """Compare the graph with the ledger at the versions that the graph has reached; each difference is a line.

    Commits that the graph has yet to take in are differences too: they are counted, not laid beside it.
    """
    reached = projector.reached(anew=True)
    current = ledger.versions()
    behind = [
        f"{table}: the ledger is at version {current[table]}, the graph at {reached.get(table, 'none')}"
        for table in PROJECTED
        if current.get(table, -1) > reached.get(table, -1) and any(ledger.changes(table, reached.get(table)))
    ]
    results_tables = {name: current[name] for name in PUBLISHED if name in current and name != PUBLICATIONS}
    with duckdb.connect() as connection:
        ledger.snapshot({**results_tables, **reached}).register(connection)
        now = {
            "observations": results.observations_now(),
            "accounts": results.accounts_now(),
            "organisations": results.organisations_now(),
            "retractions": results.retractions_now(),
            "memberships": results.memberships_now(),
            "clusters": results.clusters_now(),
            "identifiers": results.identifiers_now(),
            "evidence": results.evidence_now(),
            "reviews": results.reviews_now(),
        }
        return behind + compare(projector.graph, connection, now, progress)
