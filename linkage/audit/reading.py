"""The records as they stand, oldest first or newest first; whether they are as they were written, `checking` tells."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from linkage.audit.log import AuditLog

BLOCK = 2**16


def records(log: AuditLog) -> Iterator[tuple[str, dict[str, Any]]]:
    """Lines and records, oldest first; a line that is no record is left out."""
    for path in log.files():
        with path.open("rb") as file:
            yield from _read(file)


def newest_first(log: AuditLog) -> Iterator[dict[str, Any]]:
    """Records, newest first."""
    for path in reversed(log.files()):
        for _, record in _read(_backwards(path)):
            yield record


def is_of(record: dict[str, Any], *, caller: str | None, about: str | None) -> bool:
    """Whether a record is of a caller, and showed something."""
    shown = record.get("ids") or {}
    return (caller is None or record.get("caller") == caller) and (
        about is None or any(about in ids for ids in shown.values())
    )


def _read(lines: Iterator[bytes]) -> Iterator[tuple[str, dict[str, Any]]]:
    for line in lines:
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict):
            yield line.decode().rstrip("\n"), record


def _backwards(path: Path) -> Iterator[bytes]:
    """The lines of a file, the last one first."""
    with path.open("rb") as file:
        end, tail = file.seek(0, 2), b""
        while end > 0:
            begin = max(0, end - BLOCK)
            file.seek(begin)
            first, *whole = (file.read(end - begin) + tail).split(b"\n")
            yield from reversed([line for line in whole if line])
            end, tail = begin, first
        if tail:
            yield tail
