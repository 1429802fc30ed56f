"""Reads that belong together: an answer is of before a publication or of after it, never of both.

A publication reaches the graph in one transaction, but an answer is made of several reads. How far publications are is
looked at before the first of them and after the last. Resolutions touch everything. Links and decisions come many times
a second and touch few clusters: they matter where the answer speaks of one of these.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from linkage.graph.reads.reader import Reader

REACHED = """
MATCH (w:Watermark {key: 'publications'})
RETURN w.epoch AS epoch, w.version AS version, w.resolution AS resolution,
       EXISTS { MATCH (c:Cluster) WHERE c.id IN $ids AND c.published > $version } AS touched
"""
#: What ids of clusters begin with.
CLUSTER_ID = "cl_"


@dataclass(frozen=True, slots=True)
class Reached:
    """How far publications are in the graph: the ledger's version, that of the last resolution, in one life of the
    graph. −1: there is none yet. `touched`: clusters that were asked for changed since."""

    epoch: str | None = None
    version: int = -1
    resolution: int = -1
    touched: bool = False


async def reached(reader: Reader, ids: set[str] | None = None, since: int = -1) -> Reached:
    """How far publications are now, and whether they touched any of these clusters since a version."""
    row = await reader.row(REACHED, ids=sorted(ids or ()), version=since)
    if row is None:
        return Reached()
    resolution = row["resolution"] if row["resolution"] is not None else -1
    return Reached(row["epoch"], row["version"], resolution, row["touched"])


class Frame(Reader):
    """A reader for one answer; the first look is taken before its first read, and only if there is one."""

    def __init__(self, reader: Reader) -> None:
        self.whole: Reader = reader.whole if isinstance(reader, Frame) else reader
        self._look: asyncio.Future[Reached] | None = None
        self._clusters: set[str] = set()

    async def rows(self, text: str, /, **parameters: Any) -> list[dict[str, Any]]:
        """Run one query of the answer, as `Reader.rows`."""
        await self.reached()
        rows = await self.whole.rows(text, **parameters)
        self._clusters.update(_clusters_in(rows))
        return rows

    async def reached(self) -> Reached:
        """How far publications were when the answer was begun."""
        if self._look is None:
            self._look = asyncio.ensure_future(reached(self.whole))
        return await asyncio.shield(self._look)

    async def moved(self) -> bool:
        """Whether what was read may be of before and of after a publication."""
        if self._look is None:
            return False
        before = await self._look
        now = await reached(self.whole, self._clusters, before.version)
        return now.touched or (now.epoch, now.resolution) != (before.epoch, before.resolution)

    async def close(self) -> None:
        """Nothing: the connections are the whole reader's."""


def _clusters_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if value.startswith(CLUSTER_ID):
            yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _clusters_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _clusters_in(inner)
