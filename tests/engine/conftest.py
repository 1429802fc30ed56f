"""Facts in a few words, and clusters as sets."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from linkage.engine import Resolution
from linkage.ledger.tables import ACCOUNTS, DECISIONS, OBSERVATIONS, ORGANISATIONS

START = datetime(2026, 1, 1, tzinfo=UTC)


def day(number: float) -> datetime:
    """That many days after the start of the tests' time."""
    return START + timedelta(days=number)


def observed(rows: Iterable[tuple[object, ...]]) -> pa.Table:
    """Observations from (subject, kind, value[, first day, last day]); a subject `organisation:X` is one."""
    made = []
    for subject, kind, value, *period in rows:
        head, _, tail = str(subject).rpartition(":")
        first, last = (day(float(str(number))) for number in period) if period else (None, None)
        made.append(
            {
                "subject_type": head or "account",
                "subject_id": tail,
                "kind": kind,
                "value": value,
                "first_seen": first,
                "last_seen": last,
            }
        )
    return pa.Table.from_pylist(made, schema=OBSERVATIONS.schema)


def accounts(rows: Iterable[dict[str, object]]) -> pa.Table:
    """Accounts from the columns given."""
    return pa.Table.from_pylist(list(rows), schema=ACCOUNTS.schema)


def organisations(rows: Iterable[dict[str, object]]) -> pa.Table:
    """Organisations from the columns given."""
    return pa.Table.from_pylist(list(rows), schema=ORGANISATIONS.schema)


def decided(rows: Iterable[tuple[str, str, str]]) -> pa.Table:
    """Decisions from (left, right, judgement), a day apart in their order."""
    made = [
        {"left": left, "right": right, "judgement": judgement, "decided_at": day(number)}
        for number, (left, right, judgement) in enumerate(rows)
    ]
    return pa.Table.from_pylist(made, schema=DECISIONS.schema)


def clusters(resolution: Resolution) -> set[frozenset[str]]:
    """The clusters of two or more, as sets of `ID` or `organisation:ID`."""
    found: dict[int, set[str]] = {}
    for row in resolution.memberships.to_pylist():
        name = row["subject_id"] if row["subject_type"] == "account" else f"organisation:{row['subject_id']}"
        found.setdefault(row["label"], set()).add(name)
    return {frozenset(members) for members in found.values() if len(members) > 1}


@pytest.fixture
def strong() -> Callable[[str, str], list[tuple[object, ...]]]:
    """Observations that link two accounts without doubt: one e-mail and one phone of both."""

    def link(left: str, right: str) -> list[tuple[object, ...]]:
        name = "-".join(sorted((left, right)))
        return [(subject, kind, f"{kind}-{name}") for subject in (left, right) for kind in ("email", "phone")]

    return link
