"""What a resolution found that waits for a person, in a folder beside the ledger until somebody decided."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow.parquet as pq

from linkage.engine.resolve import Resolution
from linkage.errors import Conflict
from linkage.service.difference import Found

TABLES = ("memberships", "evidence", "merges", "identifiers", "weakest")
ANEW = "Resolve anew: `linkage resolve`, or the mutation `startResolution`."


@dataclass(frozen=True, slots=True)
class WaitingRoom:
    """The folder of what waits, one sub-folder a resolution."""

    folder: Path

    def keep(self, found: Found) -> None:
        """Write down what was found, whole or not at all."""
        self.folder.mkdir(parents=True, exist_ok=True)
        draft = self.folder / f".{found.resolution_id}"
        draft.mkdir()
        for name in TABLES:
            pq.write_table(getattr(found.resolution, name), draft / f"{name}.parquet", compression="zstd")
        about = {
            "started_at": found.started_at.isoformat(),
            "finished_at": found.finished_at.isoformat(),
            "model_version": found.model_version,
            "versions": found.versions,
            "summary": found.resolution.summary,
        }
        (draft / "found.json").write_text(json.dumps(about, default=str))
        draft.rename(self.folder / found.resolution_id)

    def take(self, resolution_id: str) -> Found:
        """What was found; raise `Conflict` where it is not kept here."""
        folder = self.folder / resolution_id
        try:
            about = json.loads((folder / "found.json").read_text())
            tables = {name: pq.read_table(folder / f"{name}.parquet") for name in TABLES}
        except FileNotFoundError as error:
            raise Conflict(
                f"what resolution {resolution_id} found is not kept in {self.folder}", next_step=ANEW
            ) from error
        return Found(
            resolution_id=resolution_id,
            started_at=datetime.fromisoformat(about["started_at"]),
            finished_at=datetime.fromisoformat(about["finished_at"]),
            model_version=about["model_version"],
            versions=about["versions"],
            resolution=Resolution(**tables, summary=about["summary"]),
        )

    def keep_only(self, resolution_ids: set[str]) -> None:
        """Forget all but these, and what a killed process left half written."""
        for folder in self.folder.glob("*"):
            if folder.name not in resolution_ids:
                shutil.rmtree(folder, ignore_errors=True)

    def drop(self, resolution_id: str) -> None:
        """Forget what was found."""
        shutil.rmtree(self.folder / resolution_id, ignore_errors=True)
