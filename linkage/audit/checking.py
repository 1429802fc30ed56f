"""Finds what was done to the audit: records changed, removed, reordered or inserted, and an end that was cut off."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from linkage.audit.chain import Link
from linkage.audit.log import AuditLog


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found; no faults: every record stands as it was written."""

    records: int
    end: Link
    faults: tuple[str, ...]


#: So many faults are told; after that one knows.
MOST_FAULTS = 20


def verify(log: AuditLog, *, must_hold: Link | None = None) -> Checked:
    """Check every record and the head; `must_hold`: a place that somebody wrote down elsewhere.

    What a whole copy of an earlier state was put in the place of holds in itself: only such a place tells.
    """
    faults: list[str] = []
    link, records, held = Link(), 0, must_hold in (None, Link())
    broken = False
    for path, number, line in _numbered(log):
        records += 1
        if not line.endswith(b"\n") and _is_last(log, path):
            faults.append(f"{path.name}, line {number}: the record is cut off")
            break
        after = log.chain.follows(line.removesuffix(b"\n"), link)
        if after is None:
            if not broken:
                faults.append(
                    f"{path.name}, line {number}: this is not what was written after record {link.count}: "
                    "it, or what stood before it, was changed, removed, moved or put in"
                )
            broken = True
            # Go on from what the line itself says, to find where the chain holds again.
            after = _as_it_says(line) or link
        else:
            broken = False
        held = held or after == must_hold
        link = after
        if len(faults) >= MOST_FAULTS:
            break
    faults += _head_faults(log, link, records)
    if not held and must_hold is not None:
        faults.append(f"record {must_hold.count} is not the one that was written down elsewhere")
    return Checked(records, link, tuple(faults))


def _head_faults(log: AuditLog, end: Link, records: int) -> list[str]:
    head = log.head()
    if head is None:
        missing = not log.head_file.exists()
        return [] if missing and not records else [f"{log.head_file.name} is {'missing' if missing else 'changed'}"]
    if head.count > end.count:
        return [f"the end is cut off: {head.count:,} records were written, {end.count:,} are there"]
    if head.count == end.count and head.mac != end.mac:
        return [f"the last record is not the one that {log.head_file.name} names"]
    return []


def _as_it_says(line: bytes) -> Link | None:
    seal = line.rstrip(b"\n").rpartition(b',"mac":"')
    number = line.removeprefix(b'{"n":').partition(b",")[0]
    mac = seal[2].removesuffix(b'"}')
    return Link(int(number), mac.decode(errors="replace")) if number.isdigit() and len(number) < 16 else None


def _is_last(log: AuditLog, path: Path) -> bool:
    return path == log.files()[-1]


def _numbered(log: AuditLog) -> Iterator[tuple[Path, int, bytes]]:
    for path in log.files():
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                yield path, number, line
