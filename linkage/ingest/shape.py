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


def canonical(record: Record, columns: Collection[str], *, open_ended: bool = False) -> Shape:
    """The shape of a canonical file with these columns, whatever their case.

    `open_ended`: further columns may turn up, as keys do in JSON Lines.
    """
    found = {folded(name): name for name in columns}
    names = [column.name for column in record.columns if open_ended or column.name in found]
    cells = {name: Cell(found.get(name, name)) for name in names}
    return Shape(record, cells, attributes=None if record.attributes else {})


def lacking(record: Record, columns: Collection[str]) -> list[str]:
    """The columns of a record that must be there and are not."""
    found = {folded(name) for name in columns}
    faults = [name for name in record.required if name not in found]
    if record.either and not found & set(record.either):
        faults.append(" or ".join(record.either))
    return faults
