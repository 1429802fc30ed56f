"""A small table in CSV whose faults are told all together, each with its line.

Read with DuckDB, which also says what lines are no rows of the table. Where a row stands is looked up only when
something is wrong with one.
"""

from __future__ import annotations

import csv
from collections.abc import Collection
from pathlib import Path

import duckdb

Row = dict[str, str]
_REJECTED = {"TOO MANY COLUMNS": "it has more values than there are columns", "INVALID ENCODING": "it is not UTF-8"}


class CsvTable:
    """The rows of a file as dictionaries by column (names in lower case), values stripped, missing ones empty."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.columns: list[str] = []
        self.rows: list[Row] = []
        self._rejected: set[int] = set()
        self._faults: list[tuple[int, str]] = []
        self._of_rows: list[tuple[int, str]] = []
        try:
            self._read()
        except (duckdb.Error, OSError, csv.Error) as error:
            self._faults.append((1, f"it is no readable CSV: {str(error).splitlines()[0]}"))

    def need(self, *either: Collection[str]) -> bool:
        """Note a fault of the header unless it has all the columns of one of these."""
        if any(set(columns) <= set(self.columns) for columns in either):
            return True
        if not self._faults:
            wanted = " or ".join(", ".join(columns) for columns in either)
            self._faults.append((1, f"its columns are {', '.join(self.columns) or 'missing'}; it needs {wanted}"))
        return False

    def fault(self, row: int, what: str) -> None:
        """Note a fault of a row, counted from 0."""
        self._of_rows.append((row, what))

    def told(self) -> list[str]:
        """The faults with file and line, in the order of lines."""
        lines = self._lines() if self._of_rows else []
        placed = [*self._faults, *((lines[row], what) for row, what in self._of_rows)]
        return [f"{self.path.name}, line {line}: {what}" for line, what in sorted(placed)]

    def _read(self) -> None:
        with self.path.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
            self.columns = [name.strip().lower() for name in next(csv.reader(lines), [])]
        if len(set(self.columns)) < len(self.columns):
            self._faults.append((1, f"its columns are {', '.join(self.columns)}: one of them stands twice"))
        if not self.columns or self._faults:
            return
        with duckdb.connect() as connection:
            table = connection.sql(
                "SELECT * FROM read_csv(?, columns = ?, header = true, auto_detect = false, delim = ',', quote = '\"', "
                "escape = '\"', null_padding = true, parallel = false, store_rejects = true)",
                params=[str(self.path), dict.fromkeys(self.columns, "VARCHAR")],
            ).to_arrow_table()
            rejected = connection.execute(
                "SELECT DISTINCT line, error_type, error_message FROM reject_errors"
            ).fetchall()
        self._rejected = {line for line, _, _ in rejected}
        self._faults += [(line, _REJECTED.get(type_, message)) for line, type_, message in rejected]
        texts = [[(text or "").strip() for text in column.to_pylist()] for column in table.columns]
        self.rows = [dict(zip(self.columns, row, strict=True)) for row in zip(*texts, strict=True)]

    def _lines(self) -> list[int]:
        """The line on which each row ends; DuckDB does not tell, and passes over empty lines."""
        with self.path.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
            reader = csv.reader(lines)
            ends = [reader.line_num for row in reader if row][1:]
        return [line for line in ends if line not in self._rejected]
