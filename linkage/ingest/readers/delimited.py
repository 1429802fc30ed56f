"""CSV and its relatives, for files that people and scripts have been at.

Clean lines (no quotes, the right number of cells, valid UTF-8) go to Arrow's parser as one block: that is nearly all
of a large file, at disk speed. What is left is looked at line by line. A quote that is opened and not closed may
begin a cell of several lines, or be a slip; it counts as the former only if the lines up to a closing quote make
a row of the right width. Otherwise its own line alone is broken, and reading goes on with the next: a slip never
swallows the rows after it.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv

from linkage.ingest.arrow import Array, pc, texts
from linkage.ingest.chunk import BrokenLine, Chunk
from linkage.ingest.readers.lines import Block, blocks, open_bytes, shown

DELIMITERS = ",;\t|"
#: A row with more bytes than this is refused: no column takes a cell of that size (nor does Python's csv).
LONGEST_ROW = 1 << 17
#: How far a quote that was opened is followed before it counts as a slip.
LONGEST_QUOTED = 1 << 25

arrow_csv: Any = pyarrow.csv

_QUOTE, _NEWLINE, _RETURN = ord('"'), ord("\n"), ord("\r")
_OPEN = "unexpected end of data"
_NOT_YET, _NEVER = -1, -2
Positions = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a file is delimited, and the names of its columns (unique, as the header has them)."""

    delimiter: str
    columns: tuple[str, ...]


def dialect_of(header: str, delimiter: str | None = None) -> Dialect:
    """Read a header; without a delimiter given, the one that stands in it most often counts."""
    delimiter = delimiter or max(DELIMITERS, key=header.count)
    try:
        names = next(csv.reader([header], delimiter=delimiter), [])
    except csv.Error:
        names = header.split(delimiter)
    seen: dict[str, int] = {}
    unique = []
    for place, raw in enumerate(names, start=1):
        name = raw.strip() or f"column_{place}"
        seen[name] = seen.get(name, 0) + 1
        unique.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return Dialect(delimiter, tuple(unique))


def header_of(path: Path, *, encoding: str | None = None, delimiter: str | None = None) -> Dialect | None:
    """The dialect of a file by its first line; None for an empty file."""
    with open_bytes(path) as stream:
        for block in blocks(stream, encoding=encoding, size=1 << 16):
            for line in block.data.splitlines():
                if line.strip():
                    return dialect_of(line[:65_536].decode("utf-8", "replace"), delimiter)
    return None


def read(path: Path, *, encoding: str | None = None, delimiter: str | None = None) -> Iterator[Chunk]:
    """Read a delimited file in chunks; columns are text, an empty cell is an empty text."""
    dialect: Dialect | None = None
    rest, rest_line = b"", 1
    with open_bytes(path) as stream:
        for block in blocks(stream, encoding=encoding):
            data, first_line = (rest + block.data, rest_line) if rest else (block.data, block.first_line)
            if dialect is None:
                dialect, data, first_line = _take_header(data, first_line, delimiter)
            if dialect is None:
                if block.last and block.fault:
                    yield _nothing(block)
                continue
            parsed = _Parsing(dialect, data, first_line, last=block.last)
            chunk = parsed.chunk(block.fault, block.position)
            rest, rest_line = parsed.rest, parsed.rest_line
            if chunk.rows.num_rows or chunk.broken:
                yield chunk


def _nothing(block: Block) -> Chunk:
    fault = BrokenLine(block.first_line, "TRUNCATED_FILE", block.fault or "", "")
    return Chunk(pa.table({}), pa.array([], pa.int64()), (fault,))


def _take_header(data: bytes, line: int, delimiter: str | None) -> tuple[Dialect | None, bytes, int]:
    while data:
        head, _newline, data = data.partition(b"\n")
        line += 1
        if head.strip():
            return dialect_of(head.strip(b"\r")[:65_536].decode("utf-8", "replace"), delimiter), data, line
    return None, data, line


@dataclass(slots=True)
class _Parsing:
    """One block on its way to a chunk. `rest` is what the next block must begin with: a row still open."""

    dialect: Dialect
    data: bytes
    first_line: int
    last: bool
    rest: bytes = b""
    rest_line: int = 1
    broken: list[BrokenLine] = field(default_factory=list)
    cells: list[list[str]] = field(default_factory=list)
    cell_lines: list[int] = field(default_factory=list)
    starts: Positions = field(init=False)
    ends: Positions = field(init=False)

    def chunk(self, fault: str | None, position: int) -> Chunk:
        """Take the block apart."""
        if self.data and not self.data.endswith(b"\n"):
            self.data += b"\n"
        marks = np.frombuffer(self.data, np.uint8)
        newlines = np.flatnonzero(marks == _NEWLINE)
        self.starts = np.concatenate([[0], newlines[:-1] + 1]) if len(newlines) else np.zeros(0, np.int64)
        self.ends = newlines - ((newlines > self.starts) & (marks[newlines - 1] == _RETURN))
        clean, odd = self._sorted_out(marks)
        self._look_at(odd, clean)
        table = self._clean_rows(clean)
        lines: Array = pa.array(np.flatnonzero(clean) + self.first_line, pa.int64())
        if self.cells:
            table, lines = self._together(table, lines)
        if fault:
            self.broken.append(BrokenLine(self.first_line + len(self.ends), "TRUNCATED_FILE", fault, ""))
        return Chunk(table, lines, self.broken, position=position)

    def _sorted_out(self, marks: npt.NDArray[np.uint8]) -> tuple[Flags, Positions]:
        """Which lines are rows as they stand, and which (filled) lines need a look."""
        width = len(self.dialect.columns)
        delimiters = self._per_line(np.flatnonzero(marks == ord(self.dialect.delimiter)))
        filled = self.ends > self.starts
        clean = filled & (delimiters == width - 1) & (self.ends - self.starts <= LONGEST_ROW)
        suspects = (marks == _QUOTE) | ((marks < 32) & (marks != 9) & (marks != _NEWLINE))
        suspects[self.ends[marks[self.ends] == _RETURN]] = False
        clean &= self._per_line(np.flatnonzero(suspects)) == 0
        try:
            self.data.decode()
        except UnicodeDecodeError:
            for row in np.flatnonzero(clean & (self._per_line(np.flatnonzero(marks >= 128)) > 0)).tolist():
                clean[row] = self._decodes(row)
        return clean, np.flatnonzero(filled & ~clean)

    def _per_line(self, positions: Positions) -> Positions:
        return np.searchsorted(positions, self.ends) - np.searchsorted(positions, self.starts)

    def _line(self, row: int) -> bytes:
        return self.data[self.starts[row] : self.ends[row]]

    def _decodes(self, row: int) -> bool:
        try:
            self._line(row).decode()
        except UnicodeDecodeError:
            return False
        return True

    def _look_at(self, odd: Positions, clean: Flags) -> None:
        after = -1  # the last line that a row of several lines has taken
        for row in odd.tolist():
            if row <= after:
                continue
            line = self._line(row)
            if len(line) > LONGEST_ROW:
                self._refuse(
                    row, "TOO_LONG", f"the line has {len(line):,} bytes; a row has {LONGEST_ROW:,} at most", line
                )
                continue
            try:
                text = line.decode()
            except UnicodeDecodeError as error:
                self._refuse(row, "BAD_ENCODING", f"byte {error.start + 1} of the line is no UTF-8", line)
                continue
            if "\0" in text:
                self._refuse(row, "BINARY_DATA", "the line holds NUL bytes", line)
                continue
            cells = self._parse(text)
            if cells is not None:
                self._take(row, cells, line)
                continue
            end = self._closing(row)
            if end == _NOT_YET and not self.last and len(self.data) - self.starts[row] < LONGEST_QUOTED:
                self.rest, self.rest_line = self.data[self.starts[row] :], self.first_line + row
                clean[row:] = False
                return
            if end >= 0 and self._take_lines(row, end):
                clean[row : end + 1] = False
                after = end
                continue
            self._refuse(row, "UNCLOSED_QUOTE", "a quote is opened and not closed", line)

    def _parse(self, text: str) -> list[str] | None:
        """The cells of a line; None if a quoted cell is still open at its end."""
        try:
            return next(csv.reader([text], delimiter=self.dialect.delimiter, strict=True), [])
        except csv.Error as error:
            if str(error) == _OPEN:
                return None
        try:  # text after a closing quote: taken along, as spreadsheets do
            return next(csv.reader([text], delimiter=self.dialect.delimiter), [])
        except csv.Error:
            return []

    def _closing(self, row: int) -> int:
        """The line on which a cell opened on `row` is closed; `_NOT_YET` or `_NEVER` where there is none in reach."""
        position = int(self.ends[row])
        limit = int(self.starts[row]) + LONGEST_QUOTED
        while (position := self.data.find(b'"', position + 1, limit)) >= 0:
            line = int(np.searchsorted(self.ends, position))
            try:
                next(csv.reader(['"' + self._line(line).decode()], delimiter=self.dialect.delimiter, strict=True), [])
            except (csv.Error, UnicodeDecodeError) as error:
                if str(error) != _OPEN:
                    return _NEVER
            else:
                return line
            position = int(self.ends[line])
        return _NOT_YET

    def _take_lines(self, row: int, end: int) -> bool:
        whole = self.data[self.starts[row] : self.ends[end]]
        if len(whole) > LONGEST_ROW:
            self._refuse(row, "TOO_LONG", f"the row has {len(whole):,} bytes; a row has {LONGEST_ROW:,} at most", whole)
            return True
        try:
            lines = whole.decode().replace("\r\n", "\n").splitlines(keepends=True)
            cells = next(csv.reader(lines, delimiter=self.dialect.delimiter, strict=True), [])
        except (csv.Error, UnicodeDecodeError):
            return False
        if len(cells) != len(self.dialect.columns) or "\0" in "".join(cells):
            return False
        self.cells.append(cells)
        self.cell_lines.append(self.first_line + row)
        return True

    def _take(self, row: int, cells: list[str], line: bytes) -> None:
        width = len(self.dialect.columns)
        if len(cells) == width:
            self.cells.append(cells)
            self.cell_lines.append(self.first_line + row)
        elif cells and any(cell.strip() for cell in cells):
            self._refuse(row, "WRONG_WIDTH", f"the row has {len(cells)} cells, the header has {width}", line)
        elif not cells:
            self._refuse(row, "BAD_QUOTES", "the line cannot be taken apart into cells", line)

    def _refuse(self, row: int, code: str, reason: str, line: bytes) -> None:
        self.broken.append(BrokenLine(self.first_line + row, code, reason, shown(line)))

    def _clean_rows(self, clean: Flags) -> pa.Table:
        names = list(self.dialect.columns)
        if not clean.any():
            return pa.table({name: texts([]) for name in names})
        data = self.data
        if not clean.all():
            spans = zip(self.starts[clean].tolist(), self.ends[clean].tolist(), strict=True)
            data = b"\n".join(data[start:end] for start, end in spans) + b"\n"
        table: pa.Table = arrow_csv.read_csv(
            pa.BufferReader(data),
            read_options=arrow_csv.ReadOptions(column_names=names, block_size=max(len(data), 1)),
            parse_options=arrow_csv.ParseOptions(delimiter=self.dialect.delimiter, quote_char=False),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
            ),
        )
        return table

    def _together(self, table: pa.Table, lines: Array) -> tuple[pa.Table, Array]:
        columns = zip(self.dialect.columns, zip(*self.cells, strict=True), strict=True)
        more = pa.table({name: texts(cells) for name, cells in columns})
        numbers: Array = pa.concat_arrays([lines, pa.array(self.cell_lines, pa.int64())])
        order = pc.sort_indices(numbers)
        return pa.concat_tables([table, more]).combine_chunks().take(order), numbers.take(order)
