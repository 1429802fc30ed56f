"""Turns: who is served next, who is refused, and that none is lost."""

from __future__ import annotations

import asyncio

import pytest

from linkage.access.budgets import Lane
from linkage.access.turns import Turns
from linkage.errors import Overloaded, RateLimited


class Work:
    """Operations that run until they are told to end, in the order in which they began."""

    def __init__(self, turns: Turns) -> None:
        self.turns = turns
        self.began: list[str] = []
        self._ends: dict[str, asyncio.Event] = {}

    def start(self, who: str, name: str) -> asyncio.Task[None]:
        self._ends[name] = asyncio.Event()
        return asyncio.create_task(self._run(who, name))

    async def _run(self, who: str, name: str) -> None:
        async with self.turns.turn(who):
            self.began.append(name)
            await self._ends[name].wait()

    async def end(self, name: str) -> None:
        self._ends[name].set()
        await settle()


async def settle() -> None:
    """Let everything run that can."""
    for _ in range(20):
        await asyncio.sleep(0)


def test_whoever_asks_for_one_thing_does_not_stand_behind_whoever_asks_for_many() -> None:
    async def check() -> None:
        work = Work(Turns(Lane(float("inf"), at_once=2, each=2)))
        tasks = [work.start("flood", f"f{number}") for number in range(10)]
        await settle()
        tasks += [work.start("ann", "a0"), work.start("ben", "b0")]
        await settle()
        assert work.began == ["f0", "f1"]
        await work.end("f0")
        await work.end("f2")
        assert work.began == ["f0", "f1", "f2", "a0"]
        await work.end("a0")
        assert work.began == ["f0", "f1", "f2", "a0", "b0"]
        for task in tasks:
            task.cancel()
        await settle()
        assert (work.turns.held, work.turns.waiting) == (0, 0)

    asyncio.run(check())


def test_a_caller_holds_its_share_at_most_and_leaves_the_rest_to_others() -> None:
    async def check() -> None:
        work = Work(Turns(Lane(float("inf"), at_once=4, each=1)))
        tasks = [work.start("flood", "f0"), work.start("flood", "f1"), work.start("ann", "a0")]
        await settle()
        assert work.began == ["f0", "a0"]
        await work.end("f0")
        assert work.began == ["f0", "a0", "f1"]
        await work.end("a0")
        await work.end("f1")
        await asyncio.gather(*tasks)
        assert (work.turns.held, work.turns.waiting) == (0, 0)

    asyncio.run(check())


def test_who_has_too_many_waiting_is_refused_and_others_are_not() -> None:
    async def check() -> None:
        work = Work(Turns(Lane(float("inf"), at_once=1, each=1), waiting_each=2, waiting=4))
        tasks = [work.start("flood", f"f{number}") for number in range(3)]
        await settle()
        with pytest.raises(RateLimited) as refused:
            await work.start("flood", "f3")
        assert refused.value.retry_after > 0
        tasks += [work.start("ann", "a0"), work.start("ben", "b0")]
        await settle()
        with pytest.raises(Overloaded):
            await work.start("cid", "c0")
        assert work.turns.waiting == 4
        for task in tasks:
            task.cancel()
        await settle()
        assert (work.turns.held, work.turns.waiting) == (0, 0)

    asyncio.run(check())


def test_nobody_waits_for_ever() -> None:
    async def check() -> None:
        work = Work(Turns(Lane(float("inf"), at_once=1, each=1), patience=0.01))
        first = work.start("ann", "a0")
        await settle()
        with pytest.raises(Overloaded):
            await work.start("ben", "b0")
        await work.end("a0")
        await first
        assert (work.turns.held, work.turns.waiting) == (0, 0)

    asyncio.run(check())


def test_a_turn_that_is_granted_to_whoever_leaves_in_that_moment_goes_on() -> None:
    async def check() -> None:
        work = Work(Turns(Lane(float("inf"), at_once=1, each=1)))
        tasks = [work.start(who, who) for who in ("ann", "ben", "cid", "dan")]
        await settle()
        tasks[1].cancel()  # before it is granted, and not woken up yet
        work._ends["ann"].set()
        await asyncio.sleep(0)
        tasks[2].cancel()  # after
        await settle()
        assert "dan" in work.began
        await work.end("dan")
        assert (work.turns.held, work.turns.waiting) == (0, 0)

    asyncio.run(check())
