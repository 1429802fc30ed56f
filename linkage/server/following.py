"""Ledger → graph → links in the background, through every outage of Neo4j.

A fact is accepted when it is in the ledger; this task brings it into the graph and links it at once, and everything
that came meanwhile when Neo4j returns from an outage. It never gives up and never asks anybody.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

from linkage.api.links import Links
from linkage.errors import Conflict, LinkageError
from linkage.service.service import Followed

logger = logging.getLogger("linkage.server")

#: How often to look for what other processes wrote (seconds).
LOOK = 5.0
#: Waits between tries while something is wrong (seconds).
WAITS = (0.5, 1.0, 2.0, 5.0)


@dataclass(frozen=True, slots=True)
class Standing:
    """How the graph stands to the ledger: in step, or since how many tries not."""

    failures: int = 0
    error: str | None = None
    commits: int = 0


class Following:
    """Follows the ledger in a thread whenever something was written; tells `links` how far it is, and whoever wants to
    know (`caught_up`) that something came into the graph."""

    def __init__(
        self,
        follow: Callable[[], Followed],
        written: asyncio.Event,
        links: Links,
        caught_up: Callable[[], None] = lambda: None,
    ) -> None:
        self._follow = follow
        self._written = written
        self._links = links
        self._caught_up = caught_up
        self._task: asyncio.Task[None] | None = None
        self._ended = False
        self._stopping = asyncio.Event()
        self.standing = Standing()

    def start(self) -> None:
        """Begin; looks into the ledger at once."""
        self._written.set()
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """End after the catch-up under way, if any: a thread cannot be cut off, and what it uses is about to close."""
        self._ended = True
        self._stopping.set()
        self._written.set()
        if self._task is not None:
            await self._task

    async def _run(self) -> None:
        while not self._ended:
            await self._wait()
            if self._ended:
                return
            self._written.clear()
            try:
                followed = await asyncio.to_thread(self._follow)
            except Conflict:
                # Another process is at it; what it leaves is found at the next look.
                self.standing = replace(self.standing, failures=0, error=None)
            except LinkageError as error:
                await self._failed(error)
            except Exception as error:
                logger.exception("the graph could not follow the ledger", exc_info=error)
                await self._failed(error)
            else:
                if self.standing.failures:
                    logger.info("the graph follows the ledger again")
                self.standing = Standing(commits=self.standing.commits + followed.commits)
                await self._links.tell(followed)
                if followed.commits:
                    self._caught_up()
                if followed.more:
                    self._written.set()

    async def _wait(self) -> None:
        # While something is wrong a new write is no reason to try at once.
        failures = self.standing.failures
        seconds = WAITS[min(failures, len(WAITS)) - 1] if failures else LOOK
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await (self._stopping.wait() if failures else self._written.wait())

    async def _failed(self, error: Exception) -> None:
        if not self.standing.failures:
            logger.warning("the graph cannot follow the ledger now: %s", type(error).__name__)
        code = error.code if isinstance(error, LinkageError) else "INTERNAL"
        self.standing = replace(self.standing, failures=self.standing.failures + 1, error=code)
        await self._links.give_up()
