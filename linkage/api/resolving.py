"""Resolutions started through the API: one at a time, in the background, watched by whoever asks."""

from __future__ import annotations

import asyncio
import enum
import logging
import os
import secrets
import sys
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from linkage.errors import Conflict, LinkageError
from linkage.model.progress import Progress

logger = logging.getLogger("linkage.api")

#: So many runs of this process are remembered; the finished ones stand in the graph too.
REMEMBERED = 50
#: How far a resolution stands back behind requests: half-way down.
NICE = 10


class RunState(enum.Enum):
    """How far a resolution is."""

    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    #: it would change more than the gate lets through: a person decides
    WAITING = "waiting"
    REFUSED = "refused"
    OVERTAKEN = "overtaken"


@dataclass(frozen=True, slots=True)
class Run:
    """A resolution of this process, as of a moment; `resolution_id` is what the ledger calls it once it is done."""

    id: str
    resolution_id: str | None = None
    state: RunState = RunState.RUNNING
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    finished_at: datetime | None = None
    model_version: str | None = None
    step: str | None = None
    done: int | None = None
    total: int | None = None
    error: str | None = None
    summary: dict[str, Any] | None = None
    #: counts the changes, so that a watcher sees whether it missed one
    change: int = 0


#: Resolves, given whom to tell of progress; gives back the summary with the `resolution_id`.
Resolve = Callable[[Progress], Mapping[str, Any]]
#: Holds the right to resolve, among all processes; raises `Conflict` where another has it.
Claim = Callable[[], AbstractContextManager[None]]


class Resolving:
    """Starts resolutions in a thread of their own, behind those that answer requests, and tells how far they are."""

    def __init__(self, resolve: Resolve, claim: Claim = nullcontext) -> None:
        self._resolve = resolve
        self._claim = claim
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="linkage-resolve", initializer=step_back)
        self._runs: dict[str, Run] = {}
        self._task: asyncio.Task[None] | None = None
        self._changed = asyncio.Condition()

    def start(self) -> Run:
        """Start one; raise `Conflict` while another runs, here or in another process."""
        running = self.running()
        if running is not None:
            raise Conflict(
                f"resolution {running.id} is under way", next_step="Wait for it: `resolution(id)` tells how far it is."
            )
        with ExitStack() as claimed:
            claimed.enter_context(self._claim())
            held = claimed.pop_all()
        run = Run(id=f"run_{secrets.token_hex(10)}")
        self._runs[run.id] = run
        for old in list(self._runs)[:-REMEMBERED]:
            del self._runs[old]
        self._task = asyncio.create_task(self._run(run.id, held))
        return run

    def running(self) -> Run | None:
        """The one that is under way."""
        return next((run for run in self._runs.values() if run.state is RunState.RUNNING), None)

    def get(self, identity: str) -> Run | None:
        """The run of that id, if this process started it."""
        return self._runs.get(identity)

    def latest(self) -> Run | None:
        """The run started last."""
        return next(reversed(self._runs.values()), None)

    async def watch(self, identity: str) -> AsyncIterator[Run]:
        """The run's states, from now until it ends; states between two looks are left out."""
        seen = -1
        while (run := self._runs.get(identity)) is not None:
            if run.change > seen:
                seen = run.change
                yield run
            if run.state is not RunState.RUNNING:
                return
            async with self._changed:
                while (run := self._runs.get(identity)) is not None and run.change <= seen:
                    await self._changed.wait()

    async def close(self) -> None:
        """Wait for the one that is under way: a thread cannot be stopped."""
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)
        self._thread.shutdown()

    async def _run(self, identity: str, held: ExitStack) -> None:
        loop = asyncio.get_running_loop()

        def progress(step: str, done: int, total: int | None = None, /) -> None:
            loop.call_soon_threadsafe(lambda: self._note(identity, step=step, done=done, total=total))

        try:
            with held:
                summary = await loop.run_in_executor(self._thread, self._resolve, progress)
        except LinkageError as error:
            logger.warning("resolution %s failed: %s", identity, type(error).__name__)
            self._failed(identity, error.message)
        except Exception:
            logger.exception("resolution %s failed", identity)
            self._failed(identity, "something went wrong on our side")
        else:
            self._note(
                identity,
                state=RunState.WAITING if summary.get("waiting") else RunState.FINISHED,
                finished_at=datetime.now(UTC),
                summary={name: value for name, value in summary.items() if name not in ("resolution_id", "waiting")},
                resolution_id=str(summary["resolution_id"]) if "resolution_id" in summary else None,
                model_version=str(summary["model"]) if "model" in summary else None,
            )

    def _failed(self, identity: str, error: str) -> None:
        self._note(identity, state=RunState.FAILED, error=error, finished_at=datetime.now(UTC))

    def _note(self, identity: str, **changes: Any) -> None:
        run = self._runs[identity]
        if run.state is RunState.RUNNING:
            self._runs[identity] = replace(run, change=run.change + 1, **changes)
            _ = asyncio.ensure_future(self._tell())  # noqa: RUF006 - short, and nothing hangs on it

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()


def step_back() -> None:
    """Let this thread, and all that it starts, work where others leave time: on Linux each thread has its own nice."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
