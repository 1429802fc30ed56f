"""An object store as DuckDB takes file systems: reads go through the storage that the ledger writes with.

DuckDB's own way (`httpfs`) is an extension that it downloads when first used and that wants the credentials a second
time. This one needs neither.
"""

from __future__ import annotations

from typing import Any

from deltalake.fs import DeltaStorageHandler
from fsspec.implementations.arrow import ArrowFSWrapper
from pyarrow import fs


def store_files(url: str) -> ArrowFSWrapper:
    """The files of the bucket in which a URL lies, by their full URLs."""
    scheme, _, rest = url.partition("://")
    bucket = rest.partition("/")[0]

    class StoreFiles(ArrowFSWrapper):  # type: ignore[misc]
        protocol = scheme
        cachable = False

        @classmethod
        def _strip_protocol(cls, path: Any) -> Any:
            """The key within the bucket."""
            if isinstance(path, list):
                return [cls._strip_protocol(part) for part in path]
            return path.removeprefix(f"{scheme}://").removeprefix(f"{bucket}/").strip("/")

        def glob(self, path: str, **options: Any) -> list[str]:
            """Keys with their bucket: DuckDB puts the scheme before them and asks again."""
            return [f"{bucket}/{key}" for key in super().glob(path, **options)]

    return StoreFiles(fs.PyFileSystem(DeltaStorageHandler(f"{scheme}://{bucket}/")))
