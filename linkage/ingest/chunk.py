"""What readers hand over: some rows of a file as columns, where each stood, and the lines that were no rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from linkage.ingest.arrow import Array


@dataclass(frozen=True, slots=True)
class BrokenLine:
    """A line that could not be read as a row; `text` as far as it can be shown."""

    line: int
    code: str
    reason: str
    text: str


@dataclass(frozen=True, slots=True)
class Chunk:
    """Rows of one file: columns as text (Parquet: as typed), `lines` the line (Parquet: the row) of each, from 1.

    `nested` tells by column which rows hold an object or a list where a single value should stand;
    columns in `json` hold JSON text. `position`: how many bytes of the file are read with it.
    """

    rows: pa.Table
    lines: Array
    broken: Sequence[BrokenLine] = ()
    nested: Mapping[str, Sequence[int]] = field(default_factory=dict)
    json: frozenset[str] = frozenset()
    position: int = 0
