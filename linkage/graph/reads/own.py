"""The reads of one caller's operation: each waits for its turn, and all end with the operation.

Loaders run a read in a task of its own, which outlives whoever asked for it: ended here, it is cancelled, and with it
its transaction in Neo4j.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any

from linkage.graph.reads.reader import Reader

#: Gives a turn for one read.
Turn = Callable[[], AbstractAsyncContextManager[None]]


class OwnReads(Reader):
    """Runs reads by a reader that others use too."""

    def __init__(self, shared: Reader, turn: Turn = nullcontext) -> None:
        self.shared = shared
        self._turn = turn
        self._running: set[asyncio.Task[list[dict[str, Any]]]] = set()

    async def rows(self, text: str, /, **parameters: Any) -> list[dict[str, Any]]:
        """Run one query, as `Reader.rows`, once it is this caller's turn."""
        task = asyncio.create_task(self._in_turn(text, parameters))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await task

    async def _in_turn(self, text: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
        async with self._turn():
            return await self.shared.rows(text, **parameters)

    def end(self) -> None:
        """Cancel what still runs."""
        for task in tuple(self._running):
            task.cancel()

    async def close(self) -> None:
        """Nothing: the connections are the shared reader's."""
