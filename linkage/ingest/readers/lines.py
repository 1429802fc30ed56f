"""Blocks of whole lines out of a byte stream, in bounded memory, whatever the bytes are."""

from __future__ import annotations

import codecs
import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

BLOCK = 1 << 25
#: A line longer than this is no line; it is skipped without being kept in memory.
LONGEST_LINE = 1 << 26
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


@dataclass(frozen=True, slots=True)
class Block:
    """Whole lines and the number of the first.

    `fault`: what cut the stream short after them. `position`: how far into the file (packed, if it is) they reach.
    """

    data: bytes
    first_line: int
    last: bool
    position: int
    fault: str | None = None


@dataclass(slots=True)
class Stream:
    """A file's bytes, unpacked where they are packed; `fault` once it has broken off."""

    file: IO[bytes]
    unpacked: IO[bytes] | gzip.GzipFile
    fault: str | None = None

    def read(self, size: int) -> bytes:
        """At most `size` bytes, all that can be had of a stream that breaks off; nothing at its end."""
        pieces: list[bytes] = []
        while size > 0:
            try:
                piece = self.unpacked.read1(size)  # type: ignore[union-attr]
            except (EOFError, OSError, zlib.error) as error:
                self.fault = f"the file breaks off: {error}"
                break
            if not piece:
                break
            pieces.append(piece)
            size -= len(piece)
        return b"".join(pieces)


@contextmanager
def open_bytes(path: Path) -> Iterator[Stream]:
    """Open a file, unpacked where it is gzip (known by its first bytes, since names lie)."""
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        if not packed:
            yield Stream(file, file)
            return
        with gzip.GzipFile(fileobj=file) as unpacked:
            yield Stream(file, unpacked)


def blocks(stream: Stream, *, encoding: str | None = None, size: int = BLOCK) -> Iterator[Block]:
    """Cut a stream into blocks that end at a line's end; UTF-16 and a named encoding become UTF-8.

    A stream that breaks off (a truncated gzip) gives what came before, with the fault in its last block.
    """
    first_line, rest, started = 1, b"", False
    decode = _decoder(encoding)
    lone_returns = False
    while piece := stream.read(size):
        if not started:
            piece, decode = _without_mark(piece, decode)
        if decode is not None:
            piece = decode.decode(piece).encode()
        if not started:
            lone_returns = b"\r" in piece and b"\n" not in piece
        started = True
        rest += piece.replace(b"\r", b"\n") if lone_returns else piece
        cut = rest.rfind(b"\n") + 1
        if cut:
            yield Block(rest[:cut], first_line, last=False, position=stream.file.tell())
            first_line += rest.count(b"\n", 0, cut)
            rest = rest[cut:]
        elif len(rest) > LONGEST_LINE:
            rest = rest[: LONGEST_LINE + 1]  # too long to be taken in any case: it need not grow
    yield Block(rest, first_line, last=True, position=stream.file.tell(), fault=stream.fault)


def _decoder(encoding: str | None) -> codecs.IncrementalDecoder | None:
    if encoding is None or codecs.lookup(encoding).name in {"utf-8", "ascii"}:
        return None
    return codecs.getincrementaldecoder(encoding)(errors="replace")


def _without_mark(
    piece: bytes, decode: codecs.IncrementalDecoder | None
) -> tuple[bytes, codecs.IncrementalDecoder | None]:
    for mark, encoding in _MARKS:
        if piece.startswith(mark):
            return piece[len(mark) :], decode if encoding == "utf-8" else _decoder(encoding)
    return piece, decode


def shown(line: bytes, longest: int = 2_000) -> str:
    """A broken line as far as it can be shown: bytes that are no UTF-8 as `\\xNN`, a long one cut."""
    text = line[:longest].decode("utf-8", "backslashreplace")
    return text if len(line) <= longest else f"{text}… ({len(line):,} bytes)"
