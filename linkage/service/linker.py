"""Links news as it arrives, and remembers from one run to the next what runs are made of.

Whoever was told of first is looked at first. Those who share with somebody who found a place may find theirs too, but
they are many where an identifier is crowded, and nobody waits for them: ripples are looked at while there is no news,
and now and then where there is always some.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice

from linkage.engine.model import Model
from linkage.graph.connection import Graph
from linkage.graph.projection import Projector
from linkage.ledger import Ledger
from linkage.service.linking import NOTHING, Apart, Linked, News, Scales, find_links, kept_apart, news_since, scales

#: How far from the news ripples go: the fellows of a newcomer, then theirs.
FARTHEST = 2
#: Ripples that one run looks at, and that wait at most: the others are left to the next resolution.
AT_ONCE = 20
MOST_WAITING = 5_000
#: Uses that are remembered as news while ripples wait, at most.
MOST_REMEMBERED = 100_000
#: Seconds after which ripples are looked at beside the news, where there is always some.
TURN = 2.0


class Ripples:
    """Subjects that wait to be looked at, by how far they are from the news, and what was news since they began to."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Look at nobody again."""
        self._waiting: list[dict[str, None]] = [{} for _ in range(FARTHEST)]
        self._seen: dict[tuple[str, str, str], int] = {}

    def __len__(self) -> int:
        return sum(map(len, self._waiting))

    def next(self) -> list[list[str]]:
        """Those whose turn it is, by distance: the nearest first, and of these who has waited longest."""
        nearest = next((distance for distance, waiting in enumerate(self._waiting) if waiting), 0)
        return [list(islice(waiting, AT_ONCE)) if at == nearest else [] for at, waiting in enumerate(self._waiting)]

    def join(self, news: News) -> News:
        """The news with what was news before it and still sends ripples: no resolution has seen that either."""
        seen = self._seen.copy()
        for use, count in news.seen.items():
            seen[use] = seen.get(use, 0) + count
        return News(news.subjects, seen)

    def move_on(self, looked_at: Iterable[Sequence[str]], ripples: Iterable[Iterable[str]], news: News) -> None:
        """Forget those that were looked at, and note those that these bring, both by distance."""
        for waiting, done in zip(self._waiting, looked_at, strict=True):
            for subject in done:
                waiting.pop(subject, None)
        for waiting, found in zip(self._waiting, ripples, strict=False):
            waiting.update(dict.fromkeys(found))
        self._seen = dict(news.seen)
        if not len(self) or len(self) > MOST_WAITING or len(self._seen) > MOST_REMEMBERED:
            self.clear()


class Linker:
    """Looks at those of whom the graph has something new, and at ripples."""

    def __init__(self, ledger: Ledger, graph: Graph, projector: Projector, model: Model) -> None:
        self._ledger, self._graph, self._projector, self._model = ledger, graph, projector, model
        self._ripples = Ripples()
        self._next_turn = 0.0
        #: what newcomers are judged by, as of which publication
        self._scales: Scales | None = None
        self._scales_of = -1
        #: whom decisions keep apart, as of which versions of their tables
        self._apart: Apart = {}
        self._apart_of: Mapping[str, int | None] = {}

    @property
    def waits(self) -> bool:
        """Whether there are ripples to look at."""
        return len(self._ripples) > 0

    def link(self, publish: Callable[[Linked], None]) -> Linked:
        """Find links and have them published, in the ledger and the graph, while nobody else publishes.

        Nothing is linked before the first resolution. What could not be published is found again.
        """
        judged_by = self._scales_now()
        if judged_by is None:
            return NOTHING
        projector = self._projector
        fresh = news_since(self._ledger, projector.linked(), projector.reached(), judged_by.versions)
        news = self._ripples.join(fresh)
        ripples: list[list[str]] = [[] for _ in range(FARTHEST)]
        if not fresh.subjects or time.monotonic() > self._next_turn:
            ripples, self._next_turn = self._ripples.next(), time.monotonic() + TURN
        waiting = [sorted(fresh.subjects), *([one for one in some if one not in fresh.subjects] for some in ripples)]
        linked, brought = find_links(self._graph, self._model, waiting, news, judged_by, self._kept_apart())
        if linked.rows:
            publish(linked)
            # A link changes nothing of what newcomers are judged by.
            self._scales_of = projector.reached()["publications"]
        self._ripples.move_on(ripples, brought, news)
        return linked

    def _scales_now(self) -> Scales | None:
        published = self._projector.reached().get("publications", -1)
        if published != self._scales_of:
            found = scales(self._graph)
            if found != self._scales:
                self._ripples.clear()  # a resolution has looked at everybody
            self._scales, self._scales_of = found, published
        return self._scales

    def _kept_apart(self) -> Apart:
        versions = {name: self._ledger.version(name) for name in ("decisions", "retractions")}
        if versions != self._apart_of:
            self._apart, self._apart_of = kept_apart(self._ledger), versions
        return self._apart
