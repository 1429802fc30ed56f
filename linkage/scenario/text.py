"""Columns of text from columns of numbers, without a Python loop over rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute

from linkage.scenario.draws import Flags, Whole, Word

#: A column; of text unless said otherwise.
Text: TypeAlias = "pa.Array[Any]"
#: Arrow's kernels are found at run time, so their types are not known before it.
_kernels: Any = pyarrow.compute

_HEX = np.frombuffer(b"".join(b"%02x" % byte for byte in range(256)), dtype=np.uint8).reshape(256, 2)
_BASE36 = np.frombuffer(b"0123456789abcdefghijklmnopqrstuvwxyz", dtype=np.uint8)


def hexed(words: Word, digits: int) -> Text:
    """The leading hexadecimal digits of each word, at most 16."""
    raw = np.ascontiguousarray(words.astype(">u8")).view(np.uint8).reshape(-1, 8)
    return _fixed(_HEX[raw].reshape(-1, 16)[:, :digits])


def base36(words: Word, digits: int) -> Text:
    """`digits` characters of base 36 of each word, at most 12."""
    left = words.copy()
    columns = np.empty((len(words), digits), dtype=np.uint8)
    for place in range(digits):
        left, rest = np.divmod(left, np.uint64(36))
        columns[:, place] = _BASE36[rest.astype(np.int64)]
    return _fixed(columns)


def decimals(numbers: Whole, digits: int) -> Text:
    """Numbers with leading zeros."""
    left = numbers.astype(np.int64)
    columns = np.empty((len(left), digits), dtype=np.uint8)
    for place in range(digits - 1, -1, -1):
        left, rest = np.divmod(left, 10)
        columns[:, place] = rest + ord("0")
    return _fixed(columns)


def _fixed(characters: npt.NDArray[np.uint8]) -> Text:
    """Rows of equally many ASCII characters."""
    rows, width = characters.shape
    offsets = np.arange(0, (rows + 1) * width, width, dtype=np.int32)
    return pa.StringArray.from_buffers(
        rows, pa.py_buffer(offsets.tobytes()), pa.py_buffer(np.ascontiguousarray(characters).tobytes())
    )


def serials(numbers: Whole) -> Text:
    """Numbers as text, nothing for zero."""
    return either(numbers > 0, pa.array(numbers).cast(pa.string()), "")


def pick(options: Sequence[str], index: Whole | Flags) -> Text:
    """The option at each index."""
    return pa.array(options, pa.string()).take(index.astype(np.int64))


def repeated(text: str, length: int) -> Text:
    """One text, so many times."""
    return pick([text], np.zeros(length, dtype=np.int64))


def nothing(length: int) -> Text:
    """Nulls."""
    column: Text = pa.nulls(length, pa.string())
    return column


def join(*parts: Text | str, by: str = "") -> Text:
    """Texts joined end to end, row by row."""
    joined: Text = _kernels.binary_join_element_wise(*parts, by)
    return joined


def either(flags: Flags, when: Text | str | None, otherwise: Text | str | None) -> Text:
    """One text or the other, row by row."""
    chosen: Text = _kernels.if_else(pa.array(flags), _scalar(when), _scalar(otherwise))
    return chosen


def _scalar(text: Text | str | None) -> Any:
    return pa.scalar(text, pa.string()) if text is None or isinstance(text, str) else text


def part(text: Text, start: int, stop: int) -> Text:
    """The characters from start to before stop."""
    cut: Text = _kernels.utf8_slice_codeunits(text, start, stop)
    return cut


def capitals(text: Text) -> Text:
    """In capitals."""
    raised: Text = _kernels.utf8_upper(text)
    return raised


def without_leading(text: Text, characters: str) -> Text:
    """Without these characters at the front."""
    trimmed: Text = _kernels.utf8_ltrim(text, characters=characters)
    return trimmed


def gathered(pieces: Sequence[tuple[Whole, Text]]) -> Text:
    """Texts made for parts of the rows, put back in the rows' order; each piece with its row numbers."""
    rows = np.concatenate([where for where, _ in pieces])
    return pa.concat_arrays([text for _, text in pieces]).take(np.argsort(rows, kind="stable"))
