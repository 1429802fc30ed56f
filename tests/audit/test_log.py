"""The audit: nothing can be done to it that is not found, and nothing that was acknowledged is lost."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from linkage.audit.chain import Link
from linkage.audit.checking import verify
from linkage.audit.log import AuditLog
from linkage.audit.reading import is_of, newest_first, records
from linkage.audit.record import Record
from linkage.audit.writing import Writer
from linkage.errors import AuditUnavailable

SECRET = b"s" * 32
Lines = list[bytes]


def record(at: int = 0, **more: object) -> Record:
    return Record("key:abc", "ann", "investigator", "query", [f"identifier{at}"], **more)  # type: ignore[arg-type]


def written(data: Path, count: int = 6, **more: int) -> AuditLog:
    log = AuditLog(data, SECRET, **more)
    for at in range(count):
        log.append([record(at, ids={"identifiers": [f"id{at}"]}, purpose=("case 17",))])
    return log


def first(log: AuditLog) -> Path:
    return log.files()[0]


def faults(data: Path) -> tuple[str, ...]:
    return verify(AuditLog(data, SECRET)).faults


def test_what_was_written_stands(tmp_path: Path) -> None:
    log = written(tmp_path)
    checked = verify(log)
    assert (checked.records, checked.end.count, checked.faults) == (6, 6, ())
    lines = [json.loads(line) for line, _ in records(log)]
    assert [line["n"] for line in lines] == [1, 2, 3, 4, 5, 6]
    assert lines[2]["ids"] == {"identifiers": ["id2"]}
    assert lines[2]["purpose"] == ["case 17"]
    assert [line["n"] for line in newest_first(log)] == [6, 5, 4, 3, 2, 1]
    assert stat.S_IMODE(first(log).stat().st_mode) == 0o600


def test_an_audit_that_was_never_begun_has_no_faults(tmp_path: Path) -> None:
    assert verify(AuditLog(tmp_path, SECRET)) == verify(AuditLog(tmp_path, SECRET))
    assert faults(tmp_path) == ()


def swapped(lines: Lines) -> Lines:
    return [lines[0], lines[2], lines[1], *lines[3:]]


def renumbered(lines: Lines) -> Lines:
    """One record taken out, and the numbers of those after it mended."""
    kept = [lines[0], *lines[2:]]
    return [
        line.replace(f'"n":{at + 2}'.encode(), f'"n":{at + 1}'.encode()) if at else line for at, line in enumerate(kept)
    ]


@pytest.mark.parametrize(
    "tamper",
    [
        lambda lines: [lines[0].replace(b"ann", b"ben"), *lines[1:]],
        lambda lines: [*lines[:-1], lines[-1].replace(b"identifier5", b"identifier4")],
        lambda lines: [*lines[:2], lines[2].replace(b"case 17", b"case 18"), *lines[3:]],
        lambda lines: [lines[0].replace(b',"mac"', b',"x":1,"mac"'), *lines[1:]],
        lambda lines: [lines[0][:-3] + (b"0" if lines[0][-4:-3] != b"0" else b"1") + lines[0][-2:], *lines[1:]],
        lambda lines: lines[1:],
        lambda lines: [lines[0], *lines[2:]],
        lambda lines: lines[:-1],
        lambda lines: lines[:-3],
        lambda lines: [],
        swapped,
        renumbered,
        lambda lines: [*lines, lines[-1]],
        lambda lines: [lines[0], lines[0], *lines[1:]],
        lambda lines: [*lines[:3], b'{"n":4,"at":"now"}\n', *lines[3:]],
        lambda lines: [*lines, b'{"n":7,"caller":"x","mac":"' + b"0" * 64 + b'"}\n'],
        lambda lines: [*lines, b"\n"],
        lambda lines: [*lines[:-1], lines[-1][:-20]],
        lambda lines: [*lines, b'{"n":7,"caller'],
        lambda lines: [b"\xff\xfe\n", *lines],
    ],
    ids=lambda tamper: getattr(tamper, "__name__", None),
)
def test_whatever_is_done_to_the_records_is_found(tmp_path: Path, tamper: Callable[[Lines], Lines]) -> None:
    log = written(tmp_path)
    lines = first(log).read_bytes().splitlines(keepends=True)
    first(log).write_bytes(b"".join(tamper(lines)))
    assert faults(tmp_path)


def test_a_change_of_any_single_byte_is_found(tmp_path: Path) -> None:
    log = written(tmp_path, 2)
    held = first(log).read_bytes()
    for at in range(len(held)):
        first(log).write_bytes(held[:at] + bytes([held[at] ^ 1]) + held[at + 1 :])
        assert faults(tmp_path), at


def test_tampering_is_still_found_after_more_was_written(tmp_path: Path) -> None:
    log = written(tmp_path)
    lines = first(log).read_bytes().splitlines(keepends=True)
    first(log).write_bytes(b"".join(lines[:-2]))
    AuditLog(tmp_path, SECRET).append([record(7)])
    assert faults(tmp_path)


@pytest.mark.parametrize("head", [b"", b"nonsense", b"6 " + b"0" * 64 + b" " + b"0" * 64 + b"\n", None])
def test_a_head_that_we_did_not_write_is_found(tmp_path: Path, head: bytes | None) -> None:
    log = written(tmp_path)
    if head is None:
        log.head_file.unlink()
    else:
        log.head_file.write_bytes(head)
    assert any("audit-head" in fault for fault in faults(tmp_path))


def test_records_and_head_of_another_secret_are_found(tmp_path: Path) -> None:
    AuditLog(tmp_path, b"t" * 32).append([record()])
    assert faults(tmp_path)


def test_a_file_that_was_taken_away_is_found(tmp_path: Path) -> None:
    log = written(tmp_path, 12, largest=600)
    assert len(log.files()) > 3
    assert faults(tmp_path) == ()
    for path in log.files():
        held = path.read_bytes()
        path.unlink()
        assert faults(tmp_path), path
        path.write_bytes(held)


def test_an_older_state_as_a_whole_is_found_by_a_place_that_was_written_down_elsewhere(tmp_path: Path) -> None:
    log = written(tmp_path)
    older = first(log).read_bytes(), log.head_file.read_bytes()
    log.append([record(7)])
    place = verify(log).end
    assert verify(log, must_hold=place).faults == ()
    first(log).write_bytes(older[0])
    log.head_file.write_bytes(older[1])
    assert faults(tmp_path) == ()
    assert verify(AuditLog(tmp_path, SECRET), must_hold=place).faults
    assert verify(AuditLog(tmp_path, SECRET), must_hold=Link(3, "0" * 64)).faults


@pytest.mark.parametrize("torn", [b"", b'{"n":8,"at', b"\0" * 300])
def test_what_a_dying_process_left_is_taken_up_or_cut_off(tmp_path: Path, torn: bytes) -> None:
    log = written(tmp_path)
    head = log.head_file.read_bytes()
    log.append([record(7)])
    log.head_file.write_bytes(head)  # the process died between the records and the head
    with first(log).open("ab") as file:
        file.write(torn)
    AuditLog(tmp_path, SECRET).append([record(8)])
    checked = verify(AuditLog(tmp_path, SECRET))
    assert (checked.records, checked.faults) == (8, ())


def test_a_new_file_goes_on_where_the_one_before_ended(tmp_path: Path) -> None:
    log = written(tmp_path, 5, largest=1)
    assert [path.name for path in log.files()] == [f"00000{at}.jsonl" for at in range(1, 6)]
    log.files()[-1].write_bytes(b'{"n":5')  # as a power cut leaves a file whose first record was never acknowledged
    log.head_file.write_bytes(log.chain.write_head(Link(4, json.loads(log.files()[3].read_bytes())["mac"])))
    AuditLog(tmp_path, SECRET, largest=10_000).append([record()])
    assert verify(AuditLog(tmp_path, SECRET)).faults == ()


def write_many(data: Path, count: int) -> None:
    log = AuditLog(data, SECRET, largest=20_000)
    for at in range(count):
        log.append([record(at), record(at)])


def test_several_processes_write_one_chain(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=write_many, args=(tmp_path, 20)) for _ in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    checked = verify(AuditLog(tmp_path, SECRET))
    assert (checked.records, checked.faults) == (120, ())


def test_callers_who_wait_are_written_together_and_each_is_answered_once_it_is_on_disk(tmp_path: Path) -> None:
    log, batches = AuditLog(tmp_path, SECRET), []

    def append(records: list[Record]) -> None:
        batches.append(len(records))
        log.append(records)

    async def many() -> None:
        writer = Writer(append)  # type: ignore[arg-type]
        await asyncio.gather(*(writer.write(record(at)) for at in range(500)))
        assert verify(log).records == 500
        await writer.close()

    asyncio.run(many())
    assert len(batches) < 50


def test_a_write_that_fails_is_told_to_each_who_waits_and_the_next_goes_on(tmp_path: Path) -> None:
    log = AuditLog(tmp_path, SECRET)
    (tmp_path / "audit").write_text("in the way")

    async def told() -> list[object]:
        writer = Writer(log.append)
        failed = await asyncio.gather(*(writer.write(record()) for _ in range(3)), return_exceptions=True)
        (tmp_path / "audit").unlink()
        await writer.write(record())
        await writer.close()
        return failed

    assert [type(error) for error in asyncio.run(told())] == [AuditUnavailable] * 3
    assert verify(log).records == 1


def test_every_record_is_synced_before_it_is_acknowledged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[bytes] = []
    true = os.fsync

    def noted(descriptor: int) -> None:
        true(descriptor)
        synced.append(Path(f"/proc/self/fd/{descriptor}").resolve().name.encode())

    monkeypatch.setattr("linkage.audit.log.os.fsync", noted)
    AuditLog(tmp_path, SECRET).append([record()])
    assert synced.index(b"000001.jsonl") < synced.index(b"audit-head.draft")


def test_texts_that_callers_choose_are_bounded_and_stay_on_their_line(tmp_path: Path) -> None:
    log = AuditLog(tmp_path, SECRET)
    log.append([record(purpose=("x" * 9_000 + "\n",), operation="y" * 9_000), record(purpose=('"}\n{"n":3\u2028',))])
    checked = verify(log)
    assert (checked.records, checked.faults) == (2, ())
    assert first(log).stat().st_size < 3_000


def test_records_are_found_by_caller_and_by_what_they_showed(tmp_path: Path) -> None:
    found = next(newest_first(written(tmp_path)))
    assert is_of(found, caller="key:abc", about="id5")
    assert not is_of(found, caller="key:other", about=None)
    assert not is_of(found, caller=None, about="id4")
