"""Compaction moves rows and loses nothing: not the rows, not their order, not who appended them."""

from __future__ import annotations

import time
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from linkage.errors import LedgerUnavailable, NotFound
from linkage.ledger import Ledger
from linkage.ledger import compaction as compaction_module
from linkage.ledger import ledger as ledger_module
from linkage.ledger.compaction import Compacted
from linkage.ledger.place import TablePlace
from linkage.ledger.stored import StoredTable
from tests.ledger.facts import account, observations, values


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    ledger = Ledger(str(tmp_path / "ledger"))
    for n in range(6):
        ledger.append("observations", observations([10 * n + 2, 10 * n + 1]))
    return ledger


def changed(ledger: Ledger, after: int | None = None) -> list[tuple[int, list[str]]]:
    return [
        (change.version, [value for batch in change.batches for value in batch.column("value").to_pylist()])
        for change in ledger.changes("observations", after)
    ]


def test_many_small_files_become_one_with_the_same_rows_in_the_same_order(ledger: Ledger) -> None:
    before = ledger.snapshot().table("observations")
    assert ledger.compact() == [Compacted("observations", files_before=6, files_after=1, removed=0)]
    assert ledger.snapshot().table("observations").equals(before)
    assert ledger.compact() == [Compacted("observations", 1, 1, 0)]
    assert ledger.verify(deep=True) == []


def test_changes_are_the_same_after_compaction_and_after_the_old_files_are_gone(ledger: Ledger) -> None:
    before = changed(ledger)
    assert before[2] == (3, ["v22", "v21"])
    ledger.compact()
    assert changed(ledger) == before
    assert changed(ledger, 4) == before[4:]
    (done,) = ledger.compact(retention_hours=0)
    assert done.removed == 6
    assert changed(ledger) == before
    assert changed(Ledger(ledger.place.url)) == before
    ledger.append("observations", observations([99]))
    assert changed(ledger, before[-1][0]) == [(ledger.version("observations"), ["v99"])]


def test_duplicates_are_known_after_compaction(ledger: Ledger) -> None:
    ledger.compact(retention_hours=0)
    for reader in (ledger, Ledger(ledger.place.url)):
        assert reader.append("observations", observations([1, 11, 51])).duplicate == 3


def test_old_versions_can_be_read_also_when_their_files_are_gone(ledger: Ledger) -> None:
    before = {version: values(ledger.snapshot({"observations": version}).table("observations")) for version in range(7)}
    assert before[2] == ["v2", "v1", "v12", "v11"]
    ledger.compact()
    assert len(ledger.snapshot({"observations": 2}).files("observations")) == 2
    ledger.append("observations", observations([99]))
    ledger.compact(retention_hours=0)
    for reader in (ledger, Ledger(ledger.place.url)):
        for version, rows in before.items():
            assert values(reader.snapshot({"observations": version}).table("observations")) == rows
    with duckdb.connect() as connection:
        ledger.snapshot({"observations": 2}).register(connection)
        assert connection.execute("SELECT count(*) FROM observations").fetchone() == (4,)
    # Only the files of its own are gone, and of the last version not even those: it has the same rows.
    with pytest.raises(NotFound, match="no files of its own"):
        ledger.snapshot({"observations": 2}).files("observations")
    last = ledger.history("observations")[-1].version
    assert len(ledger.snapshot({"observations": last - 1}).files("observations")) == 1


def test_an_old_version_leaves_out_rows_that_were_written_early_and_committed_late(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Ledger(ledger.place.url)
    honest = StoredTable.commit_append

    def late(stored: StoredTable, *args: object, **options: object) -> int:
        monkeypatch.setattr(StoredTable, "commit_append", honest)
        other.append("observations", observations([70]))
        other.append("observations", observations([71]))
        return honest(stored, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(StoredTable, "commit_append", late)
    assert ledger.append("observations", observations([72])).version == 9
    ledger.compact(retention_hours=0)
    expected = {7: ["v70"], 8: ["v70", "v71"], 9: ["v70", "v71", "v72"]}
    for version, rows in expected.items():
        assert sorted(values(ledger.snapshot({"observations": version}).table("observations"))[12:]) == rows


def test_the_last_row_of_an_account_stays_the_last(tmp_path: Path) -> None:
    ledger = Ledger(str(tmp_path))
    statuses = [f"s{n}" for n in range(12)]
    for n, status in enumerate(statuses):
        ledger.append("accounts", account("a", status))
        if n % 4 == 3:
            ledger.compact(retention_hours=0)
    assert ledger.snapshot().table("accounts").column("status").to_pylist() == statuses


def test_a_row_appended_during_compaction_is_there_afterwards(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    other = Ledger(ledger.place.url)
    honest = StoredTable.commit_replace

    def late(stored: StoredTable, *args: object, **options: object) -> int:
        monkeypatch.setattr(StoredTable, "commit_replace", honest)
        other.append("observations", observations([77]))
        return honest(stored, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(StoredTable, "commit_replace", late)
    ledger.compact()
    assert values(ledger.snapshot().table("observations"))[-1] == "v77"
    assert len(ledger.snapshot().files("observations")) == 2
    assert ledger.verify() == []


def test_two_compactions_at_once_do_not_double_rows(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    other = Ledger(ledger.place.url)
    honest = StoredTable.commit_replace

    def late(stored: StoredTable, *args: object, **options: object) -> int:
        monkeypatch.setattr(StoredTable, "commit_replace", honest)
        other.compact()
        return honest(stored, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(StoredTable, "commit_replace", late)
    ledger.compact()
    assert ledger.snapshot().table("observations").num_rows == 12
    assert ledger.verify() == []


def test_an_append_during_which_others_compacted_is_not_disturbed(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Ledger(ledger.place.url)
    honest = StoredTable.commit_append

    def late(stored: StoredTable, *args: object, **options: object) -> int:
        monkeypatch.setattr(StoredTable, "commit_append", honest)
        other.append("observations", observations([77]))
        other.compact(retention_hours=0)
        return honest(stored, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(StoredTable, "commit_append", late)
    appended = ledger.append("observations", observations([77, 78, 1]))
    assert (appended.accepted, appended.duplicate) == (1, 2)
    assert values(ledger.snapshot().table("observations"))[-2:] == ["v77", "v78"]


def test_files_are_joined_up_to_a_size_and_large_ones_left_alone(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = sorted(file.stat().st_size for file in Path(ledger.place.url).rglob("*.parquet"))
    monkeypatch.setattr(compaction_module, "LARGE", sizes[-1] + 1)
    (done,) = ledger.compact()
    assert (done.files_before, done.files_after) == (6, 3)
    monkeypatch.setattr(compaction_module, "LARGE", 10)
    (done,) = ledger.compact()
    assert (done.files_before, done.files_after) == (3, 3)
    assert ledger.snapshot().table("observations").num_rows == 12


def test_a_file_without_a_commit_is_given_time_before_it_is_removed(ledger: Ledger) -> None:
    folder = Path(ledger.place.url) / "observations"
    fresh, stale = folder / "part-fresh.parquet", folder / "part-stale.parquet"
    for path in (fresh, stale):
        path.write_bytes(b"of a writer at work, or of one that was killed")
    import os

    two_days_ago = time.time() - 48 * 3600
    os.utime(stale, (two_days_ago, two_days_ago))
    ledger.compact(retention_hours=0)
    assert fresh.exists()
    assert not stale.exists()


def test_compaction_that_finds_no_room_leaves_everything_as_it_was(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(TablePlace, "write_new", refused)
    with pytest.raises(LedgerUnavailable, match="disk is full"):
        ledger.compact()
    assert len(list(Path(ledger.place.url).rglob("*.parquet"))) == 6
    assert ledger.verify() == []


def test_progress_is_told(ledger: Ledger) -> None:
    told: list[tuple[str, int, int | None]] = []
    ledger.compact(progress=lambda step, done, total=None, /: told.append((step, done, total)))
    assert told == [("compact observations", 0, 1), ("compact observations", 1, 1)]


def test_compacted_files_keep_the_columns(ledger: Ledger) -> None:
    schema = ledger.snapshot().table("observations").schema
    ledger.compact()
    assert ledger.snapshot().table("observations").schema == schema
    assert schema.field("last_seen").type == pa.timestamp("us", tz="UTC")


def test_tidying_joins_small_files_where_there_are_many(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = ledger.snapshot().table("observations")
    assert ledger.tidy() == []
    monkeypatch.setattr(ledger_module, "SCATTERED", 6)
    (done,) = ledger.tidy()
    assert (done.table, done.files_before, done.files_after) == ("observations", 6, 1)
    assert ledger.snapshot().table("observations") == rows
    assert ledger.tidy() == []
