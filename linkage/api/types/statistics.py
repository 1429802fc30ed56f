"""How much there is, and how current it is."""

from __future__ import annotations

from datetime import datetime

import strawberry

from linkage.api.context import Info
from linkage.api.types.resolution import Resolution
from linkage.api.types.scalars import Long
from linkage.graph.reads import Page, resolutions, statistics


@strawberry.type(description="How much there is of a kind of identifier.")
class KindStatistics:
    """Counts of one kind."""

    kind: str
    identifiers: Long = strawberry.field(description="How many values.")
    shared: Long = strawberry.field(description="How many of them have two holders or more.")
    most_holders: Long = strawberry.field(description="The most holders of one value.")


@strawberry.type(description="How much there is, and how current it is.")
class Statistics:
    """Counts over the whole graph."""

    accounts: Long
    organisations: Long
    identifiers: Long
    observations: Long = strawberry.field(description="Which subject used which identifier.")
    clusters: Long = strawberry.field(description="Live clusters.")
    clustered_subjects: Long = strawberry.field(description="Subjects in a cluster.")
    clustered_accounts: Long = strawberry.field(description="Accounts in a cluster.")
    largest_cluster: Long = strawberry.field(description="Members of the largest cluster.")

    @strawberry.field(description="The last finished resolution.")
    async def last_resolution(self, info: Info) -> Resolution | None:
        found = await resolutions.page(info.context.reader, Page(size=1), published=True)
        return Resolution.of(found.rows[0]["node"]) if found.rows else None

    @strawberry.field(description="When the last resolution finished; null: there was none.")
    async def resolved_at(self, info: Info) -> datetime | None:
        found = await resolutions.page(info.context.reader, Page(size=1), published=True)
        return found.rows[0]["value"] if found.rows else None

    @strawberry.field(description="The resolution that waits for a person's word; null: none does.")
    async def waiting_resolution(self, info: Info) -> Resolution | None:
        row = await resolutions.waiting(info.context.reader)
        return Resolution.of(row) if row is not None else None

    @strawberry.field(
        description="When the service next resolves by itself where there is news; null: never, or one is under way."
    )
    def next_resolution(self, info: Info) -> datetime | None:
        return info.context.work.schedule.due

    @strawberry.field(description="By kind of identifier, most values first.")
    async def kinds(self, info: Info) -> list[KindStatistics]:
        return [
            KindStatistics(
                kind=row["kind"],
                identifiers=row["identifiers"],
                shared=row["shared"],
                most_holders=Long(row["most_holders"] or 1),
            )
            for row in await statistics.kinds(info.context.reader)
        ]
