"""The graph follows the ledger in the background, through every outage."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import pytest

from linkage.api.links import Links
from linkage.errors import Conflict, DatabaseUnavailable
from linkage.server import following as module
from linkage.server.following import Following
from linkage.service.linking import NOTHING, Linked
from linkage.service.service import Followed


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAITS", (0.01,))
    monkeypatch.setattr(module, "LOOK", 0.05)


def outcomes(*results: int | Exception, linked: Linked = NOTHING) -> Callable[[], Followed]:
    """Runs that end in so many commits or in an error, then find nothing to do; accounts are at their number."""
    left: Iterator[int | Exception] = iter(results)
    done = 0

    def follow() -> Followed:
        nonlocal done
        result = next(left, 0)
        if isinstance(result, Exception):
            raise result
        done += result
        return Followed(result, {"accounts": done - 1}, linked if result else NOTHING)

    return follow


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


def test_it_catches_up_at_once_and_after_each_write() -> None:
    async def scenario() -> None:
        written = asyncio.Event()
        following = Following(outcomes(2, 3), written, Links())
        following.start()
        await until(lambda: following.standing.commits == 5)
        await following.close()

    asyncio.run(scenario())


@pytest.mark.parametrize("failure", [DatabaseUnavailable("gone"), ZeroDivisionError()])
def test_it_goes_on_after_failures(failure: Exception) -> None:
    async def scenario() -> None:
        following = Following(outcomes(failure, failure, 4), asyncio.Event(), Links())
        following.start()
        await until(lambda: following.standing.failures > 0)
        assert following.standing.error in ("DATABASE_UNAVAILABLE", "INTERNAL")
        await until(lambda: following.standing.commits == 4)
        assert following.standing.failures == 0
        await following.close()

    asyncio.run(scenario())


def test_another_process_at_the_same_work_is_no_failure() -> None:
    async def scenario() -> None:
        following = Following(outcomes(Conflict("busy"), 1), asyncio.Event(), Links())
        following.start()
        await until(lambda: following.standing.commits == 1)
        assert following.standing.failures == 0
        await following.close()

    asyncio.run(scenario())


def test_what_was_never_started_can_be_closed() -> None:
    asyncio.run(Following(outcomes(), asyncio.Event(), Links()).close())


def test_who_waits_for_a_version_is_told_of_the_run_that_saw_it_first() -> None:
    async def scenario() -> None:
        links = Links()
        one = Linked("ln_1", {"cl_a": "grew"}, {"account:a": "cl_a"})
        following = Following(outcomes(2, linked=one), asyncio.Event(), links)
        following.start()
        assert await links.of("accounts", 1) == one
        await until(lambda: following.standing.commits == 2)
        assert await links.of("accounts", 0) == one
        await following.close()

    asyncio.run(scenario())


def test_nobody_waits_for_a_graph_that_cannot_follow() -> None:
    async def scenario() -> None:
        links = Links()
        following = Following(outcomes(*[DatabaseUnavailable("gone")] * 50), asyncio.Event(), links)
        following.start()
        async with asyncio.timeout(1.5):
            assert await links.of("accounts", 0) is None
        await following.close()

    asyncio.run(scenario())
