"""The graph follows the ledger in the background, through every outage."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import pytest

from linkage.errors import Conflict, DatabaseUnavailable
from linkage.server import catching_up
from linkage.server.catching_up import CatchingUp


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catching_up, "WAITS", (0.01,))
    monkeypatch.setattr(catching_up, "GATHER", 0.01)
    monkeypatch.setattr(catching_up, "LOOK", 0.05)


def outcomes(*results: int | Exception) -> Callable[[], int]:
    """A catch-up that goes through these results, then finds nothing to do."""
    left: Iterator[int | Exception] = iter(results)

    def catch_up() -> int:
        result = next(left, 0)
        if isinstance(result, Exception):
            raise result
        return result

    return catch_up


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


def test_it_catches_up_at_once_and_after_each_write() -> None:
    async def scenario() -> None:
        written = asyncio.Event()
        following = CatchingUp(outcomes(2, 3), written)
        following.start()
        await until(lambda: following.standing.commits == 5)
        await following.close()

    asyncio.run(scenario())


@pytest.mark.parametrize("failure", [DatabaseUnavailable("gone"), ZeroDivisionError()])
def test_it_goes_on_after_failures(failure: Exception) -> None:
    async def scenario() -> None:
        following = CatchingUp(outcomes(failure, failure, 4), asyncio.Event())
        following.start()
        await until(lambda: following.standing.failures > 0)
        assert following.standing.error in ("DATABASE_UNAVAILABLE", "INTERNAL")
        await until(lambda: following.standing.commits == 4)
        assert following.standing.failures == 0
        await following.close()

    asyncio.run(scenario())


def test_another_process_at_the_same_work_is_no_failure() -> None:
    async def scenario() -> None:
        following = CatchingUp(outcomes(Conflict("busy"), 1), asyncio.Event())
        following.start()
        await until(lambda: following.standing.commits == 1)
        assert following.standing.failures == 0
        await following.close()

    asyncio.run(scenario())


def test_what_was_never_started_can_be_closed() -> None:
    asyncio.run(CatchingUp(outcomes(), asyncio.Event()).close())
