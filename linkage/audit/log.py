"""Files of records that only grow, `DATA/audit/000001.jsonl` and so on, and the head, `DATA/audit-head`.

A write appends lines, makes them durable, and only then moves the head on, so the head never promises what a power cut
can take. What lies beyond the head was being written when a process died: whole lines that follow are taken up by the
next write, anything else there was never acknowledged and is cut off. What lies before the head is never touched, right
or wrong: `checking` tells. Processes write one at a time, under a lock.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from linkage.audit.chain import Chain, Link
from linkage.audit.record import Record
from linkage.errors import AuditUnavailable
from linkage.graph.locks import exclusive
from linkage.model.identifier import opaque_id
from linkage.model.secret import derived_key
from linkage.model.subject import SubjectType

#: A file is not begun anew before it has so many bytes.
LARGEST = 64 * 2**20
NEXT_STEP = (
    "Free space or mend the permissions of its folder; nothing that must be accounted for is answered meanwhile."
)


class AuditLog:
    """The audit of one project."""

    def __init__(self, data: Path, secret: bytes, *, largest: int = LARGEST) -> None:
        self.folder = data / "audit"
        self.head_file = data / "audit-head"
        self.chain = Chain(secret)
        self._names = derived_key(secret, "linkage audit subjects")
        self._lock = data / "audit.lock"
        self._largest = largest
        #: where this process left off: file, its size, the place in the chain
        self._left: tuple[Path, int, Link] | None = None

    def name_of(self, shown: str) -> str:
        """What stands in the records for `account:ID` or `organisation:ID`: a keyed hash of it, so that a subject who
        is erased is in no record by name, and those about it are still found. Anything else stands as it is."""
        type_, colon, _ = shown.partition(":")
        return (
            f"{type_}:{opaque_id(shown, self._names)}" if colon and type_ in SubjectType.__members__.values() else shown
        )

    def files(self) -> list[Path]:
        """The files of records, oldest first."""
        return sorted(self.folder.glob("[0-9]*.jsonl"))

    def head(self) -> Link | None:
        """The place that the head names; None where there is no head, or one that we did not write."""
        try:
            return self.chain.read_head(self.head_file.read_bytes())
        except FileNotFoundError:
            return None

    def append(self, records: Sequence[Record]) -> Link:
        """Write records down; they are on disk when this returns. Raises `AuditUnavailable`."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with exclusive(self._lock):
                return self._append(records)
        except OSError as error:
            self._left = None
            raise AuditUnavailable(
                f"the audit in {self.folder} cannot be written: {error.strerror}", next_step=NEXT_STEP
            ) from error

    def _append(self, records: Sequence[Record]) -> Link:
        path, link = self._end()
        lines: list[bytes] = []
        for record in records:
            line, link = self.chain.seal(record.body(link.count + 1, self.name_of), link)
            lines.append(line)
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "ab") as file:
            file.write(b"".join(lines))
            file.flush()
            os.fsync(file.fileno())
            size = file.tell()
        if self._left is None or self._left[0] != path:
            _make_durable(path.parent)
        self._write_head(link)
        self._left = (path, size, link)
        return link

    def _end(self) -> tuple[Path, Link]:
        """The file to write to and the place to go on from, whoever wrote last."""
        files = self.files()
        last = files[-1] if files else self.folder / "000001.jsonl"
        size = last.stat().st_size if files else 0
        if self._left is not None and self._left[:2] == (last, size):
            link = self._left[2]
        else:
            link = self._recovered(files)
            size = last.stat().st_size if files else 0
        if size >= self._largest:
            last = self.folder / f"{int(last.stem) + 1:06}.jsonl"
        return last, link

    def _recovered(self, files: Sequence[Path]) -> Link:
        """The place of the last line that was written whole; cuts off what a dying process left after it."""
        head = self.head() or Link()
        if not files or _ends_at(files[-1], head):
            return head
        lines = files[-1].read_bytes().splitlines(keepends=True)
        # A head that names a line of the file before stands at the beginning of this one.
        known = next((at for at, line in enumerate(lines, 1) if line.endswith(_seal(head))), 0)
        link = head
        for line in lines[known:]:
            after = self.chain.follows(line.removesuffix(b"\n"), link) if line.endswith(b"\n") else None
            if after is None:
                break
            link, known = after, known + 1
        rest = b"".join(lines[known:])
        if rest and b"\n" not in rest:
            os.truncate(files[-1], sum(map(len, lines[:known])))
        return link

    def _write_head(self, link: Link) -> None:
        draft = self.head_file.with_suffix(".draft")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(self.chain.write_head(link))
            file.flush()
            os.fsync(file.fileno())
        # A head that a power cut leaves behind is taken on from by the next write: its folder need not be synced.
        draft.replace(self.head_file)


def _seal(link: Link) -> bytes:
    """How the line of a place ends."""
    return b',"mac":"' + link.mac.encode() + b'"}\n'


def _ends_at(path: Path, link: Link) -> bool:
    """Whether a file's last line is the one of that place."""
    seal = _seal(link)
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - len(seal)))
        return file.read() == seal


def _make_durable(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
