"""Who waits for its facts to be linked: calls that recorded something, until the run that saw it is through."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping

from linkage.service.linking import NOTHING, Linked
from linkage.service.service import Followed

#: How long a call waits for its links before it is answered without them (seconds): they come all the same.
PATIENCE = 2.0
#: So many runs are remembered for those who ask a moment late.
REMEMBERED = 100


class Links:
    """Tells callers what the run that saw their facts did."""

    def __init__(self) -> None:
        self._runs: deque[tuple[Mapping[str, int], Linked]] = deque(maxlen=REMEMBERED)
        self._changed = asyncio.Condition()
        self._broken = False

    async def tell(self, followed: Followed) -> None:
        """A run is through: the graph and the links are as far as it says."""
        async with self._changed:
            self._broken = False
            self._runs.append((followed.done, followed.linked))
            self._changed.notify_all()

    async def give_up(self) -> None:
        """The graph cannot follow now: nobody should wait."""
        async with self._changed:
            self._broken = True
            self._changed.notify_all()

    async def of(self, table: str, version: int) -> Linked | None:
        """What the run did that was the first to see that version of a table; None where it did not come in time."""
        try:
            async with asyncio.timeout(PATIENCE), self._changed:
                while (linked := self._seen(table, version)) is None and not self._broken:
                    await self._changed.wait()
                return linked
        except TimeoutError:
            return None

    def _seen(self, table: str, version: int) -> Linked | None:
        found = None
        for done, linked in reversed(self._runs):
            if done.get(table, -1) < version:
                break
            found = linked
        return found


def touched(subjects: frozenset[str], linked: Linked = NOTHING) -> list[tuple[str, str | None]]:
    """The clusters that some subjects are in, each with what became of it: `born`, `grew` or nothing."""
    clusters = sorted({linked.where[subject] for subject in subjects if subject in linked.where})
    return [(cluster, linked.events.get(cluster)) for cluster in clusters]
