"""Files → engine → files, without ledger, graph or server: for notebooks and nightly jobs."""

from __future__ import annotations

import json
import resource
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from linkage import ingest
from linkage.engine.facts import Facts
from linkage.engine.model import Model
from linkage.engine.reference import Reference
from linkage.engine.resolve import Resolution, resolve
from linkage.errors import UnreadableFile
from linkage.model.progress import Progress, silent


@dataclass(slots=True)
class Parts:
    """Normalised batches written to a folder, one Parquet file each, so that memory stays flat."""

    folder: Path
    files: dict[str, list[str]] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)

    def add(self, record: str, rows: pa.Table) -> None:
        if not rows.num_rows:
            return
        written = self.files.setdefault(record, [])
        path = self.folder / f"{record}-{len(written):05}.parquet"
        pq.write_table(rows, path, compression="zstd", compression_level=1)
        written.append(str(path))
        self.rows[record] = self.rows.get(record, 0) + rows.num_rows

    @property
    def facts(self) -> Facts:
        """What the engine takes of it."""
        named = ("observations", "accounts", "organisations", "usage", "decisions")
        return Facts(**{name: self.files.get(name, []) for name in named})


def read_parts(
    dataset: Path,
    folder: Path,
    *,
    mapping: ingest.Mapping | None = None,
    phone_region: str | None = None,
    progress: Progress = silent,
) -> Parts:
    """Read a data set, a folder or a single file, into normalised parts; raises UnreadableFile where it is empty."""
    parts = Parts(folder)
    for batch in ingest.read([dataset], mapping=mapping, phone_region=phone_region, progress=progress):
        parts.add(batch.record, batch.rows)
        parts.add("rejections", batch.rejections)
    if not parts.rows.get("observations") and not parts.rows.get("accounts"):
        raise UnreadableFile(
            f"{dataset} holds no accounts and no observations to resolve",
            next_step="Name a folder with the files of the load format, or give a --mapping.",
        )
    return parts


def resolve_files(
    dataset: Path,
    out: Path,
    *,
    model: Model,
    reference: Reference | None = None,
    mapping: ingest.Mapping | None = None,
    phone_region: str | None = None,
    memory_limit: str = "4GB",
    progress: Progress = silent,
) -> dict[str, Any]:
    """Resolve a data set into `out` and return what `resolution.json` says.

    Writes `clusters.parquet`, `evidence.parquet`, `identifiers.parquet`, `merges.parquet`, `resolution.json`, and,
    where there is something to say, `organisations.parquet` and `rejections.parquet`. Cluster ids are derived from the
    members: the same facts give the same ids.
    """
    started = time.perf_counter()
    out.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=".normalised-", dir=out))
    try:
        parts = read_parts(dataset, work, mapping=mapping, phone_region=phone_region, progress=progress)
        read = time.perf_counter() - started
        resolution = resolve(parts.facts, model, reference=reference, progress=progress, memory_limit=memory_limit)
        _write(resolution, parts, out)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    summary = {
        **resolution.summary,
        "rows": parts.rows,
        "read_seconds": round(read, 3),
        "total_seconds": round(time.perf_counter() - started, 3),
        "peak_memory_bytes": _peak_memory(),
    }
    (out / "resolution.json").write_text(json.dumps(summary, indent=2, default=str) + "\n")
    return summary


def _peak_memory() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


#: What is written → the SQL that makes it of the engine's tables. A cluster's id is made of its label.
_FILES = {
    "clusters": "SELECT subject_id AS account_id, 'c' || label AS cluster_id, size, confidence FROM memberships "
    "WHERE subject_type = 'account' ORDER BY account_id",
    "organisations": "SELECT subject_id AS organisation_id, 'c' || label AS cluster_id, size, confidence "
    "FROM memberships WHERE subject_type = 'organisation' ORDER BY organisation_id",
    "evidence": "SELECT 'c' || label AS cluster_id, * EXCLUDE (label) FROM evidence",
    "identifiers": "SELECT * FROM identifiers",
    "merges": "SELECT 'c' || label AS cluster_id, * EXCLUDE (label) FROM merges",
}
#: Files that are left out where they would hold nothing.
_OPTIONAL = frozenset({"organisations"})


def _write(resolution: Resolution, parts: Parts, out: Path) -> None:
    with duckdb.connect() as connection:
        for name in ("memberships", "evidence", "identifiers", "merges"):
            connection.register(name, getattr(resolution, name))
        for name, sql in _FILES.items():
            path = out / f"{name}.parquet"
            target = str(path).replace("'", "''")
            connection.execute(f"COPY ({sql}) TO '{target}' (FORMAT parquet)")
            if name in _OPTIONAL and not pq.read_metadata(path).num_rows:
                path.unlink()
    rejected = [pq.read_table(path) for path in parts.files.get("rejections", [])]
    (out / "rejections.parquet").unlink(missing_ok=True)
    if rejected:
        pq.write_table(pa.concat_tables(rejected), out / "rejections.parquet")
