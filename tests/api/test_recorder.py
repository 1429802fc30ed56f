"""Calls that wait while a commit is being written go into the next one together, each with its own answer."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from typing import Any

import pytest

from linkage.api.recorder import GATHERED, LARGE, Recorder
from linkage.service.recording import Call, Recorded


class Writer:
    """Takes calls, the first commit only when it is let go on; remembers what went together."""

    def __init__(self) -> None:
        self.commits: list[list[int]] = []
        self.go_on = threading.Event()

    def __call__(self, record: str, calls: Sequence[Call]) -> list[Recorded]:
        assert self.go_on.wait(10)
        self.commits.append([len(call.rows) for call in calls])
        if any(call.source == "broken" for call in calls):
            raise ValueError("broken")
        return [Recorded(call.source, len(call.rows), 0, ()) for call in calls]


def call(rows: int, name: str = "") -> Call:
    return Call([{}] * rows, name or str(rows))


def run(*rows: int, names: Sequence[str] = ()) -> tuple[list[list[int]], list[Any]]:
    """Record the calls side by side, the others once the first is being written."""
    writer = Writer()

    async def scenario() -> list[Any]:
        recorder = Recorder(writer)
        calls = [call(n, name) for n, name in zip(rows, names or [""] * len(rows), strict=True)]
        tasks = [asyncio.create_task(recorder.record("observations", one)) for one in calls]
        await asyncio.sleep(0.05)
        writer.go_on.set()
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        await recorder.close()
        return list(answers)

    answers = asyncio.run(scenario())
    return writer.commits, answers


def test_calls_go_together_and_each_gets_its_own_answer() -> None:
    commits, answers = run(1, 2, 3)
    assert commits == [[1, 2, 3]]
    assert [answer.accepted for answer in answers] == [1, 2, 3]


def test_a_commit_gathers_no_more_rows_than_it_should() -> None:
    half = GATHERED // 4
    commits, _ = run(*[half] * 6)
    assert [len(commit) for commit in commits] == [4, 2]


def test_a_large_call_keeps_nobody_waiting_for_its_commit() -> None:
    commits, _ = run(LARGE, 1)
    assert sorted(commits) == [[1], [LARGE]]


def test_a_commit_that_fails_fails_its_calls_and_no_others() -> None:
    _, answers = run(
        GATHERED // 4, GATHERED // 4, GATHERED // 4, GATHERED // 4, 1, names=("a", "b", "broken", "c", "d")
    )
    assert [type(answer) for answer in answers[:4]] == [ValueError] * 4
    assert answers[4].accepted == 1


@pytest.mark.parametrize("rows", [0, 1])
def test_an_empty_call_is_answered_too(rows: int) -> None:
    assert run(rows)[1][0].accepted == rows
