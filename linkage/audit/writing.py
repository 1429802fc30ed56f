"""Many callers, one write: what waits while the disk is busy goes into the next write together.

Two syncs cost the same for one record as for a thousand, so under load a caller waits for one write of others at most.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from linkage.audit.record import Record

#: Records of one write.
GATHERED = 1_000


class Writer:
    """Writes records down, one write after the other."""

    def __init__(self, append: Callable[[Sequence[Record]], object]) -> None:
        self._append = append
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="linkage-audit")
        self._waiting: list[tuple[Record, asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def write(self, record: Record) -> None:
        """Write a record down; on disk when this returns. Raises `AuditUnavailable`."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((record, done))
        if self._writing is None:
            self._writing = asyncio.create_task(self._drain())
        await done

    async def close(self) -> None:
        """Write what waits, and end."""
        if self._writing is not None:
            await self._writing
        self._thread.shutdown(wait=True)

    async def _drain(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:GATHERED], self._waiting[GATHERED:]
                fault: Exception | None = None
                try:
                    await loop.run_in_executor(self._thread, self._append, [record for record, _ in batch])
                except Exception as error:  # told to those who wait for it
                    fault = error
                for _, done in batch:
                    if not done.done():
                        done.set_exception(fault) if fault else done.set_result(None)
        finally:
            self._writing = None
