"""SQL texts that read the ledger's Parquet files in DuckDB."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import pyarrow as pa

_TYPES = {pa.string(): "VARCHAR", pa.int64(): "BIGINT", pa.float64(): "DOUBLE", pa.bool_(): "BOOLEAN"}


def quoted(name: str) -> str:
    """A name as SQL takes it whatever it holds; `left` and `column` are columns of ours."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def columns(names: Iterable[str], of: str | None = None) -> str:
    """A list of columns, of one relation where it is named."""
    prefix = f"{of}." if of else ""
    return ", ".join(prefix + quoted(name) for name in names)


def read_files(paths: Sequence[str]) -> str:
    """A relation over files with these exact paths; folders such as `a=b` or `x[1]` mean nothing special."""
    exact = (literal(re.sub(r"[*?\[]", r"[\g<0>]", path)) for path in paths)
    return f"read_parquet([{', '.join(exact)}], hive_partitioning = false)"


def read_nothing(schema: pa.Schema) -> str:
    """A relation with the columns of the schema and no rows."""
    empty = ", ".join(f"NULL::{_TYPES.get(field.type, 'TIMESTAMPTZ')} AS {quoted(field.name)}" for field in schema)
    return f"(SELECT {empty} WHERE false)"
