"""Each way in which a ledger can lose something is named."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from linkage.ledger import Ledger
from tests.ledger.facts import observations


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    ledger = Ledger(str(tmp_path / "ledger"))
    for n in range(3):
        ledger.append("observations", observations(range(100 * n, 100 * n + 100)))
    return ledger


def files(ledger: Ledger) -> list[Path]:
    return sorted((Path(ledger.place.url) / "observations").glob("*.parquet"))


def log(ledger: Ledger, version: int) -> Path:
    return Path(ledger.place.url) / f"observations/_delta_log/{version:020d}.json"


def test_a_sound_ledger_has_no_faults(ledger: Ledger) -> None:
    assert ledger.verify() == ledger.verify(deep=True) == []


def test_a_missing_file_is_named(ledger: Ledger) -> None:
    gone, *_ = files(ledger)
    gone.unlink()
    assert ledger.verify() == [f"observations: {gone.name}: missing"]


def test_a_file_of_another_size_is_named(ledger: Ledger) -> None:
    file, *_ = files(ledger)
    size = file.stat().st_size
    with file.open("ab") as handle:
        handle.write(b"x")
    assert ledger.verify() == [f"observations: {file.name}: {size + 1:,} bytes instead of {size:,}"]


def test_a_file_whose_end_is_broken_is_named(ledger: Ledger) -> None:
    file, *_ = files(ledger)
    content = bytearray(file.read_bytes())
    content[-40:] = b"\xff" * 40
    file.write_bytes(content)
    (fault,) = ledger.verify()
    assert fault.startswith(f"observations: {file.name}: cannot be read")


def test_a_file_with_other_rows_or_columns_is_named(ledger: Ledger) -> None:
    file, *_ = files(ledger)
    rows = pq.read_table(file).slice(1).drop_columns(["ledger_row"])
    pq.write_table(rows, file)
    faults = Ledger(ledger.place.url).verify()
    assert any("bytes instead of" in fault for fault in faults)
    # As if the log had been changed to the new size as well.
    entry = next(log(ledger, v) for v in (1, 2, 3) if file.name in log(ledger, v).read_text())
    text = entry.read_text()
    size = int(text.split('"size":')[1].split(",")[0])
    entry.write_text(text.replace(f'"size":{size}', f'"size":{file.stat().st_size}'))
    assert Ledger(ledger.place.url).verify() == [
        f"observations: {file.name}: 99 rows instead of 100",
        f"observations: {file.name}: lacks the columns ledger_row",
    ]


def test_a_flipped_bit_is_found_by_looking_deep(ledger: Ledger) -> None:
    file, *_ = files(ledger)
    content = bytearray(file.read_bytes())
    content[200] ^= 1
    file.write_bytes(content)
    assert ledger.verify() == []
    (fault,) = ledger.verify(deep=True)
    assert fault.startswith(f"observations: {file.name}: cannot be read")


def test_an_unreadable_log_entry_is_named(ledger: Ledger) -> None:
    log(ledger, 2).write_text("{broken")
    (fault,) = Ledger(ledger.place.url).verify()
    assert fault.startswith("observations: version 2: the log of table observations cannot be read")
    log(ledger, 2).write_text("")
    (fault,) = Ledger(ledger.place.url).verify()
    assert fault.startswith("observations: version 2: the log of table observations cannot be read")


def test_a_missing_log_entry_is_named(ledger: Ledger) -> None:
    log(ledger, 2).unlink()
    assert Ledger(ledger.place.url).verify() == ["observations: version 2: its log entry is missing"]


def test_a_missing_log_is_named(ledger: Ledger) -> None:
    for version in range(4):
        log(ledger, version).unlink()
    (fault,) = Ledger(ledger.place.url).verify()
    assert fault == "observations: there are files but no log: the table's first log entry is missing"


def test_a_log_that_names_fewer_rows_than_were_appended_is_found(ledger: Ledger) -> None:
    text = log(ledger, 3).read_text()
    name = next(file.name for file in files(ledger) if file.name in log(ledger, 1).read_text())
    remove = f'{{"remove":{{"path":"{name}","deletionTimestamp":0,"dataChange":true}}}}'
    log(ledger, 3).write_text(f"{text}\n{remove}\n")
    assert Ledger(ledger.place.url).verify() == [
        "observations: 300 rows were appended, but the current version holds 200"
    ]
