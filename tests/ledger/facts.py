"""Rows of facts for the tests of the ledger."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pyarrow as pa

from linkage.ledger.tables import TABLES

START = datetime(2026, 1, 1, tzinfo=UTC)


def observations(numbers: Iterable[int], **columns: object) -> pa.Table:
    """Observations that differ by their number."""
    row = {
        "subject_type": "account",
        "kind": "ip",
        "raw": None,
        "first_seen": START,
        "last_seen": None,
        "count": 1,
        "source": "test",
    }
    rows = [
        row | {"subject_id": f"a{n // 3}", "value": f"v{n}", "last_seen": START + timedelta(hours=n)} | columns
        for n in numbers
    ]
    return pa.Table.from_pylist(rows, schema=TABLES["observations"].schema)


def rows_of(table: str, *rows: dict[str, object]) -> pa.Table:
    """Rows of a table; columns not named are null."""
    return pa.Table.from_pylist(list(rows), schema=TABLES[table].schema)


def account(account_id: str, status: str) -> pa.Table:
    """An account in a status."""
    return rows_of("accounts", {"account_id": account_id, "status": status})


def values(table: pa.Table) -> list[str]:
    """The values of observations, in order."""
    return table.column("value").to_pylist()
