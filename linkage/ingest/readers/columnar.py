"""Parquet: typed columns in batches of rows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from linkage.errors import UnreadableFile
from linkage.ingest.chunk import BrokenLine, Chunk

ROWS = 400_000


def schema_of(path: Path) -> pa.Schema:
    """The columns of a file; raise `UnreadableFile` where it is no Parquet."""
    try:
        return parquet.read_schema(path)
    except (pa.ArrowException, OSError) as error:
        raise UnreadableFile(
            f"{path} is no readable Parquet file: {str(error).splitlines()[0]}",
            next_step="Write the file anew; a copy that broke off leaves no footer.",
        ) from error


def read(path: Path, *, rows: int = ROWS) -> Iterator[Chunk]:
    """Read a Parquet file in chunks of `rows`; a damaged row group ends the file with a broken line."""
    done, size = 0, path.stat().st_size
    with parquet.ParquetFile(path, pre_buffer=False) as file:
        total = max(file.metadata.num_rows, 1)
        batches = file.iter_batches(batch_size=rows)
        while True:
            try:
                batch = next(batches, None)
            except (pa.ArrowException, OSError) as error:
                reason = f"the file breaks off: {str(error).splitlines()[0]}"
                fault = BrokenLine(done + 1, "TRUNCATED_FILE", reason, "")
                yield Chunk(pa.table({}), pa.array([], pa.int64()), (fault,))
                return
            if batch is None:
                return
            lines = pa.array(np.arange(done + 1, done + batch.num_rows + 1))
            done += batch.num_rows
            yield Chunk(pa.Table.from_batches([batch]), lines, position=size * done // total)
