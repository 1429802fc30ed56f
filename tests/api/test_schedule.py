"""The schedule: after so long, only where there is something new, never beside another."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Callable

import pytest

from linkage.api import schedule as module
from linkage.api.resolving import NICE, Resolving
from linkage.api.schedule import Schedule
from linkage.errors import LedgerUnavailable


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK", 0.01)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0.01)


def test_it_resolves_again_and_again_where_there_is_something_new() -> None:
    asked: list[bool | None] = [False, None, True, True]
    runs = []

    async def scenario() -> None:
        resolving = Resolving(lambda progress: runs.append(1) or {})

        async def wanted() -> bool:
            answer = asked.pop(0) if asked else False
            if answer is None:
                raise LedgerUnavailable("the disk is full")
            return answer

        schedule = Schedule(0, resolving, wanted)
        assert schedule.due is not None
        schedule.start()
        await until(lambda: len(runs) == 2 and not asked)
        await schedule.close()
        await resolving.close()

    asyncio.run(scenario())


def test_none_is_due_while_one_is_under_way_or_without_a_schedule() -> None:
    go = threading.Event()

    async def scenario() -> None:
        resolving = Resolving(lambda progress: {"done": go.wait(20)})

        async def wanted() -> bool:
            return True

        schedule = Schedule(60, resolving, wanted)
        assert schedule.due is not None
        resolving.start()
        assert schedule.due is None
        go.set()
        await until(lambda: resolving.running() is None)
        latest = resolving.latest()
        assert latest is not None
        assert latest.finished_at is not None
        assert (schedule.due - latest.finished_at).total_seconds() == 60
        assert Schedule(None, resolving, wanted).due is None
        await resolving.close()

    asyncio.run(scenario())


def test_a_resolution_stands_back_with_every_thread_that_it_starts() -> None:
    nice: list[int] = []

    def look() -> None:
        nice.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))

    def resolve(progress: object) -> dict[str, object]:
        look()
        child = threading.Thread(target=look)
        child.start()
        child.join()
        return {}

    async def scenario() -> None:
        resolving = Resolving(resolve)
        run = resolving.start()
        async for _ in resolving.watch(run.id):
            pass
        look()
        await resolving.close()

    before = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    asyncio.run(scenario())
    back = max(before, NICE) if sys.platform == "linux" else before
    assert nice == [back, back, before]
