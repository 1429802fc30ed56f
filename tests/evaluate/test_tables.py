"""Clusters and truth come as Parquet, CSV or JSONL."""

from __future__ import annotations

import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from linkage.errors import UnreadableFile
from linkage.evaluate import read_table

CSV = "account_id,actor_id\n007,x\n008,y\n"
JSONL = '{"account_id": "007", "actor_id": "x"}\n{"account_id": "008", "actor_id": "y"}\n'


def test_every_format_gives_the_same_rows(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(CSV)
    (tmp_path / "t.jsonl").write_text(JSONL)
    with gzip.open(tmp_path / "t.csv.gz", "wt") as file:
        file.write(CSV)
    with gzip.open(tmp_path / "t.jsonl.gz", "wt") as file:
        file.write(JSONL)
    pq.write_table(pa.table({"account_id": ["007", "008"], "actor_id": ["x", "y"]}), tmp_path / "t.parquet")
    for name in ("t.csv", "t.jsonl", "t.csv.gz", "t.jsonl.gz", "t.parquet"):
        rows = read_table(tmp_path / name).select(["account_id", "actor_id"]).to_pylist()
        assert rows == [{"account_id": "007", "actor_id": "x"}, {"account_id": "008", "actor_id": "y"}], name


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("t.xlsx", b"", "no known format"),
        ("missing.csv", None, "is not there"),
        ("t.parquet", b"not a parquet file", "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(tmp_path: Path, name: str, content: bytes | None, says: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UnreadableFile, match=says):
        read_table(tmp_path / name)
