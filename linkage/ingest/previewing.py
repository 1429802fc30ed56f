"""A mapping (or none) tried on files without loading anything: the first rows of each, and what becomes of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from linkage.errors import BadMapping
from linkage.ingest.mapping import Mapping
from linkage.ingest.reading import batches
from linkage.ingest.sources import mapping_for, plan

_REASONS = 5


@dataclass(frozen=True, slots=True)
class Preview:
    """What the first rows of a file make: `records` by name, `rejected` rows, and the commonest reasons for them."""

    file: str
    records: dict[str, int]
    rejected: int
    reasons: tuple[str, ...]

    def told(self) -> str:
        """The preview in a sentence."""
        made = ", ".join(f"{count:,} {name}" for name, count in self.records.items()) or "nothing"
        reasons = f", {self.rejected:,} rejected ({'; '.join(self.reasons)})" if self.rejected else ""
        return f"its first rows make {made}{reasons}"

    def as_dict(self) -> dict[str, Any]:
        """The preview for a script."""
        return asdict(self)


def preview(path: str | Path, mapping: Mapping | None, *, phone_region: str | None = None) -> list[Preview]:
    """Try a mapping on a file or folder; raise where a column or a file that the mapping names is missing."""
    found = plan([path], mapping)
    mapped = [mapping_for(source.path, mapping) for source in found.sources]
    unused = [file.name for file in (mapping.file if mapping else ()) if file not in mapped]
    if unused:
        raise BadMapping(
            f"{path} has no file called {' or '.join(unused)}",
            next_step="Mend the name in [[file]]; * stands for anything.",
        )
    return [
        _preview(
            str(source.path),
            [batch for batch, _position in islice(batches(source, mapping, phone_region), len(source.shapes))],
        )
        for source in found.sources
    ]


def _preview(file: str, first: list[Any]) -> Preview:
    records: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    for batch in first:
        records[batch.record] += batch.rows.num_rows
        reasons.update(batch.rejections["reason"].to_pylist())
    commonest = tuple(reason for reason, _count in reasons.most_common(_REASONS))
    return Preview(file, dict(records), reasons.total(), commonest)
