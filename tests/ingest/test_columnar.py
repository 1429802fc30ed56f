"""Parquet."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from linkage.errors import UnreadableFile
from linkage.ingest.readers import columnar


def test_rows_come_in_batches_with_their_numbers(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"n": list(range(10))}), path)
    chunks = list(columnar.read(path, rows=4))
    assert [chunk.lines.to_pylist() for chunk in chunks] == [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10]]
    assert chunks[-1].position == path.stat().st_size


def test_a_file_that_is_no_parquet_is_an_error_with_its_name(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    path.write_bytes(b"PAR1 nothing PAR1")
    with pytest.raises(UnreadableFile, match=r"t\.parquet is no readable Parquet file"):
        columnar.schema_of(path)


def test_a_damaged_page_ends_the_file_with_a_broken_line(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"n": [str(n) * 5 for n in range(10_000)]}), path, use_dictionary=False)
    content = bytearray(path.read_bytes())
    content[100:5_000] = b"\xff" * 4_900
    path.write_bytes(bytes(content))
    (chunk,) = columnar.read(path)
    assert [(line.line, line.code) for line in chunk.broken] == [(1, "TRUNCATED_FILE")]
