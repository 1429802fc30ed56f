"""Facts that are older than their kind may be kept: taken out of ledger and graph as if they had never been said.

What goes are single observations, by when they were last seen, and hours of usage. An identifier of which no
observation is left goes from what was published too. Clusters stay as they are until the next resolution, which weighs
what is left. The graph goes first: what is to go is found again by the clock, as long as the ledger has it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import pyarrow as pa

from linkage.graph.connection import Graph
from linkage.graph.forgetting import Stale, drop_subjects, forget, tell_again
from linkage.ledger import Ledger, results
from linkage.ledger.erasure import Edit, Erased, concerned
from linkage.ledger.tables import OBSERVATIONS, USAGE, WITHDRAWALS
from linkage.service import erasing
from linkage.service.erased import Erasure, edits

#: What stands among the kinds of identifiers and is none: hours of usage.
OF_USAGE = "usage"


def overdue(kept: Mapping[str, timedelta], now: datetime | None = None) -> dict[str, Edit]:
    """Table → its rows that are older than may be kept; rows without a time do not age."""
    moment = now or datetime.now(UTC)
    kinds = {kind: moment - kept_for for kind, kept_for in kept.items() if kind != OF_USAGE}
    times = pa.table(
        {"kind": pa.array(list(kinds), pa.string()), "least": pa.array(list(kinds.values()), pa.timestamp("us", "UTC"))}
    )
    lists = {"kept_since": times}
    aged = "EXISTS (FROM kept_since AS k WHERE k.kind = t.kind AND coalesce(t.last_seen, t.first_seen) < k.least)"
    found = {table: Edit(aged, _nothing, lists) for table in ("withdrawals", "observations")}
    if OF_USAGE in kept:
        since = pa.table({"least": pa.array([moment - kept[OF_USAGE]], pa.timestamp("us", "UTC"))})
        old = "t.window_start < (SELECT least FROM kept_usage)"
        found["usage"] = Edit(old, _nothing, {"kept_usage": since})
    return found


def _nothing(row: dict[str, Any]) -> None:
    return None


def preview(ledger: Ledger, old: Mapping[str, Edit]) -> list[Erased]:
    """How many rows would go; writes nothing."""
    snapshot = ledger.snapshot()
    found = []
    for table, edit in old.items():
        with duckdb.connect() as connection:
            snapshot.register(connection)
            found.append(concerned(connection, table, snapshot.sql(table), edit))
    return [one for one in found if one.removed]


def retain(ledger: Ledger, graph: Graph, secret: bytes, old: Mapping[str, Edit]) -> list[Erased]:
    """Take what is overdue out of the graph, which has all that the ledger has, and of the ledger."""
    stale, lost = _stale(ledger, old)
    erasure = Erasure("er_retention", (), lost)
    before = erasing.named(ledger, erasure)
    tell_again(graph, stale, secret)
    forget(graph, erasing.forgotten(ledger, erasure, before), secret)
    published = {table: edit for table, edit in edits(erasure).items() if table not in old} if lost else {}
    # Observations last: while they are there, whoever was cut off finds again what goes with them.
    done = ledger.erase({**published, **old})
    drop_subjects(graph, erasing.unknown(ledger, stale.subjects()))
    ledger.drop_unneeded()
    return [one for one in done if one.removed or one.changed]


def _stale(ledger: Ledger, old: Mapping[str, Edit]) -> tuple[Stale, tuple[tuple[str, str], ...]]:
    """The uses that are told anew of what is left of them, and the identifiers of which nothing is left."""
    snapshot = ledger.snapshot()
    with duckdb.connect() as connection:
        snapshot.register(connection)
        for edit in old.values():
            for name, rows in edit.lists.items():
                connection.register(name, rows)
        aged = old["observations"].condition
        gone = connection.sql(f"SELECT t.* FROM observations AS t WHERE {aged}").to_arrow_table()
        connection.register("gone", gone)
        lost = connection.execute(
            f"SELECT DISTINCT kind, value FROM gone ANTI JOIN (SELECT kind, value FROM observations AS t "
            f"WHERE ({aged}) IS NOT TRUE) USING (kind, value) ORDER BY ALL"
        ).fetchall()
        left = connection.sql(
            f"SELECT t.* FROM ({results.observations_now()}) AS t SEMI JOIN gone "
            f"USING (subject_type, subject_id, kind, value) WHERE ({aged}) IS NOT TRUE"
        ).to_arrow_table()
        used, users = USAGE.schema.empty_table(), pa.table({"account_id": pa.array([], pa.string())})
        if "usage" in old:
            hours = old["usage"].condition
            users = connection.sql(f"SELECT DISTINCT account_id FROM usage AS t WHERE {hours}").to_arrow_table()
            connection.register("users", users)
            used = connection.sql(
                f"SELECT t.* FROM usage AS t SEMI JOIN users USING (account_id) WHERE ({hours}) IS NOT TRUE"
            ).to_arrow_table()
    names = OBSERVATIONS.schema.names
    said = [
        gone[name] if name in names else pa.nulls(gone.num_rows, WITHDRAWALS.schema.field(name).type)
        for name in WITHDRAWALS.schema.names
    ]
    return Stale(
        pa.table(said, names=WITHDRAWALS.schema.names),
        left.cast(OBSERVATIONS.schema),
        users,
        used.cast(USAGE.schema),
    ), tuple(lost)
