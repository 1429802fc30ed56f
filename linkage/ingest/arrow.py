"""Arrow's compute functions and column type, as this stage works with them.

The published type stubs tell arrays of every type apart, by overloads that do not fit columns whose type is known only
when a file is read; so columns and the functions over them are taken untyped here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute

pc: Any = pyarrow.compute

#: One column of a chunk (a `pyarrow.Array` of whatever type the file has).
Array: TypeAlias = Any
#: Places of rows in a chunk.
Rows = npt.NDArray[np.int64]

NO_TEXT: Any = pa.scalar(None, pa.string())


def rows_where(mask: Array) -> Rows:
    """The places where a mask is true."""
    found: Rows = pc.indices_nonzero(pc.fill_null(mask, False)).to_numpy().astype(np.int64)
    return found


def at(column: Array, rows: Rows) -> Array:
    """The cells of a column (or the rows of a table) at these places."""
    return column.take(pa.array(rows, pa.int64()))


def mask_of(rows: Rows, length: int) -> Array:
    """A mask that is true at these places."""
    mask = np.zeros(length, np.bool_)
    mask[rows] = True
    return pa.array(mask)


def texts(cells: Iterable[str | None]) -> Array:
    """A column of texts."""
    return pa.array(list(cells), pa.string())


def one_array(column: Any) -> Array:
    """A column as one array, whether it comes in pieces or not."""
    if not isinstance(column, pa.ChunkedArray):
        return column
    if column.num_chunks == 1:
        return column.chunk(0)
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
