"""Rows of a file → rows of the ledger and rejections, whole columns at a time.

Every cell of a row is looked at before the row is judged, so that one rejection tells all that is wrong with it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pyarrow as pa

from linkage.ingest import cells
from linkage.ingest.arrow import Array, Rows, at, mask_of, one_array, pc, rows_where, texts
from linkage.ingest.chunk import Chunk
from linkage.ingest.columns import Column, Type
from linkage.ingest.identifiers import Fault, Normaliser
from linkage.ingest.shape import Cell, Shape
from linkage.model import Judgement, Rejection, Subject, SubjectType
from linkage.model.decision import CLUSTER, decision_id
from linkage.normalise import KINDS, Cards, canonical_name, kind_of
from linkage.normalise.cards import CANDIDATE, mask_cards

LONGEST_ATTRIBUTES = 65_536
#: A rejected row keeps this much of a cell.
_SHOWN = 4_000


@dataclass(frozen=True, slots=True)
class Built:
    """What became of a chunk: rows in the ledger's columns, rejections, and kinds that nobody declared."""

    rows: pa.Table
    rejections: list[Rejection]
    unknown_kinds: frozenset[str] = frozenset()


def build(shape: Shape, chunk: Chunk, normaliser: Normaliser, *, file: str) -> Built:
    """Make one record of each row of the chunk."""
    chunk = _wanted_rows(shape, chunk)
    work = _Work(shape, chunk, normaliser)
    table = _MAKERS[shape.record.name](work)
    rejected = work.rejections(file)
    dropped = np.concatenate([work.rejected_rows(), work.empty])
    if len(dropped):
        table = table.filter(pc.invert(mask_of(dropped, table.num_rows)))
    return Built(table, rejected, work.unknown_kinds)


def _wanted_rows(shape: Shape, chunk: Chunk) -> Chunk:
    if not shape.where or not chunk.rows.num_rows:
        return chunk
    mask: Array = None
    for column, wanted in shape.where.items():
        here = pc.is_in(cells.text(_column(chunk, column)), value_set=texts(wanted))
        mask = here if mask is None else pc.and_(mask, here)
    places = rows_where(mask)
    new_place = {old: new for new, old in enumerate(places.tolist())}
    nested = {name: [new_place[row] for row in rows if row in new_place] for name, rows in chunk.nested.items()}
    return Chunk(at(chunk.rows, places), at(chunk.lines, places), chunk.broken, nested, chunk.json)


def _column(chunk: Chunk, name: str) -> Array:
    """A column of the chunk; empty where no object of a chunk of JSON Lines has the key."""
    if name in chunk.rows.column_names:
        return one_array(chunk.rows[name])
    return pa.nulls(chunk.rows.num_rows, pa.string())


@dataclass(slots=True)
class _Work:
    """A chunk on its way: the cells taken so far and the faults found."""

    shape: Shape
    chunk: Chunk
    normaliser: Normaliser
    faults: list[Fault] = field(default_factory=list)
    empty: Rows = field(default_factory=lambda: np.zeros(0, np.int64))
    unknown_kinds: frozenset[str] = frozenset()

    @property
    def count(self) -> int:
        return self.chunk.rows.num_rows

    def fault(self, name: str, code: str, reason: str, where: Array | Rows) -> None:
        rows = where if isinstance(where, np.ndarray) else rows_where(where)
        if len(rows):
            self.faults.append(Fault(name, code, reason, rows))

    def source(self, name: str) -> str:
        """The column of the file that a field of the record came from."""
        cell = self.shape.cells.get(name)
        return cell.column if cell is not None and cell.column is not None else name

    def cell(self, name: str) -> Array:
        """A field's cells as they come (typed, where Parquet types them), with the mapping's changes made."""
        cell = self.shape.cells.get(name)
        if cell is None:
            return pa.nulls(self.count, pa.string())
        if cell.column is None:
            return pa.repeat(pa.scalar(cell.constant, pa.string()), self.count)
        column = _column(self.chunk, cell.column)
        if cell.column in self.chunk.nested:
            rows = np.array(self.chunk.nested[cell.column], np.int64)
            self.fault(name, "BAD_TYPE", "an object or a list stands where a single value should", rows)
        return _changed(column, cell)

    def text(self, name: str, longest: int = cells.LONGEST_TEXT) -> Array:
        """A field's cells as text that can be kept."""
        values = cells.text(self.cell(name))
        long, binary = cells.unreadable(values, longest)
        self.fault(name, "TOO_LONG", f"the cell has more than {longest:,} bytes", long)
        self.fault(name, "BINARY_DATA", "the cell holds control characters or broken ones", binary)
        return values

    def column(self, column: Column) -> Array:
        """A field of the record by its type."""
        values = _READERS[column.type](self, column)
        if column.required:
            self.missing(column.name, values)
        return values

    def missing(self, name: str, values: Array) -> None:
        told = [fault.rows for fault in self.faults if fault.field == name]
        empty = np.setdiff1d(rows_where(pc.is_null(values)), np.concatenate([np.zeros(0, np.int64), *told]))
        if self.shape.lenient and name in _MAY_BE_EMPTY:
            self.empty = np.concatenate([self.empty, empty])
        else:
            self.fault(name, "MISSING_VALUE", f"{self.source(name)} is empty", empty)

    def columns(self) -> dict[str, Array]:
        """All fields of the record."""
        return {column.name: self.column(column) for column in self.shape.record.columns}

    def rejected_rows(self) -> Rows:
        if not self.faults:
            return np.zeros(0, np.int64)
        rows = np.unique(np.concatenate([fault.rows for fault in self.faults]))
        return np.setdiff1d(rows, self.empty, assume_unique=False)

    def rejections(self, file: str) -> list[Rejection]:
        """The rows that cannot be taken, in order, each with its first fault's column and code and all reasons."""
        rejected = self.rejected_rows()
        if not len(rejected):
            return []
        by_row: dict[int, list[Fault]] = {row: [] for row in rejected.tolist()}
        for fault in self.faults:
            for row in fault.rows.tolist():
                if row in by_row:
                    by_row[row].append(fault)
        lines = at(self.chunk.lines, rejected).to_pylist()
        raws = at(self.chunk.rows, rejected).to_pylist()
        hidden = self._hidden()
        return [
            Rejection(
                record=self.shape.record.name,
                file=file,
                line=line,
                column=self.source(faults[0].field),
                code=faults[0].code,
                reason="; ".join(_told(self.source(fault.field), fault) for fault in faults),
                raw=_shown_row(raw, self.chunk.json, hidden),
            )
            for faults, line, raw in zip(by_row.values(), lines, raws, strict=True)
        ]

    def _hidden(self) -> Callable[[Mapping[str, object], str, str], str]:
        ids = {self.source(c.name) for c in self.shape.record.columns if c.type in (Type.ID, Type.SUBJECT)}
        value_column = self.source("value") if "value" in self.shape.cells else None
        kind_cell = self.shape.cells.get("kind")

        def hide(row: Mapping[str, object], column: str, cell: str) -> str:
            if column in ids and column != value_column:
                return cell
            if column == value_column and kind_cell is not None:
                return _hidden_value(_kind_in(row, kind_cell), cell)
            return mask_cards(cell, issued_only=True)

        return hide


#: In a mapped table an empty cell of these says "none here".
_MAY_BE_EMPTY = frozenset({"account_id", "organisation_id", "value", "left", "right"})


def _told(column: str, fault: Fault) -> str:
    return fault.reason if fault.field in {"value", "kind"} else f"{column}: {fault.reason}"


def _kind_in(row: Mapping[str, object], cell: Cell) -> str:
    text = cell.constant if cell.column is None else str(row.get(cell.column) or "").strip()
    return cell.rename.get(text or "", text or "")


def _hidden_value(kind_name: str, cell: str) -> str:
    """A rejected value as it may be kept: secrets by their fingerprint, card numbers masked."""
    name = canonical_name(kind_name)
    kind = KINDS.get(name or "") or kind_of("unknown")
    if kind.secret:
        return kind.normalise(cell) or "***"
    return cell if kind.cards is Cards.NONE else mask_cards(cell, issued_only=kind.cards is Cards.ISSUED)


def _shown_row(
    row: Mapping[str, object], json_columns: Collection[str], hide: Callable[[Mapping[str, object], str, str], str]
) -> str:
    """A row as a JSON object; long cells cut, secrets and card numbers hidden."""
    shown: dict[str, object] = {}
    for column, cell in row.items():
        if cell is None or cell == "":
            continue
        text = cell.isoformat() if isinstance(cell, date) else str(cell)
        hidden = hide(row, column, text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text):,} characters)")
        shown[column] = json.loads(text) if column in json_columns and hidden == text else hidden
    return json.dumps(shown, ensure_ascii=False)


def was_shown_whole(raw: Mapping[str, object]) -> bool:
    """Whether a rejected row is kept with all its cells, so that it can be tried again."""
    cut = re.compile(r"… \([\d,]+ characters\)$")
    return bool(raw) and "" not in raw and not any(isinstance(cell, str) and cut.search(cell) for cell in raw.values())


def _changed(column: Array, cell: Cell) -> Array:
    if not (cell.prefix or cell.rename or cell.default):
        return column
    values = cells.text(column)
    if cell.rename:
        coded = values.dictionary_encode()
        renamed = texts([cell.rename.get(text, text) for text in coded.dictionary.to_pylist()])
        values = renamed.take(coded.indices)
    if cell.prefix:
        values = pc.binary_join_element_wise(pa.scalar(cell.prefix), values, "")
    return values if cell.default is None else pc.fill_null(values, cell.default)


def _read_id(work: _Work, column: Column) -> Array:
    return work.text(column.name, cells.LONGEST_ID)


def _read_text(work: _Work, column: Column) -> Array:
    values = work.text(column.name)
    suspects = rows_where(pc.match_substring_regex(values, CANDIDATE))
    return _with_masked(values, suspects) if len(suspects) else values


def _with_masked(values: Array, rows: Rows) -> Array:
    masked = texts([mask_cards(text, issued_only=True) for text in at(values, rows).to_pylist()])
    return pc.replace_with_mask(values, mask_of(rows, len(values)), masked)


def _read_time(work: _Work, column: Column) -> Array:
    cell = work.shape.cells.get(column.name)
    raw = work.cell(column.name)
    read = cells.times(raw, cell.format if cell else None)
    wanted = f"in the format {cell.format}" if cell and cell.format else "a time in ISO 8601 between 1900 and 2200"
    work.fault(column.name, "BAD_TIME", f"not {wanted}", read.bad)
    return read.values


def _read_whole(work: _Work, column: Column) -> Array:
    read = cells.whole(work.cell(column.name), least=column.least, default=column.default)
    work.fault(column.name, "BAD_NUMBER", f"not a whole number of {column.least} or more", read.bad)
    return read.values


def _read_subject(work: _Work, column: Column) -> Array:
    values = work.text(column.name, cells.LONGEST_ID)
    return texts([None if text is None else str(Subject.parse(text)) for text in values.to_pylist()])


def _read_judgement(work: _Work, column: Column) -> Array:
    values = pc.utf8_lower(work.text(column.name))
    known = pc.is_in(values, value_set=pa.array([judgement.value for judgement in Judgement]))
    work.fault(column.name, "BAD_JUDGEMENT", "not same, different or undecided", pc.and_not(pc.is_valid(values), known))
    return values


_READERS: dict[Type, Callable[[_Work, Column], Array]] = {
    Type.ID: _read_id,
    Type.TEXT: _read_text,
    Type.TIME: _read_time,
    Type.WHOLE: _read_whole,
    Type.KIND: lambda work, column: work.text(column.name),
    Type.VALUE: lambda work, column: work.text(column.name, cells.LONGEST_VALUE),
    Type.SUBJECT: _read_subject,
    Type.JUDGEMENT: _read_judgement,
}


def _plain(work: _Work) -> pa.Table:
    return pa.table(work.columns(), schema=work.shape.record.ledger)


def _with_attributes(work: _Work) -> pa.Table:
    columns = work.columns()
    columns["attributes"] = _attributes(work)
    return pa.table(columns, schema=work.shape.record.ledger)


def _attributes(work: _Work) -> Array:
    """The further columns of each row as a JSON object, in the order of their names, whatever rows come beside it; null
    where there is nothing."""
    wanted = work.shape.attributes
    if wanted is None:
        used = {cell.column for cell in work.shape.cells.values()}
        wanted = {name: name for name in work.chunk.rows.column_names if name not in used and name}
    present = {name: column for name, column in sorted(wanted.items()) if column in work.chunk.rows.column_names}
    if not present:
        return pa.nulls(work.count, pa.string())
    names = [json.dumps(name, ensure_ascii=False) for name in present]
    encoded = [_json_cells(work, column) for column in present.values()]
    objects = [
        "{" + ", ".join(f"{name}: {cell}" for name, cell in zip(names, row, strict=True) if cell is not None) + "}"
        for row in zip(*encoded, strict=True)
    ]
    values = texts([None if text == "{}" else text for text in objects])
    long, binary = cells.unreadable(values, LONGEST_ATTRIBUTES)
    work.fault("attributes", "TOO_LONG", f"the further columns have more than {LONGEST_ATTRIBUTES:,} bytes", long)
    work.fault("attributes", "BINARY_DATA", "a further column holds broken characters", binary)
    suspects = rows_where(pc.match_substring_regex(values, CANDIDATE))
    return _with_masked(values, suspects) if len(suspects) else values


def _json_cells(work: _Work, column: str) -> Iterable[str | None]:
    found = one_array(work.chunk.rows[column])
    if column in work.chunk.json:
        known: list[str | None] = found.to_pylist()
        return known
    if pa.types.is_string(found.type):
        found = cells.text(found)
    return [None if cell is None else json.dumps(cell, ensure_ascii=False, default=str) for cell in found.to_pylist()]


def _observations(work: _Work) -> pa.Table:
    columns = work.columns()
    account, organisation = columns.pop("account_id"), columns.pop("organisation_id")
    subject = pc.coalesce(account, organisation)
    work.missing("account_id" if "account_id" in work.shape.cells else "organisation_id", subject)
    subject_type = pc.if_else(pc.is_valid(account), SubjectType.ACCOUNT.value, SubjectType.ORGANISATION.value)
    first, last = columns["first_seen"], columns["last_seen"]
    work.fault("last_seen", "BAD_PERIOD", "last_seen lies before first_seen", pc.less(last, first))
    found = work.normaliser.identifiers(columns["kind"], columns["value"])
    work.faults += [fault for fault in found.faults if len(fault.rows)]
    work.unknown_kinds = found.unknown_kinds
    columns |= {
        "subject_type": subject_type,
        "subject_id": subject,
        "kind": found.kinds,
        "value": found.values,
        "raw": found.raw,
        "first_seen": pc.coalesce(first, last),
        "last_seen": pc.coalesce(last, first),
    }
    return pa.table(columns, schema=work.shape.record.ledger)


def _decisions(work: _Work) -> pa.Table:
    columns = work.columns()
    work.fault("right", "SAME_SUBJECT", "left and right are one subject", pc.equal(columns["left"], columns["right"]))
    for side in ("left", "right"):
        group = pc.starts_with(columns[side], str(Subject.account(f"{CLUSTER}cl_")))
        work.fault(side, "NO_SUBJECT", "a cluster, which has other members tomorrow: see `linkage decide`", group)
    nobody = pa.nulls(work.count, pa.string())
    columns |= {"left_members": nobody, "right_members": nobody}
    names = list(columns)
    rows = zip(*(columns[name].to_pylist() for name in names), strict=True)
    ids = [decision_id(**dict(zip(names, row, strict=True))) for row in rows]
    return pa.table({**columns, "decision_id": texts(ids)}, schema=work.shape.record.ledger)


_MAKERS: dict[str, Callable[[_Work], pa.Table]] = {
    "accounts": _with_attributes,
    "organisations": _with_attributes,
    "observations": _observations,
    "usage": _plain,
    "decisions": _decisions,
}
