"""Where a ledger lies, and what its storage's failures mean to a person.

A ledger is a folder or an object-store URL with one Delta table a sub-folder. Data files are written and read
through one filesystem object either way, so that nothing else asks which of the two it is. What a commit rests on
is forced to disk on a local folder; an object store does that itself.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from urllib.parse import unquote, urlparse

import duckdb
import pyarrow as pa
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
from deltalake.fs import DeltaStorageHandler
from pyarrow import fs

from linkage.errors import LedgerDamaged, LedgerUnavailable

LOG = "_delta_log"
#: The file that writers of a local ledger lock while they are at work.
WRITERS = "writers.lock"

#: What the storage says → what it means and what to do. First match wins; looked for in lower case.
_FAULTS: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (
        ("no space left", "os error 28", "disk quota", "os error 122", "file too large", "os error 27"),
        "the ledger's disk is full, or the most that may be written there is reached",
        "Free some space and try again; nothing of this batch was taken, what was accepted before is safe.",
    ),
    (
        (
            "permission denied",
            "os error 13",
            "access denied",
            "accessdenied",
            "403 forbidden",
            "operation not permitted",
        ),
        "the ledger's storage refuses access",
        "Let the user that runs linkage read and write the ledger's folder (or mend the store's credentials).",
    ),
    (
        ("read-only file system", "os error 30"),
        "the ledger's storage is read-only",
        "Mount it writable, or point LINKAGE_DATA somewhere else.",
    ),
    (
        ("not a directory", "os error 20", "file exists", "os error 17"),
        "the ledger's folder is not a folder",
        "Move the file that stands in its place, or point LINKAGE_DATA somewhere else.",
    ),
)

#: What readers of Parquet say of a broken file, through whatever exception.
_BROKEN = ("thrift", "magic bytes", "parquet", "corrupt", "checksum", "deserialize")
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_TELLING_LINES = 4
_LOG_ENTRY = re.compile(r"\d{20}\.json")


class Place:
    """A ledger's folder or URL."""

    def __init__(self, url: str) -> None:
        parsed = urlparse(url)
        if parsed.scheme == "file":
            url = unquote(parsed.path)
        self.local = "://" not in url
        self.url = str(Path(url).absolute()) if self.local else url.rstrip("/")

    def attach(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Let DuckDB read the files of an object store through the same storage, credentials and all, as we do."""
        scheme = self.url.partition("://")[0]
        if self.local or connection.filesystem_is_registered(scheme):
            return
        from linkage.ledger.store import store_files  # noqa: PLC0415 - local ledgers do without

        connection.register_filesystem(store_files(self.url))

    def writing(self) -> AbstractContextManager[None]:
        """Held by whoever writes files that no commit names yet; any number at once."""
        return self._locked(fcntl.LOCK_SH)

    def alone(self) -> AbstractContextManager[None]:
        """Held by whoever removes such files; waits for those who write. An object store knows no such lock."""
        return self._locked(fcntl.LOCK_EX)

    @contextmanager
    def _locked(self, how: int) -> Iterator[None]:
        if not self.local:
            yield
            return
        with storage_errors(f"writing to {self.url}"):
            Path(self.url).mkdir(parents=True, exist_ok=True)
            descriptor = os.open(Path(self.url, WRITERS), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, how)
            yield
        finally:
            os.close(descriptor)

    def table(self, name: str) -> TablePlace:
        """The place of one table."""
        return TablePlace(f"{self.url}/{name}", self.local)

    def __str__(self) -> str:
        return self.url


class TablePlace:
    """The folder of one Delta table: its files by their relative paths."""

    def __init__(self, url: str, local: bool) -> None:
        self.url = url
        self.local = local
        self._files: fs.FileSystem | None = None

    @property
    def files(self) -> fs.FileSystem:
        """The filesystem whose root is the table's folder."""
        if self._files is None:
            if self.local:
                self._files = fs.SubTreeFileSystem(self.url, fs.LocalFileSystem())
            else:
                self._files = fs.PyFileSystem(DeltaStorageHandler(self.url))
        return self._files

    def full(self, path: str) -> str:
        """The path or URL that other readers of Parquet know the file by."""
        return f"{self.url}/{path}"

    def make(self) -> None:
        """Make the folder (an object store has none)."""
        if self.local:
            Path(self.full(LOG)).mkdir(parents=True, exist_ok=True)

    def read(self, path: str) -> bytes:
        """The content of a small file; `FileNotFoundError` where there is none."""
        if self.local:
            return Path(self.full(path)).read_bytes()
        with self.files.open_input_file(path) as file:
            return bytes(file.read())

    def size(self, path: str) -> int | None:
        """The size of a file in bytes; None where there is none."""
        info = self.files.get_file_info(path)
        return info.size if info.type == fs.FileType.File else None

    def has(self, path: str) -> bool:
        """Whether a file is there."""
        return Path(self.full(path)).exists() if self.local else self.size(path) is not None

    def has_files(self) -> bool:
        """Whether any data file lies in the folder."""
        try:
            found = self.files.get_file_info(fs.FileSelector("", allow_not_found=True))
        except TableNotFoundError:
            return False
        return any(info.path.endswith(".parquet") for info in found)

    def log_versions(self) -> set[int]:
        """The versions that have an entry in the log."""
        with storage_errors(f"listing {self.url}"):
            found = self.files.get_file_info(fs.FileSelector(LOG, allow_not_found=True))
        return {int(info.base_name[:20]) for info in found if _LOG_ENTRY.fullmatch(info.base_name)}

    def write_new(self, path: str, content: bytes) -> None:
        """Write a file of a local folder to disk, whole or not at all; `FileExistsError` where there is one."""
        target = Path(self.full(path))
        draft = target.with_name(f".{target.name}.{secrets.token_hex(8)}.tmp")
        try:
            draft.write_bytes(content)
            self._force(draft)
            # A link, unlike a rename, takes nobody's place: of two writers one is told that it was too late.
            os.link(draft, target)
        finally:
            draft.unlink(missing_ok=True)
        self._force(target.parent)

    def remove(self, path: str) -> None:
        """Delete a file that no commit names, if it is there."""
        try:
            self.files.delete_file(path)
        except OSError:
            return  # an orphan costs room only; vacuum takes it later

    def force_to_disk(self, *paths: str) -> None:
        """Have the disk hold the files, and their names, before anybody is told that they are there."""
        if not self.local:
            return
        files = [Path(self.full(path)) for path in paths]
        for path in (*files, *{file.parent for file in files}):
            self._force(path)

    @staticmethod
    def _force(path: Path) -> None:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def log_path(version: int) -> str:
    """The relative path of a version's entry in the Delta log."""
    return f"{LOG}/{version:020d}.json"


@contextmanager
def storage_errors(what: str) -> Iterator[None]:
    """Turn what the storage raises into `LedgerUnavailable` or `LedgerDamaged`, with the next step."""
    try:
        yield
    except CommitFailedError:
        raise  # overtaken by another writer: the caller tries again
    except (OSError, DeltaError, duckdb.Error, pa.ArrowException) as error:
        raise explain(what, error) from error
    except Exception as error:
        # deltalake's Rust side raises bare Exceptions for a log it cannot read.
        if type(error) is Exception:
            raise explain(what, error) from error
        raise


def explain(what: str, error: BaseException) -> LedgerUnavailable | LedgerDamaged:
    """What a storage failure means: the storage cannot be used now, or files of the ledger are gone or broken."""
    text = str(error)
    number = error.errno if isinstance(error, OSError) else None
    for signs, meaning, next_step in _FAULTS:
        if any(sign in text.lower() for sign in signs):
            return LedgerUnavailable(f"{meaning}: {what}", next_step=next_step, details=_line(text, signs))
    kind = FileNotFoundError | TableNotFoundError | DeltaError | duckdb.Error | pa.ArrowException
    broken = number is None and any(sign in text.lower() for sign in _BROKEN)
    if broken or isinstance(error, kind) or type(error) is Exception:
        return LedgerDamaged(
            f"files of the ledger are missing or broken: {what}",
            next_step="Run `linkage ledger verify` to see which, and bring them back from a backup.",
            details=_line(text),
        )
    return LedgerUnavailable(
        f"the ledger's storage does not answer: {what}",
        next_step="See that the folder or store is reachable and try again; what was accepted before is safe.",
        details=_line(text),
    )


def _line(text: str, signs: tuple[str, ...] = ()) -> tuple[str, ...]:
    """What tells most of a long message: the first line with a sign, or else its first lines as one."""
    lines = [line.strip(" ↳") for line in _COLOURS.sub("", text).splitlines()]
    lines = [line for line in lines if line and not line.startswith("<")]
    telling = [line for line in lines if any(sign in line.lower() for sign in signs)]
    said = telling[0] if telling else ": ".join(lines[:_TELLING_LINES])
    return (said[:300],) if said else ()
