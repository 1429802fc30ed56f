"""A shape: how the rows of a file become records. Canonical files and mapped ones differ in nothing else."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from linkage.ingest.columns import Record


@dataclass(frozen=True, slots=True)
class Cell:
    """Where a record's value comes from: a column (of which something may be made) or a constant."""

    column: str | None = None
    constant: str | None = None
    prefix: str = ""
    rename: Mapping[str, str] = field(default_factory=dict)
    default: str | None = None
    format: str | None = None


@dataclass(frozen=True, slots=True)
class Shape:
    """The cells of one record in one file.

    `attributes`: attribute → column, or None for every column that no cell names. `where`: rows count only if each
    of these columns holds one of the values. `lenient`: a row without subject or value is passed over, since in a
    mapped table an empty cell means "none here"; in a canonical file it is a fault.
    """

    record: Record
    cells: Mapping[str, Cell]
    attributes: Mapping[str, str] | None = field(default_factory=dict)
    where: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    lenient: bool = False

    @property
    def columns(self) -> list[str]:
        """The file's columns that the shape needs."""
        named = [cell.column for cell in self.cells.values() if cell.column is not None]
        return list(dict.fromkeys([*named, *(self.attributes or {}).values(), *self.where]))


def folded(name: str) -> str:
    """A column's name as canonical files are matched: `Account ID` is `account_id`."""
    return name.strip().lower().replace(" ", "_").replace("-", "_")


def canonical(record: Record, columns: Collection[str]) -> Shape:
    """The shape of a canonical file with these columns, whatever their case."""
    found = {folded(name): name for name in columns}
    cells = {column.name: Cell(found[column.name]) for column in record.columns if column.name in found}
    return Shape(record, cells, attributes=None if record.attributes else {})


def missing(shape: Shape) -> list[str]:
    """The required columns that the shape has no cell for."""
    faults = [name for name in shape.record.required if name not in shape.cells]
    if shape.record.either and not any(name in shape.cells for name in shape.record.either):
        faults.append(" or ".join(shape.record.either))
    return faults
