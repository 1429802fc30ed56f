"""Rows as the ledger may keep them where kinds are hashed: no value of such a kind in clear, in whatever column."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa

from linkage.ingest.arrow import Array, one_array, pc, texts
from linkage.normalise import canonical_name
from linkage.normalise.hashing import Hashing

#: Columns of an organisation's record that count as identifiers, and their kinds.
_RECORD = {"name": "organisation_name", "domain": "domain", "registration_number": "registration_number"}


def protected(hashing: Hashing, table: str, rows: pa.Table) -> pa.Table:
    """Rows of a table of the ledger, in its columns, with hashes in the place of values."""
    change = _TABLES.get(table)
    return change(hashing, rows) if change is not None and hashing.kinds and rows.num_rows else rows


def _observed(hashing: Hashing, rows: pa.Table) -> pa.Table:
    values = one_array(rows["value"])
    for kind in sorted(hashing.kinds):
        here = pc.fill_null(pc.equal(one_array(rows["kind"]), kind), False)
        values = pc.if_else(here, _hashed(hashing, kind, values, here), values)
    kept = pc.is_in(rows["kind"], value_set=pa.array(sorted(hashing.kinds)))
    raw = pc.if_else(one_array(kept), pa.scalar(None, pa.string()), one_array(rows["raw"]))
    return _with(rows, {"value": values, "raw": raw})


def _hashed(hashing: Hashing, kind: str, values: Array, here: Array) -> Array:
    """The values as hashes where they are of the kind, nothing elsewhere."""
    coded = pc.if_else(here, values, pa.scalar(None, pa.string())).dictionary_encode()
    made = texts([hashing.value(kind, text) for text in coded.dictionary.to_pylist()])
    return made.take(coded.indices)


def _recorded(hashing: Hashing, rows: pa.Table) -> pa.Table:
    columns = {
        column: texts([None if text is None else hashing.value(kind, text) for text in rows[column].to_pylist()])
        for column, kind in _RECORD.items()
        if kind in hashing.kinds
    }
    return _with(rows, columns)


def _rejected(hashing: Hashing, rows: pa.Table) -> pa.Table:
    kept = zip(*(rows[name].to_pylist() for name in ("raw", "mapping")), strict=True)
    return _with(rows, {"raw": texts([_shown(hashing, raw, mapping) for raw, mapping in kept])})


def _shown(hashing: Hashing, raw: str | None, mapping: str | None) -> str | None:
    """A rejected row without what may be a value of such a kind; it cannot be tried again then.

    In a table of a shape of its own, and in a line that was no row, it may stand anywhere.
    """
    if not raw:
        return raw
    cells = json.loads(raw)
    if mapping or "" in cells:
        return json.dumps({name: _cut(cell) for name, cell in cells.items()}, ensure_ascii=False)
    hidden = _hidden_columns(hashing, cells)
    return json.dumps(
        {name: _cut(cell) if name in hidden else cell for name, cell in cells.items()}, ensure_ascii=False
    )


def _hidden_columns(hashing: Hashing, cells: Mapping[str, Any]) -> set[str]:
    hidden = {column for column, kind in _RECORD.items() if kind in hashing.kinds}
    if "value" in cells:
        # A kind that cannot be read may have been meant to be one of them.
        kind = canonical_name(str(cells.get("kind", "")))
        if kind is None or kind in hashing.kinds:
            hidden.add("value")
    return hidden


def _cut(cell: object) -> str:
    return f"… ({len(str(cell)):,} characters)"


def _with(rows: pa.Table, columns: Mapping[str, Array]) -> pa.Table:
    for name, values in columns.items():
        rows = rows.set_column(rows.schema.get_field_index(name), rows.schema.field(name), values)
    return rows


_TABLES: dict[str, Callable[[Hashing, pa.Table], pa.Table]] = {
    "observations": _observed,
    "withdrawals": _observed,
    "organisations": _recorded,
    "rejections": _rejected,
}
