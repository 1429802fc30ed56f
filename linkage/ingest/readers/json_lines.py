"""JSON Lines: one object a line. Keys that the record knows become text, all others stay JSON."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from linkage.ingest.arrow import Array, texts
from linkage.ingest.chunk import BrokenLine, Chunk
from linkage.ingest.readers.lines import blocks, open_bytes, shown

#: An object with more bytes than this is refused.
LONGEST_OBJECT = 1 << 20


def read(path: Path, known: Collection[str]) -> Iterator[Chunk]:
    """Read a JSON Lines file in chunks."""
    with open_bytes(path) as stream:
        for block in blocks(stream):
            broken: list[BrokenLine] = []
            rows, lines = [], []
            lines_here = block.data.split(b"\n")
            for number, line in enumerate(lines_here, start=block.first_line):
                text = line.strip()
                if not text:
                    continue
                try:
                    rows.append(_object(text))
                    lines.append(number)
                except _NoObject as fault:
                    broken.append(BrokenLine(number, fault.code, str(fault), shown(line)))
            if block.fault:
                broken.append(BrokenLine(block.first_line + len(lines_here), "TRUNCATED_FILE", block.fault, ""))
            if rows or broken:
                yield chunk_of(rows, lines, known, broken, position=block.position)


def keys_of(path: Path, rows: int = 100) -> set[str]:
    """The keys of the first objects of a file."""
    found: set[str] = set()
    with open_bytes(path) as stream:
        for block in blocks(stream, size=1 << 16):
            for line in block.data.split(b"\n"):
                if not line.strip():
                    continue
                rows -= 1
                try:
                    found.update(_object(line.strip()))
                except _NoObject:
                    continue
                if rows <= 0:
                    return found
            if found and rows <= 0:
                return found
    return found


class _NoObject(Exception):
    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def _object(line: bytes) -> dict[str, Any]:
    if len(line) > LONGEST_OBJECT:
        raise _NoObject("TOO_LONG", f"the line has {len(line):,} bytes; an object has {LONGEST_OBJECT:,} at most")
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        raise _NoObject("BAD_ENCODING", f"byte {error.start + 1} of the line is no UTF-8") from None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        what = error.msg if isinstance(error, json.JSONDecodeError) else "nested or numbered beyond measure"
        raise _NoObject("BAD_JSON", f"the line is no JSON: {what}") from None
    if not isinstance(value, dict):
        raise _NoObject("BAD_JSON", "the line is no JSON object")
    return value


def chunk_of(
    rows: list[Mapping[str, Any]] | list[dict[str, Any]],
    lines: Iterable[int],
    known: Collection[str],
    broken: Iterable[BrokenLine] = (),
    *,
    position: int = 0,
) -> Chunk:
    """Turn objects into columns."""
    names = dict.fromkeys(name for row in rows for name in row)
    nested: dict[str, list[int]] = defaultdict(list)
    columns: dict[str, Array] = {}
    for name in names:
        if name not in known:
            columns[name] = texts(_json(row[name]) if name in row else None for row in rows)
            continue
        cells: list[str | None] = []
        for place, row in enumerate(rows):
            value = row.get(name)
            if isinstance(value, dict | list | tuple):
                nested[name].append(place)
                value = _json(value)
            cells.append(value if value is None or isinstance(value, str) else _plain(value))
        columns[name] = texts(_encodable(cell) for cell in cells)
    table = pa.table(columns) if columns else _rows_without_columns(len(rows))
    further = frozenset(names) - frozenset(known)
    return Chunk(table, pa.array(list(lines), pa.int64()), list(broken), nested, further, position)


def _rows_without_columns(count: int) -> pa.Table:
    return pa.table({"": pa.nulls(count, pa.string())}) if count else pa.table({})


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and math.isfinite(value) and value.is_integer() and abs(value) < 1e18:
        return str(int(value))
    return str(value)


def _json(value: Any) -> str | None:
    return None if value is None else _encodable(json.dumps(value, ensure_ascii=False, default=str))


def _encodable(text: str | None) -> str | None:
    # JSON can spell lone surrogates, which no UTF-8 can; the replacement character gets the row refused.
    if text is None or text.isascii():
        return text
    return text.encode("utf-8", "replace").decode() if any("\ud800" <= c <= "\udfff" for c in text) else text
