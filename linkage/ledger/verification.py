"""Verification: is everything there that was accepted, and is it whole?"""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from linkage.errors import LinkageError
from linkage.ledger.stored import DataFile, StoredTable
from linkage.model.progress import Progress


def faults(stored: StoredTable, *, deep: bool, progress: Progress) -> Iterator[str]:
    """Name each fault of a table: log entries, files, sizes, row counts; deep: every page against its checksum."""
    name = stored.table.name
    try:
        if stored.refresh() is None:
            if stored.place.has_files():
                yield f"{name}: there are files but no log: the table's first log entry is missing"
            return
        live = stored.live()
    except LinkageError as error:
        named = list(_log_faults(stored))
        yield from named or [f"{name}: {_told(error)}"]
        return
    appended, erased, whole_log = 0, 0, True
    for version in range((stored.version or 0) + 1):
        try:
            entry = stored.entry(version)
            appended += entry.rows
            erased += entry.erased or 0
        except LinkageError as error:
            whole_log = False
            yield f"{name}: version {version}: {_told(error)}"
    held = sum(file.rows for file in live)
    if whole_log and appended - erased != held:
        gone = f" and {erased:,} erased" if erased else ""
        yield f"{name}: {appended:,} rows were appended{gone}, but the current version holds {held:,}"
    for done, file in enumerate(live):
        progress(f"verify {name}", done, len(live))
        yield from (f"{name}: {file.path}: {fault}" for fault in _file_faults(stored, file, deep=deep))
    progress(f"verify {name}", len(live), len(live))


def _log_faults(stored: StoredTable) -> Iterator[str]:
    """What is wrong with the log entries themselves, where the log as a whole cannot be read."""
    try:
        versions = stored.place.log_versions()
    except LinkageError as error:
        yield f"{stored.table.name}: {_told(error)}"
        return
    for version in range(max(versions, default=-1) + 1):
        if version not in versions:
            yield f"{stored.table.name}: version {version}: its log entry is missing"
            continue
        try:
            stored.entry(version)
        except LinkageError as error:
            yield f"{stored.table.name}: version {version}: {_told(error)}"


def _told(error: LinkageError) -> str:
    return error.message + "".join(f" ({detail})" for detail in error.details)


def _file_faults(stored: StoredTable, file: DataFile, *, deep: bool) -> Iterator[str]:
    try:
        size = stored.place.size(file.path)
        if size is None:
            yield "missing"
            return
        if size != file.size:
            yield f"{size:,} bytes instead of {file.size:,}"
            return
        with (
            stored.place.files.open_input_file(file.path) as source,
            pq.ParquetFile(source, page_checksum_verification=deep) as parquet,
        ):
            if parquet.metadata.num_rows != file.rows:
                yield f"{parquet.metadata.num_rows:,} rows instead of {file.rows:,}"
            missing = [name for name in stored.schema.names if name not in parquet.schema_arrow.names]
            if missing:
                yield f"lacks the columns {', '.join(missing)}"
            if deep:
                for _ in parquet.iter_batches():
                    pass
    except (OSError, pa.ArrowException) as error:
        yield f"cannot be read: {str(error).splitlines()[0][:200]}"
