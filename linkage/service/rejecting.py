"""Rejected rows: listed, and tried again under the rules as they are now."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import duckdb
import pyarrow as pa

from linkage import ingest
from linkage.ledger import Ledger
from linkage.ledger.tables import REPLAYS
from linkage.model.progress import Progress, silent


@dataclass(frozen=True, slots=True)
class Replayed:
    """How many rejected rows were tried again, and how many of them are taken now."""

    tried: int
    taken: int


@contextmanager
def _open_rejections(ledger: Ledger) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        ledger.snapshot().register(connection)
        connection.execute(
            "CREATE TEMP VIEW open_rejections AS "
            "SELECT * FROM rejections ANTI JOIN replays USING (rejection_id) ORDER BY rejected_at DESC, file, line"
        )
        yield connection


def rejections(
    ledger: Ledger, *, file: str | None = None, code: str | None = None, limit: int = 100
) -> list[dict[str, Any]]:
    """Rejected rows that were not taken since, newest first; `file` matches the end of the path."""
    with _open_rejections(ledger) as connection:
        rows: list[dict[str, Any]] = (
            connection.sql(
                "SELECT * FROM open_rejections WHERE ($1 IS NULL OR suffix(file, $1)) AND ($2 IS NULL OR code = $2) "
                "LIMIT $3",
                params=[file, code, limit],
            )
            .to_arrow_table()
            .to_pylist()
        )
        return rows


def replay(ledger: Ledger, *, phone_region: str | None = None, progress: Progress = silent) -> Replayed:
    """Try every rejected row again; rows taken now are marked and no longer listed.

    The rows are appended before they are marked: a replay that is cut off is simply run again.
    """
    with _open_rejections(ledger) as connection:
        waiting = connection.sql("SELECT * FROM open_rejections ORDER BY record, mapping").to_arrow_table().to_pylist()
    taken = 0
    for again in ingest.replay(waiting, phone_region=phone_region):
        ledger.append(again.record, again.rows)
        now = datetime.now(UTC)
        marks = [{"rejection_id": settled, "replayed_at": now} for settled in again.settled]
        ledger.append("replays", pa.Table.from_pylist(marks, schema=REPLAYS.schema))
        taken += len(again.settled)
        progress("replay", taken, len(waiting))
    return Replayed(len(waiting), taken)
