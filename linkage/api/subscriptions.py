"""The subscriptions."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import strawberry

from linkage.api.connections import LARGEST
from linkage.api.context import Info
from linkage.api.feed import number_of, watch
from linkage.api.ids import named
from linkage.api.types.change import ClusterChange
from linkage.api.types.resolution import Resolution
from linkage.errors import BadInput, NotFound


@strawberry.type(description="What can be watched.")
class Subscription:
    """The root of every watch."""

    @strawberry.subscription(
        description="What becomes of clusters, from now on or from a cursor on; each event carries its cursor. Nothing "
        "is left out and nothing comes twice. `ids`: only of these clusters, and of those that come of them. Whoever "
        "takes an event too late is told FELL_BEHIND and where to go on."
    )
    async def cluster_changed(
        self,
        info: Info,
        ids: list[strawberry.ID] | None = None,
        after: str | None = None,
    ) -> AsyncGenerator[ClusterChange, None]:
        if ids is not None and len(ids) > LARGEST:
            raise BadInput(f"`ids` may hold {LARGEST} values")
        named_ids = [named(str(one), "Cluster").id for one in ids] if ids is not None else None
        async for change in watch(info.context, number_of(after) if after is not None else None, named_ids):
            yield change

    @strawberry.subscription(
        description="How far a resolution of this service is, until it ends; without an id, the one started last."
    )
    async def resolution_progress(
        self,
        info: Info,
        id: strawberry.ID | None = None,
    ) -> AsyncGenerator[Resolution, None]:
        resolving = info.context.work.resolving
        run = resolving.latest() if id is None else resolving.get(named(str(id), "Resolution").id)
        if run is None:
            raise NotFound("this service has started no such resolution")
        async for state in resolving.watch(run.id):
            yield Resolution.of_run(state)
