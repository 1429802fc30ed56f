"""Turns: so many at once, so many of one caller; the others wait, and callers are served in a ring.

A caller who asks for sixty-four things waits for their own; whoever asks for one comes next. How many wait is bounded,
for each caller and in all, and so is how long: what is beyond is refused with a time to come back.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from linkage.access.budgets import Lane
from linkage.errors import Overloaded, RateLimited

#: Of one caller, and of all, so many wait at most.
WAITING_EACH = 64
WAITING = 512
#: Nobody waits for longer (seconds).
PATIENCE = 10.0
#: When whoever is refused should come back (seconds).
RETRY_AFTER = 2


class Turns:
    """The turns of one lane."""

    def __init__(
        self, lane: Lane, *, waiting_each: int = WAITING_EACH, waiting: int = WAITING, patience: float = PATIENCE
    ) -> None:
        self._lane = lane
        self._waiting_each = waiting_each
        self._most_waiting = waiting
        self._patience = patience
        self._held: dict[str, int] = {}
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    @property
    def held(self) -> int:
        """Turns that are held now."""
        return sum(self._held.values())

    @property
    def waiting(self) -> int:
        """How many wait now."""
        return sum(map(len, self._waiting.values()))

    @asynccontextmanager
    async def turn(self, who: str) -> AsyncIterator[None]:
        """Hold a turn. Raises `RateLimited` where the caller has too many waiting, `Overloaded` where all have."""
        await self._take(who)
        try:
            yield
        finally:
            self._give(who)

    async def _take(self, who: str) -> None:
        if who not in self._waiting and self._may(who):
            self._held[who] = self._held.get(who, 0) + 1
            return
        own = self._waiting.get(who, ())
        if len(own) >= self._waiting_each:
            raise RateLimited(
                "too many operations of this caller at once", retry_after=RETRY_AFTER, next_step="Send fewer at once."
            )
        if self.waiting >= self._most_waiting:
            raise _overloaded()
        granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(who, deque()).append(granted)
        try:
            async with asyncio.timeout(self._patience):
                await granted
        except BaseException as left:
            self._leave(who, granted)
            if isinstance(left, TimeoutError):
                raise _overloaded() from None
            raise

    def _leave(self, who: str, granted: asyncio.Future[None]) -> None:
        """Wait no longer; a turn that was granted in the same moment goes on to the next."""
        if granted.done() and not granted.cancelled():
            self._give(who)
        elif granted in self._waiting.get(who, ()):
            self._waiting[who].remove(granted)
            if not self._waiting[who]:
                del self._waiting[who]

    def _give(self, who: str) -> None:
        self._held[who] -= 1
        if not self._held[who]:
            del self._held[who]
        while (following := next(filter(self._may, self._waiting), None)) is not None:
            self._grant(following)

    def _may(self, who: str) -> bool:
        return self.held < self._lane.at_once and self._held.get(who, 0) < self._lane.each

    def _grant(self, who: str) -> None:
        own = self._waiting.pop(who)
        granted = own.popleft()
        if own:
            self._waiting[who] = own  # at the end of the ring
        if not granted.cancelled():  # whoever left in this moment has not woken up to say so
            self._held[who] = self._held.get(who, 0) + 1
            granted.set_result(None)


def _overloaded() -> Overloaded:
    return Overloaded(
        "the service is busy with what others ask", retry_after=RETRY_AFTER, next_step="Try again in a moment."
    )
