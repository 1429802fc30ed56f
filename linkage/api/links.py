"""Who waits for its facts to be linked: calls that recorded something, until the run that saw it is through."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from linkage.engine.online import Bridge
from linkage.service.linking import Linked
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


@dataclass(frozen=True, slots=True)
class Touched:
    """What became of those whom a call told something of: the clusters that they are in, each with what became of it
    (`born`, `grew` or nothing), and the clusters that they bring near each other."""

    clusters: tuple[tuple[str, str | None], ...]
    bridges: tuple[Bridge, ...]

    @classmethod
    def of(cls, subjects: frozenset[str], linked: Linked) -> Touched:
        """Of some subjects, what was found."""
        clusters = sorted({linked.where[subject] for subject in subjects if subject in linked.where})
        return cls(
            tuple((cluster, linked.events.get(cluster)) for cluster in clusters),
            tuple(bridge for bridge in linked.bridges if bridge.subject in subjects),
        )
