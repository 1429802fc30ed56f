"""Rows of an API call → ledger, under the same rules as files."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import pyarrow as pa

from linkage import ingest
from linkage.ledger import Ledger, Part
from linkage.ledger.tables import REJECTIONS
from linkage.model import Rejection


@dataclass(frozen=True, slots=True)
class Call:
    """The rows of one API call; the same idempotency key writes once, whatever comes with it the second time."""

    rows: Sequence[Mapping[str, object]]
    source: str
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of the rows of one call; `repeated`: the same idempotency key was accepted before.

    `version` is that of the ledger's table, None where nothing was new; `subjects` (`account:ID`) are those named.
    """

    batch_id: str
    accepted: int
    duplicate: int
    rejections: tuple[Rejection, ...]
    repeated: bool = False
    version: int | None = None
    subjects: frozenset[str] = frozenset()


def record_together(
    ledger: Ledger, record: str, calls: Sequence[Call], *, phone_region: str | None = None
) -> list[Recorded]:
    """Append the rows of several calls of one kind of record in one commit; each is answered as if it came alone."""
    batch_ids = [_batch_id(record, call.source, call.idempotency_key) for call in calls]
    made = ingest.records_together(record, [(call.source, call.rows) for call in calls], phone_region=phone_region)
    # The ledger remembers a batch id for ever: only those that may come again are worth it.
    parts = [
        Part(table, batch_id if call.idempotency_key is not None else None)
        for call, (table, _), batch_id in zip(calls, made, batch_ids, strict=True)
    ]
    appended = ledger.append_together(record, parts)
    refused = [
        Part(rejection_rows(rejections, batch_id), part.batch_id)
        for part, (_, rejections), batch_id in zip(parts, made, batch_ids, strict=True)
        if rejections
    ]
    if refused:
        ledger.append_together("rejections", refused)
    return [
        Recorded(
            batch_id=batch_id,
            accepted=done.accepted,
            duplicate=0 if done.repeated else done.duplicate,
            rejections=tuple(rejections),
            repeated=done.repeated,
            version=done.version,
            subjects=_subjects(table),
        )
        for batch_id, (table, rejections), done in zip(batch_ids, made, appended, strict=True)
    ]


def _subjects(table: pa.Table) -> frozenset[str]:
    if "subject_id" in table.column_names:
        pairs = zip(table["subject_type"].to_pylist(), table["subject_id"].to_pylist(), strict=True)
        return frozenset(f"{type_}:{identity}" for type_, identity in pairs)
    type_ = "account" if "account_id" in table.column_names else "organisation"
    return frozenset(f"{type_}:{identity}" for identity in table[f"{type_}_id"].to_pylist())


def _batch_id(record: str, source: str, idempotency_key: str | None) -> str:
    if idempotency_key is None:
        return f"call-{uuid.uuid4().hex}"
    return "call-" + hashlib.sha256("\0".join((record, source, idempotency_key)).encode()).hexdigest()[:32]


def rejection_rows(rejections: Sequence[Rejection], batch_id: str) -> pa.Table:
    """The rejections as rows of the ledger's table."""
    now = datetime.now(UTC)
    return pa.Table.from_pylist(
        [
            {
                "rejection_id": f"{batch_id}-{position}",
                "batch_id": batch_id,
                "record": refused.record,
                "file": refused.file,
                "line": refused.line,
                "column": refused.column,
                "code": refused.code,
                "reason": refused.reason,
                "raw": refused.raw,
                "mapping": None,
                "rejected_at": now,
            }
            for position, refused in enumerate(rejections)
        ],
        schema=REJECTIONS.schema,
    )
