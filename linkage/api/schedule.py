"""Resolutions that the service starts by itself: so long after the last one, and only where there is something new.

While one runs, whoever started it, and while one waits for a person, none is due.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from linkage.api.resolving import Resolving
from linkage.errors import Conflict, LinkageError

logger = logging.getLogger("linkage.api")

#: How often to look whether one is due (seconds).
LOOK = 1.0


class Schedule:
    """Starts a resolution every so many seconds, from one's end to the next one's start; None: never."""

    def __init__(self, seconds: int | None, resolving: Resolving, wanted: Callable[[], Awaitable[bool]]) -> None:
        self._every = None if seconds is None else timedelta(seconds=seconds)
        self._resolving = resolving
        self._wanted = wanted
        self._from = datetime.now(UTC)
        self._task: asyncio.Task[None] | None = None

    @property
    def due(self) -> datetime | None:
        """When the next one is looked into; None: never, or one is under way."""
        if self._every is None or self._resolving.running() is not None:
            return None
        latest = self._resolving.latest()
        ended = latest.finished_at if latest is not None else None
        return max(self._from, ended or self._from) + self._every

    def start(self) -> None:
        """Begin."""
        if self._every is not None:
            self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """End; what is under way goes on."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(LOOK)
            due = self.due
            if due is not None and datetime.now(UTC) >= due:
                self._from = datetime.now(UTC)
                await self._look()

    async def _look(self) -> None:
        try:
            if await self._wanted():
                with suppress(Conflict):  # another process resolves
                    self._resolving.start()
        except LinkageError as error:
            logger.warning("the schedule could not look into the ledger: %s", type(error).__name__)
        except Exception:
            logger.exception("the schedule could not start a resolution")
