"""Reading clusters and truth from Parquet, CSV or JSONL files (also .gz)."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa

from linkage.errors import UnreadableFile

#: File endings and the SQL that reads them; text formats are read as text, so ids keep their leading zeros.
_READERS = {
    ".parquet": "select * from read_parquet($path)",
    ".csv": "select * from read_csv($path, all_varchar = true, header = true)",
    ".csv.gz": "select * from read_csv($path, all_varchar = true, header = true)",
    ".jsonl": "select * from read_json($path, format = 'newline_delimited')",
    ".jsonl.gz": "select * from read_json($path, format = 'newline_delimited')",
}


def read_table(path: Path) -> pa.Table:
    """The rows of the file; raises UnreadableFile where it is missing, of another format, or broken."""
    reader = next((sql for ending, sql in _READERS.items() if path.name.endswith(ending)), None)
    if reader is None:
        raise UnreadableFile(
            f"{path} is of no known format.", next_step=f"Give a file ending in {', '.join(_READERS)}."
        )
    if not path.is_file():
        raise UnreadableFile(f"{path} is not there.", next_step="Check the path.")
    try:
        with duckdb.connect() as connection:
            rows: pa.Table = connection.sql(reader, params={"path": str(path)}).to_arrow_table()
            return rows
    except duckdb.Error as error:
        raise UnreadableFile(
            f"{path} cannot be read.", details=[str(error).splitlines()[0]], next_step="Check that it is whole."
        ) from error
