"""Ingest: files of record tables, or of any other shape by a mapping, into rows of the ledger and rejections."""

from linkage.ingest.columns import RECORDS, Record
from linkage.ingest.mapping import Mapping
from linkage.ingest.reading import Batch, Replayed, read, records, replay
from linkage.ingest.sources import Plan, plan

__all__ = ["RECORDS", "Batch", "Mapping", "Plan", "Record", "Replayed", "plan", "read", "records", "replay"]
