"""What the storage says is told to a person with the next step."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from deltalake.exceptions import CommitFailedError, DeltaError

from linkage.errors import LedgerDamaged, LedgerUnavailable
from linkage.ledger.place import Place, storage_errors


def test_a_full_disk_is_told_as_such() -> None:
    # The device that is always full.
    device = Path("/dev/full")
    with pytest.raises(LedgerUnavailable, match="disk is full") as caught, storage_errors("writing"):
        device.write_text("x")
    assert "Free some space" in str(caught.value)


@pytest.mark.parametrize(
    ("error", "expected", "words"),
    [
        (PermissionError(13, "Permission denied"), LedgerUnavailable, "refuses access"),
        (OSError(30, "Read-only file system"), LedgerUnavailable, "read-only"),
        (OSError(5, "Input/output error"), LedgerUnavailable, "does not answer"),
        (OSError("Generic S3 error: timed out"), LedgerUnavailable, "does not answer"),
        (OSError("Couldn't deserialize thrift: TProtocolException"), LedgerDamaged, "missing or broken"),
        (FileNotFoundError(2, "No such file"), LedgerDamaged, "missing or broken"),
        (DeltaError("Kernel error: Json error"), LedgerDamaged, "missing or broken"),
        (
            DeltaError("Generic LocalFileSystem error\n↳ No space left on device (os error 28)"),
            LedgerUnavailable,
            "full",
        ),
        (duckdb.IOException("No files found that match"), LedgerDamaged, "missing or broken"),
        (Exception("a bare one, from Rust"), LedgerDamaged, "missing or broken"),
    ],
)
def test_failures_of_the_storage_become_ours(error: Exception, expected: type[Exception], words: str) -> None:
    with pytest.raises(expected, match=words) as caught, storage_errors("reading table x"):
        raise error
    assert "reading table x" in str(caught.value)
    assert caught.value.__cause__ is error


@pytest.mark.parametrize("error", [ValueError("ours"), CommitFailedError("overtaken"), KeyboardInterrupt()])
def test_other_failures_pass(error: BaseException) -> None:
    with pytest.raises(type(error)), storage_errors("reading"):
        raise error


def test_a_place_is_a_folder_or_a_url(tmp_path: Path) -> None:
    assert Place("ledger").url == str(Path("ledger").absolute())
    assert Place((tmp_path / "a b").as_uri()).url == str(tmp_path / "a b")
    store = Place("s3://bucket/ledger/")
    assert (store.local, store.table("usage").url) == (False, "s3://bucket/ledger/usage")
