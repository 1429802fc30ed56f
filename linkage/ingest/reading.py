"""Files in, batches of ledger rows out: the whole stage, chunk by chunk, in flat memory.

A batch's id is made of what it was made from (the file's bytes, the shape, the region, the chunk's number), so that the
same load gives the same ids on every machine, and a load that was cut short can simply be run again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Mapping as Dictionary
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa

from linkage.errors import BadInput
from linkage.ingest import shape as shapes
from linkage.ingest.build import build, was_shown_whole
from linkage.ingest.chunk import BrokenLine
from linkage.ingest.columns import RECORDS, REJECTIONS
from linkage.ingest.identifiers import Normaliser
from linkage.ingest.mapping import Mapping
from linkage.ingest.readers import json_lines
from linkage.ingest.shape import Shape
from linkage.ingest.sources import Plan, Source, mapping_for, plan
from linkage.model import Rejection
from linkage.model.progress import Progress, silent
from linkage.normalise import VERSION, Context
from linkage.normalise.cards import mask_cards


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of one record out of one chunk of a file, and what was refused of it."""

    record: str
    rows: pa.Table
    rejections: pa.Table
    batch_id: str
    file: str
    unknown_kinds: frozenset[str]


def read(
    paths: Iterable[str | Path] | Plan,
    *,
    mapping: Mapping | None = None,
    phone_region: str | None = None,
    progress: Progress = silent,
) -> Iterator[Batch]:
    """Read record files and data sets (folders); raise `UnreadableFile` before anything is read.

    The mapping's region wins over `phone_region`. Progress counts bytes of the files.
    """
    found = paths if isinstance(paths, Plan) else plan(paths, mapping)
    return _read(found, mapping, phone_region, progress)


def _read(found: Plan, mapping: Mapping | None, phone_region: str | None, progress: Progress) -> Iterator[Batch]:
    sizes = [source.path.stat().st_size for source in found.sources]
    done, total = 0, sum(sizes)
    progress("read", done, total)
    for source, size in zip(found.sources, sizes, strict=True):
        for batch, position in batches(source, mapping, phone_region):
            yield batch
            progress("read", done + min(position, size), total)
        done += size
        progress("read", done, total)


def batches(source: Source, mapping: Mapping | None, phone_region: str | None) -> Iterator[tuple[Batch, int]]:
    """Read one file; with each batch, how many bytes of the file are read."""
    normaliser = Normaliser(Context((mapping.phone_region if mapping else None) or phone_region))
    mapping_text = mapping.text if mapping and source.file else None
    content = _digest_of_file(source.path)
    for number, chunk in enumerate(source.chunks()):
        broken = chunk.broken
        for place, shape in enumerate(source.shapes):
            batch_id = _digest(content, shape, place, normaliser.context.region, number)
            built = build(shape, chunk, normaliser, file=str(source.path))
            refused = [*(_broken_line(shape, line, source.path) for line in broken), *built.rejections]
            broken = ()  # told once, with the first record that the file makes
            batch = Batch(
                shape.record.name,
                built.rows,
                rejection_table(refused, batch_id=batch_id, mapping=mapping_text),
                batch_id,
                str(source.path),
                built.unknown_kinds,
            )
            yield batch, chunk.position


def _digest_of_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def _digest(content: str, shape: Shape, *more: object) -> str:
    made_from = [VERSION, content, shape.record.name, asdict(shape)["cells"], shape.attributes, shape.where, *more]
    text = json.dumps(made_from, sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _broken_line(shape: Shape, line: BrokenLine, path: Path) -> Rejection:
    text = mask_cards(line.text, issued_only=False)
    raw = json.dumps({"": text} if text else {}, ensure_ascii=False)
    return Rejection(shape.record.name, str(path), line.line, None, line.code, line.reason, raw)


def rejection_table(rejections: Iterable[Rejection], *, batch_id: str, mapping: str | None) -> pa.Table:
    """Rejections as rows of the ledger; ids come from batch and place, so that they are the same every time."""
    now = datetime.now(UTC)
    rows = [
        {
            "rejection_id": hashlib.blake2b(f"{batch_id}:{place}".encode(), digest_size=12).hexdigest(),
            "batch_id": batch_id,
            "record": rejection.record,
            "file": rejection.file,
            "line": rejection.line,
            "column": rejection.column,
            "code": rejection.code,
            "reason": rejection.reason,
            "raw": rejection.raw,
            "mapping": mapping,
            "rejected_at": now,
        }
        for place, rejection in enumerate(rejections)
    ]
    return pa.Table.from_pylist(rows, schema=REJECTIONS)


def records(
    record: str,
    rows: Iterable[Dictionary[str, Any]],
    *,
    source: str = "api",
    phone_region: str | None = None,
) -> tuple[pa.Table, list[Rejection]]:
    """Make ledger rows of a few objects (an API's request) by the same rules; lines count from 1.

    `source` is what rejections name as their file. Raises `BadInput` for a record that does not exist.
    """
    if record not in RECORDS:
        raise BadInput(f"there are no records called {record!r}", next_step=f"Records are {', '.join(RECORDS)}.")
    listed = list(rows)
    shape = shapes.canonical(RECORDS[record], [column.name for column in RECORDS[record].columns])
    if not listed:
        return RECORDS[record].ledger.empty_table(), []
    chunk = json_lines.chunk_of(listed, range(1, len(listed) + 1), shape.columns)
    built = build(shape, chunk, Normaliser(Context(phone_region)), file=source)
    return built.rows, built.rejections


def records_together(
    record: str, calls: Sequence[tuple[str, Sequence[Dictionary[str, Any]]]], *, phone_region: str | None = None
) -> list[tuple[pa.Table, list[Rejection]]]:
    """`records` of several calls (source, rows) at once, at the price of one; each gets what is its own."""
    table, rejections = records(record, [row for _, rows in calls for row in rows], phone_region=phone_region)
    refused = {rejection.line: rejection for rejection in rejections}
    made, line, taken = [], 0, 0
    for source, rows in calls:
        places = range(line + 1, line + len(rows) + 1)
        own = [replace(refused[at], file=source, line=at - line) for at in places if at in refused]
        made.append((table.slice(taken, len(rows) - len(own)), own))
        line, taken = line + len(rows), taken + len(rows) - len(own)
    return made


@dataclass(frozen=True, slots=True)
class Replayed:
    """Rows that rejected rows of one record make now, and the ids of the rejections that are settled by them."""

    record: str
    rows: pa.Table
    settled: tuple[str, ...]


def replay(rejections: Iterable[Dictionary[str, Any]], *, phone_region: str | None = None) -> Iterator[Replayed]:
    """Try rejected rows (of the ledger's `rejections`) again, under the rules as they are now.

    Lines that were no rows, cells that were cut and card numbers cannot be tried again: they were not kept.
    """
    waiting = sorted(rejections, key=_origin)
    for (record, file, mapping_text), group in groupby(waiting, key=_origin):
        rows = [(one["rejection_id"], json.loads(one["raw"])) for one in group if one["code"] != "CARD_NUMBER"]
        whole = [(rejection_id, raw) for rejection_id, raw in rows if was_shown_whole(raw)]
        if whole:
            yield _replayed(record, file, mapping_text, whole, phone_region)


def _origin(rejection: Dictionary[str, Any]) -> tuple[str, str, str]:
    return rejection["record"], rejection["file"], rejection["mapping"] or ""


def _replayed(
    record: str, file: str, mapping_text: str, rows: list[tuple[str, dict[str, Any]]], region: str | None
) -> Replayed:
    raws = [raw for _id, raw in rows]
    mapping = Mapping.parse(mapping_text) if mapping_text else None
    mapped = mapping_for(Path(file), mapping)
    columns = {name for raw in raws for name in raw}
    of_record = [shape for shape in mapped.shapes if shape.record.name == record] if mapped else []
    candidates = of_record or [shapes.canonical(RECORDS[record], columns, open_ended=True)]
    normaliser = Normaliser(Context((mapping.phone_region if mapping else None) or region))
    made, refused = [], set()
    for shape in candidates:
        built = build(shape, json_lines.chunk_of(raws, range(len(raws)), shape.columns), normaliser, file=file)
        made.append(built.rows)
        refused |= {rejection.line for rejection in built.rejections}
    settled = tuple(rejection_id for place, (rejection_id, _raw) in enumerate(rows) if place not in refused)
    return Replayed(record, pa.concat_tables(made), settled)
