"""Calls that record facts, gathered: what waits while one commit is being written goes into the next together.

A commit costs the same for one row as for a thousand, so under load each carries the rows of many callers, and a caller
waits for one commit of others at most before its own begins. Commits that follow each other closely leave a pause, in
which calls gather: without it every call would be its own commit, and they would take the time that links need.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from linkage.service.recording import Call, Recorded

#: Rows from which on a call is written by itself, so that no small one waits for it.
LARGE = 2_000
#: Rows that one commit gathers.
GATHERED = 5_000
#: Seconds from the end of one commit to the beginning of the next, at least.
PAUSE = 0.03

Write = Callable[[str, Sequence[Call]], list[Recorded]]
Waiting = tuple[Call, "asyncio.Future[Recorded]"]


class Recorder:
    """Writes calls of each kind of record one commit after the other."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self._threads = ThreadPoolExecutor(4, thread_name_prefix="linkage-write")
        self._waiting: dict[str, list[Waiting]] = defaultdict(list)
        self._writers: dict[str, asyncio.Task[None]] = {}
        #: when the last commit of each kind of record ended, by the loop's clock
        self._ended: dict[str, float] = {}

    async def record(self, record: str, call: Call) -> Recorded:
        """Append the rows of a call; on disk when this returns."""
        loop = asyncio.get_running_loop()
        if len(call.rows) >= LARGE:
            return (await loop.run_in_executor(self._threads, self._write, record, [call]))[0]
        done: asyncio.Future[Recorded] = loop.create_future()
        self._waiting[record].append((call, done))
        if record not in self._writers:
            self._writers[record] = asyncio.create_task(self._drain(record))
        return await done

    async def close(self) -> None:
        """Write what waits, and end."""
        await asyncio.gather(*self._writers.values())
        self._threads.shutdown(wait=True)

    async def _drain(self, record: str) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting[record]:
                await asyncio.sleep(self._ended.get(record, -PAUSE) + PAUSE - loop.time())
                batch = self._take(record)
                calls = [call for call, _ in batch]
                try:
                    answers = await loop.run_in_executor(self._threads, self._write, record, calls)
                except Exception as error:
                    for _, done in batch:
                        if not done.done():
                            done.set_exception(error)
                else:
                    for (_, done), answer in zip(batch, answers, strict=True):
                        if not done.done():
                            done.set_result(answer)
                self._ended[record] = loop.time()
        finally:
            del self._writers[record]

    def _take(self, record: str) -> list[Waiting]:
        """The calls that go into the next commit, those that came first."""
        waiting, rows, taken = self._waiting[record], 0, 0
        for call, _ in waiting:
            if taken and rows + len(call.rows) > GATHERED:
                break
            rows, taken = rows + len(call.rows), taken + 1
        batch, self._waiting[record] = waiting[:taken], waiting[taken:]
        return batch
