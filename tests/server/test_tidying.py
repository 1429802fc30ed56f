"""The ledger is tidied in the background, whatever goes wrong on the way."""

from __future__ import annotations

import asyncio
import logging

import pytest

from linkage.errors import LedgerUnavailable
from linkage.server import tidying as module
from linkage.server.tidying import Tidying


def test_it_goes_on_after_trouble(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(module, "LOOK", 0.001)
    outcomes: list[Exception | None] = [LedgerUnavailable("full"), RuntimeError("a mistake"), None]

    async def run() -> None:
        done = asyncio.Event()
        loop = asyncio.get_running_loop()

        def tidy() -> None:
            outcome = outcomes.pop(0) if outcomes else None
            if outcome is not None:
                raise outcome
            loop.call_soon_threadsafe(done.set)

        tidying = Tidying(tidy)
        tidying.start()
        async with asyncio.timeout(30):
            await done.wait()
        await tidying.close()

    with caplog.at_level(logging.WARNING):
        asyncio.run(run())
    assert outcomes == []
    assert [record.levelname for record in caplog.records] == ["WARNING", "ERROR"]


def test_it_ends_at_once_while_it_waits() -> None:
    async def run() -> None:
        tidying = Tidying(lambda: pytest.fail("nothing was due"))
        tidying.start()
        await asyncio.sleep(0)
        async with asyncio.timeout(30):
            await tidying.close()

    asyncio.run(run())
