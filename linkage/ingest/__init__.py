"""Ingest: files of record tables, or of any other shape by a mapping, into rows of the ledger and rejections."""

from linkage.ingest.columns import RECORDS, Record
from linkage.ingest.hashing import protected
from linkage.ingest.mapping import Mapping
from linkage.ingest.previewing import Preview, preview
from linkage.ingest.reading import Batch, Replayed, read, records, records_together, replay
from linkage.ingest.sources import Plan, plan

__all__ = [
    "RECORDS",
    "Batch",
    "Mapping",
    "Plan",
    "Preview",
    "Record",
    "Replayed",
    "plan",
    "preview",
    "protected",
    "read",
    "records",
    "records_together",
    "replay",
]
