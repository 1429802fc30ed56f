"""The columns of what identity takes and gives: those of the ledger's tables of the same names (a test holds them
together; the two stages know nothing of each other)."""

from __future__ import annotations

import pyarrow as pa

TEXT = pa.string()
WHOLE = pa.int64()
REAL = pa.float64()
TIME = pa.timestamp("us", tz="UTC")
FLAG = pa.bool_()


def _columns(**columns: pa.DataType) -> pa.Schema:
    return pa.schema(list(columns.items()))


MEMBERSHIPS = _columns(
    publication_id=TEXT, subject_type=TEXT, subject_id=TEXT, cluster_id=TEXT, confidence=REAL, provisional=FLAG
)
CLUSTERS = _columns(
    publication_id=TEXT,
    cluster_id=TEXT,
    size=WHOLE,
    accounts=WHOLE,
    organisations=WHOLE,
    confidence=REAL,
    created_at=TIME,
    weakest=TEXT,
    told_by=TEXT,
)
LINEAGE = _columns(publication_id=TEXT, at=TIME, event=TEXT, cluster_id=TEXT, successor_id=TEXT, members=WHOLE)

PREVIOUS = _columns(subject_type=TEXT, subject_id=TEXT, cluster_id=TEXT, confidence=REAL, provisional=FLAG)
PREVIOUS_CLUSTERS = _columns(cluster_id=TEXT, created_at=TIME, confidence=REAL, retold=FLAG)
CURRENT = _columns(subject_type=TEXT, subject_id=TEXT, label=WHOLE, confidence=REAL, provisional=FLAG)
SUBJECT = _columns(subject_type=TEXT, subject_id=TEXT)
APART = _columns(decision=WHOLE, side=WHOLE, subject=TEXT)
WEAKEST = _columns(label=WHOLE, weakest=TEXT)
LABELS = _columns(label=WHOLE, cluster_id=TEXT)
RUN = _columns(publication_id=TEXT, at=TIME, provisional=FLAG)


def take(table: pa.Table, schema: pa.Schema, what: str, optional: tuple[str, ...] = ()) -> pa.Table:
    """The columns of the schema from a table that may have more; raise `ValueError` where one is missing."""
    missing = [name for name in schema.names if name not in table.column_names and name not in optional]
    if missing:
        raise ValueError(f"{what} lacks the columns {', '.join(missing)}")
    arrays = [
        table.column(field.name).cast(field.type)
        if field.name in table.column_names
        else pa.nulls(table.num_rows, field.type)
        for field in schema
    ]
    return pa.table(arrays, schema=schema)
