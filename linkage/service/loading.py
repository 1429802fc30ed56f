"""Files → ledger. What is accepted is on disk when this returns; what is refused is kept with its place and reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from linkage import ingest
from linkage.ledger import Ledger
from linkage.model.progress import Progress, silent


@dataclass(slots=True)
class Loaded:
    """What became of the rows of one file, for one kind of record."""

    file: str
    record: str
    accepted: int = 0
    duplicate: int = 0
    rejected: int = 0


@dataclass(slots=True)
class LoadSummary:
    """What became of all files; `unknown_kinds` are kinds of identifiers that we have no rules for."""

    loaded: dict[tuple[str, str], Loaded] = field(default_factory=dict)
    unknown_kinds: set[str] = field(default_factory=set)

    def of(self, file: str, record: str) -> Loaded:
        """The line of that file and record."""
        return self.loaded.setdefault((file, record), Loaded(file, record))

    @property
    def accepted(self) -> int:
        """Rows that were new."""
        return sum(line.accepted for line in self.loaded.values())

    @property
    def rejected(self) -> int:
        """Rows that were refused."""
        return sum(line.rejected for line in self.loaded.values())


def load(
    ledger: Ledger,
    paths: Sequence[Path],
    *,
    mapping: ingest.Mapping | None = None,
    phone_region: str | None = None,
    progress: Progress = silent,
) -> LoadSummary:
    """Append every record of the files to the ledger; loading the same files again changes nothing.

    Each batch carries the hash of its content as its id, so a load that was killed can simply be started again.
    """
    summary = LoadSummary()
    for batch in ingest.read(paths, mapping=mapping, phone_region=phone_region, progress=progress):
        line = summary.of(batch.file, batch.record)
        appended = ledger.append(batch.record, batch.rows, batch_id=batch.batch_id)
        line.accepted += appended.accepted
        line.duplicate += batch.rows.num_rows - appended.accepted
        line.rejected += batch.rejections.num_rows
        if batch.rejections.num_rows:
            ledger.append("rejections", batch.rejections, batch_id=f"{batch.batch_id}:rejections")
        summary.unknown_kinds |= set(batch.unknown_kinds)
    return summary
