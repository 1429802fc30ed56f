"""Rows of an API call → ledger, under the same rules as files."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import pyarrow as pa

from linkage import ingest
from linkage.ledger import Ledger
from linkage.ledger.tables import REJECTIONS
from linkage.model import Rejection


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of the rows of one call; `repeated`: the same idempotency key was accepted before."""

    batch_id: str
    accepted: int
    duplicate: int
    rejections: tuple[Rejection, ...]
    repeated: bool = False


def record(
    ledger: Ledger,
    record: str,
    rows: Sequence[Mapping[str, object]],
    *,
    source: str,
    idempotency_key: str | None = None,
    phone_region: str | None = None,
) -> Recorded:
    """Append rows of one kind of record; what is accepted is on disk when this returns.

    The same idempotency key writes once, whatever comes with it the second time.
    """
    batch_id = _batch_id(record, source, idempotency_key)
    table, rejections = ingest.records(record, rows, source=source, phone_region=phone_region)
    appended = ledger.append(record, table, batch_id=batch_id)
    if rejections:
        ledger.append("rejections", rejection_rows(rejections, batch_id), batch_id=batch_id)
    duplicate = 0 if appended.repeated else appended.duplicate
    return Recorded(batch_id, appended.accepted, duplicate, tuple(rejections), appended.repeated)


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
