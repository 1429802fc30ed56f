"""Whole columns of cells at once: text, times, numbers. Each function gives the values and which cells are bad.

Cells come as text from CSV and JSON and as typed columns from Parquet. An empty cell is null and never bad.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

import duckdb
import pyarrow as pa

from linkage.ingest.arrow import NO_TEXT, Array, one_array, pc
from linkage.ingest.columns import TIME

LONGEST_TEXT = 16_384
LONGEST_VALUE = 65_536
LONGEST_ID = 512
_BINARY = r"[\x00-\x08\x0e-\x1f\x7f\x{fffd}]"
_CLOCK = r"(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:[.,]\d{1,9})?)?"
_ZONE = r"\s?(?:[Zz]|UTC|[+-]\d{2}(?::?\d{2})?)"
_ISO = rf"^\d{{4}}-\d{{2}}-\d{{2}}(?:[Tt ]{_CLOCK}(?:{_ZONE})?)?$"
_WHOLE = r"^[+-]?\d{1,18}(?:\.0*)?$"
#: Times outside these years are slips of a keyboard or of a unit.
_EARLIEST, _LATEST = (pa.scalar(datetime(year, 1, 1, tzinfo=UTC), TIME) for year in (1900, 2200))
#: Units of times given as numbers: how many in a second.
EPOCHS = {"epoch": 1, "epoch_ms": 1_000, "epoch_us": 1_000_000, "epoch_ns": 1_000_000_000}


@dataclass(frozen=True, slots=True)
class Cells:
    """Values of a column and the cells that could not be read (null where bad)."""

    values: Array
    bad: Array


def text(column: Array) -> Array:
    """Cells as trimmed text; empty ones become null, whole numbers lose the `.0` that a float column gave them."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = column.type
    if pa.types.is_floating(kind):
        whole = pc.and_(pc.equal(column, pc.round(column)), pc.less(pc.abs(column), 1e18))
        numbers = pc.if_else(pc.fill_null(whole, False), column, None).cast(pa.int64())
        column = pc.coalesce(numbers.cast(pa.string()), column.cast(pa.string()))
    elif pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        column = pa.array([None if cell is None else _shown(cell) for cell in column.to_pylist()], pa.string())
    elif kind != pa.string():
        column = column.cast(pa.string())
    trimmed = pc.utf8_trim_whitespace(column)
    return pc.if_else(pc.equal(trimmed, ""), NO_TEXT, trimmed)


def _shown(cell: object) -> str:
    return cell.decode("utf-8", "replace") if isinstance(cell, bytes) else str(cell)


def unreadable(column: Array, longest: int) -> tuple[Array, Array]:
    """Which texts are longer than a column takes, and which hold control characters or lost ones."""
    long = pc.fill_null(pc.greater(pc.binary_length(column), longest), False)
    binary = pc.fill_null(pc.match_substring_regex(column, _BINARY), False)
    return long, binary


def times(column: Array, form: str | None = None) -> Cells:
    """Cells as UTC times. `form`: None for ISO 8601 (without offset: UTC), `epoch…`, or a strptime format."""
    kind = column.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return _in_range(_typed_times(column), column)
    cells = text(column)
    if form in EPOCHS:
        numbers = _numbers(cells)
        scaled = pc.cast(pc.round(pc.multiply(numbers, 1_000_000 / EPOCHS[form])), pa.int64(), safe=False)
        sane = pc.less(pc.abs(numbers), EPOCHS[form] * 1e10)
        return _in_range(pc.if_else(sane, scaled, None).cast(pa.timestamp("us")).cast(TIME), cells)
    if form is None:
        plain = pc.fill_null(pc.match_substring_regex(cells, _ISO), False)
        cells_read = pc.replace_substring(pc.if_else(plain, cells, None), ",", ".")
        return _in_range(_iso_times(cells_read), cells)
    return _in_range(_sql(cells, "try_strptime(cell, $form)::TIMESTAMPTZ", form=form), cells)


def _iso_times(cells: Array) -> Array:
    try:
        # Takes a column in which every time has a zone and is a day of the calendar: most are like that, and a small
        # one takes microseconds, where a question to the database takes milliseconds.
        return cells.cast(TIME)
    except pa.ArrowInvalid:
        return _sql(cells, "try_cast(cell AS TIMESTAMPTZ)")


def _typed_times(column: Array) -> Array:
    kind = column.type
    if pa.types.is_date(kind) or (pa.types.is_timestamp(kind) and kind.tz is None):
        return column.cast(pa.timestamp("us"), safe=False).cast(TIME)
    return column.cast(TIME, safe=False)


def _in_range(values: Array, cells: Array) -> Cells:
    sane = pc.fill_null(pc.and_(pc.greater_equal(values, _EARLIEST), pc.less(values, _LATEST)), False)
    return Cells(pc.if_else(sane, values, pa.scalar(None, TIME)), pc.and_(pc.is_valid(cells), pc.invert(sane)))


def _numbers(cells: Array) -> Array:
    plain = pc.fill_null(pc.match_substring_regex(cells, r"^-?\d{1,19}(?:\.\d+)?$"), False)
    return pc.if_else(plain, cells, None).cast(pa.float64())


@cache
def _database() -> duckdb.DuckDBPyConnection:
    """One empty database for the process: opening one takes longer than reading a small column."""
    return duckdb.connect(config={"threads": 2})


def _sql(cells: Array, expression: str, **parameters: str) -> Array:
    if cells.null_count == len(cells):
        return pa.nulls(len(cells), TIME)
    with _database().cursor() as connection:
        connection.execute("SET TimeZone = 'UTC'; SET preserve_insertion_order = true")
        connection.register("column", pa.table({"cell": cells}))
        found = connection.sql(f'SELECT {expression} AS value FROM "column"', params=parameters or None)
        return one_array(found.to_arrow_table()["value"].cast(TIME))


def whole(column: Array, *, least: int, default: int | None) -> Cells:
    """Cells as whole numbers of at least `least`; an empty one counts as `default`."""
    if pa.types.is_integer(column.type):
        values = column.cast(pa.int64(), safe=False)
        filled = column
    else:
        filled = text(column)
        plain = pc.fill_null(pc.match_substring_regex(filled, _WHOLE), False)
        digits = pc.replace_substring_regex(pc.if_else(plain, filled, None), r"^\+|\.0*$", "")
        values = digits.cast(pa.int64())
    good = pc.fill_null(pc.greater_equal(values, least), False)
    bad = pc.and_(pc.is_valid(filled), pc.invert(good))
    values = pc.if_else(good, values, pa.scalar(None, pa.int64()))
    return Cells(values if default is None else pc.fill_null(values, default), bad)
