"""The subscriptions."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import strawberry

from linkage.api.context import Info
from linkage.api.ids import named
from linkage.api.types.resolution import Resolution
from linkage.errors import NotFound


@strawberry.type(description="What can be watched.")
class Subscription:
    """The root of every watch."""

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
