"""The feed of changes, page by page or as they come.

A watcher has no queue: each change is read from the graph when the one before it was taken, so that a slow consumer
holds a connection and nothing else. One that is too slow is told its cursor, to come back with.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from typing import Any

from linkage.api.connections import LARGEST, read_cursor
from linkage.api.context import Context
from linkage.api.types.change import CHANGES, ClusterChange, change_cursor
from linkage.errors import FellBehind
from linkage.graph.reads import changes

#: How often to look for what other processes brought into the graph (seconds).
LOOK = 1.0
#: How long a consumer may take for one change (seconds).
PATIENCE = 30.0


def number_of(cursor: str) -> int:
    """The number that a cursor names; raise `BadInput` for one that is not of the feed."""
    place = read_cursor(cursor, CHANGES)
    return int(place.value) if isinstance(place.value, int | float) else 0


async def watch(
    context: Context, after: int | None, ids: list[str] | None, *, patience: float = PATIENCE
) -> AsyncGenerator[ClusterChange, None]:
    """Changes from a number on (None: from now on), as they are published; of some clusters and of what comes of them,
    where ids are given.

    Raises `FellBehind` where the consumer takes longer than `patience` seconds for one of them.
    """
    at = await changes.last(context.reader) if after is None else after
    followed = None if ids is None else await changes.followed(context.reader, ids, at)
    while True:
        context.begin()
        end = await changes.last(context.reader)
        rows = await changes.page(context.reader, at, LARGEST, ids=followed)
        for row in rows:
            at = int(row["number"])
            context.begin()
            given = time.monotonic()
            yield ClusterChange(row=row)
            if time.monotonic() - given > patience:
                cursor = change_cursor(at)
                raise FellBehind(
                    f"the subscription was given up: a change was not taken within {patience:.0f} s",
                    next_step=f'Go on with `clusterChanges(after: "{cursor}")`, or subscribe again with that cursor.',
                )
            if followed is not None and _leads_on(row, followed):
                followed.add(row["successor_id"])
                break  # what was read beyond it leaves that one out
        else:
            if len(rows) < LARGEST:
                at = max(at, end)
                await context.work.projected.wait(LOOK)


def _leads_on(row: dict[str, Any], followed: set[str]) -> bool:
    """Whether a followed cluster leads to one that is not followed yet."""
    return row.get("successor_id") is not None and row["cluster_id"] in followed and row["successor_id"] not in followed
