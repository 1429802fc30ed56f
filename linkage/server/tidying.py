"""The ledger kept tidy in the background: every call of one fact leaves a file, and readers open each of them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable

from linkage.errors import LinkageError

logger = logging.getLogger("linkage.server")

#: How often to look (seconds).
LOOK = 60.0


class Tidying:
    """Tidies in a thread, every so often."""

    def __init__(self, tidy: Callable[[], None]) -> None:
        self._tidy = tidy
        self._task: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()

    def start(self) -> None:
        """Begin; looks after the first wait."""
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """End, after what is under way."""
        self._stopping.set()
        if self._task is not None:
            await self._task

    async def _run(self) -> None:
        while not self._stopping.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK):
                    await self._stopping.wait()
                    return
            try:
                await asyncio.to_thread(self._tidy)
            except LinkageError as error:
                logger.warning("the ledger could not be tidied: %s", type(error).__name__)
            except Exception:
                logger.exception("the ledger could not be tidied")
