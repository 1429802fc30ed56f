"""A second event loop, in a thread: what is dear is put together there.

An answer of thousands of fields is made in one stretch, in which its event loop does nothing else. On the loop that
takes requests, whoever looks one account up would wait for that; beside it, the interpreter gives both their turn.
Reads go on where the driver lives, so that there is one driver, one count and one queue.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from linkage.graph.reads import Reader

T = TypeVar("T")


class Aside:
    """The loop; it begins with its first use."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run it there; to cancel this cancels it."""
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(target=_serve, args=[self._loop], name="linkage-aside", daemon=True)
            self._thread.start()
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    def close(self) -> None:
        """End, and with it what still runs there."""
        if self._loop is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop = self._thread = None


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    """Run a loop until it is stopped, then end what runs in it."""
    loop.run_forever()
    loop.run_until_complete(_end_others())
    loop.close()


async def _end_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


class ReadsFromAside(Reader):
    """Reads asked for in one loop and run in another, where their reader lives."""

    def __init__(self, reader: Reader, home: asyncio.AbstractEventLoop) -> None:
        self._reader = reader
        self._home = home

    async def rows(self, text: str, /, **parameters: Any) -> list[dict[str, Any]]:
        """Run one query, as `Reader.rows`."""
        return await asyncio.wrap_future(
            asyncio.run_coroutine_threadsafe(self._reader.rows(text, **parameters), self._home)
        )

    async def close(self) -> None:
        """Nothing: the connections are the other reader's."""
