"""Facts as callers send them, and what became of them."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import TYPE_CHECKING

import strawberry
from strawberry.scalars import JSON

from linkage.api.context import Info
from linkage.api.types.cluster import Cluster
from linkage.api.types.scalars import Long

if TYPE_CHECKING:
    from linkage.api.links import Touched
    from linkage.engine.online import Bridge
    from linkage.service.recording import Recorded


@strawberry.input(description="That a subject used an identifier.")
class ObservationInput:
    """A row of `observations`; one of accountId and organisationId."""

    account_id: str | None = None
    organisation_id: str | None = None
    kind: str
    value: str
    first_seen: datetime | None = None
    last_seen: datetime | None = None
    count: int | None = None
    source: str | None = None


@strawberry.input(description="What an account used in an hour.")
class UsageInput:
    """A row of `usage`."""

    account_id: str
    window_start: datetime
    model: str | None = None
    endpoint: str | None = None
    requests: Long | None = None
    input_tokens: Long | None = None
    output_tokens: Long | None = None


@strawberry.input(description="An account as the provider describes it.")
class AccountInput:
    """A row of `accounts`."""

    account_id: str
    created_at: datetime | None = None
    status: str | None = None
    organisation_id: str | None = None
    country: str | None = None
    plan: str | None = None
    display_name: str | None = None
    attributes: JSON | None = strawberry.field(default=None, description="Whatever else there is, as an object.")


@strawberry.type(description="A row that was not taken.")
class RejectedRow:
    """Which row, and why."""

    row: int = strawberry.field(description="The row, counted from 1.")
    column: str | None
    code: str = strawberry.field(description="`BAD_TIME`, `BAD_VALUE`, `CARD_NUMBER`, `MISSING_COLUMN`, …")
    reason: str = strawberry.field(description="Why, for a person.")


@strawberry.enum(description="What a new fact did to a cluster.")
class LinkEvent(enum.Enum):
    """Born of two that were alone, or grown."""

    BORN = "born"
    GREW = "grew"


@strawberry.type(description="A cluster that somebody is in of whom a call told something.")
class LinkedCluster:
    """The cluster, and what the call's facts did to it."""

    own_id: strawberry.Private[str]
    event: LinkEvent | None = strawberry.field(
        description="What became of it by what came in with this call; null: nothing."
    )

    @strawberry.field(description="The cluster as it is now.")
    async def cluster(self, info: Info) -> Cluster | None:
        row = await info.context.loaders.cluster.load(self.own_id)
        return Cluster(row=row) if row is not None else None


@strawberry.type(
    description="Two clusters that what a subject uses would join. Facts as they arrive merge no clusters: look at it, "
    "or let the next resolution weigh it."
)
class ClusterBridge:
    """A subject near two clusters."""

    subject: str = strawberry.field(description="`account:ID` or `organisation:ID`, who is in one of them.")
    bits: float = strawberry.field(description="The evidence between it and the other one.")
    left_id: strawberry.Private[str]
    right_id: strawberry.Private[str]

    @strawberry.field(description="The one cluster.")
    async def left(self, info: Info) -> Cluster | None:
        row = await info.context.loaders.cluster.load(self.left_id)
        return Cluster(row=row) if row is not None else None

    @strawberry.field(description="The other one.")
    async def right(self, info: Info) -> Cluster | None:
        row = await info.context.loaders.cluster.load(self.right_id)
        return Cluster(row=row) if row is not None else None

    @classmethod
    def of(cls, bridge: Bridge) -> ClusterBridge:
        """The bridge as the engine found it."""
        return cls(subject=bridge.subject, bits=bridge.bits, left_id=bridge.left, right_id=bridge.right)


@strawberry.type(description="What became of the rows of one call. What is accepted is on disk.")
class RecordResult:
    """Accepted, duplicate, rejected."""

    accepted: int = strawberry.field(description="Rows that were new.")
    duplicate: int = strawberry.field(description="Rows that were known already.")
    rejected: list[RejectedRow] = strawberry.field(description="Rows that were not taken, and why.")
    repeated: bool = strawberry.field(description="The same idempotency key came before: nothing was written.")
    batch_id: str
    linked: bool = strawberry.field(
        description="The facts are in the graph and linked. Else, with `wait`, that took too long and comes later."
    )
    touched: list[LinkedCluster] = strawberry.field(
        description="The clusters of those named, provisional until the next resolution; known once `linked`."
    )
    bridges: list[ClusterBridge] = strawberry.field(
        description="Clusters that those named bring near each other: for a person to look at. Known once `linked`."
    )

    @classmethod
    def of(cls, recorded: Recorded, touched: Touched | None) -> RecordResult:
        """The answer of the service."""
        return cls(
            accepted=recorded.accepted,
            duplicate=recorded.duplicate,
            rejected=[
                RejectedRow(row=refused.line, column=refused.column, code=refused.code, reason=refused.reason)
                for refused in recorded.rejections
            ],
            repeated=recorded.repeated,
            batch_id=recorded.batch_id,
            linked=touched is not None,
            touched=[
                LinkedCluster(own_id=cluster, event=None if event is None else LinkEvent(event))
                for cluster, event in (touched.clusters if touched else ())
            ],
            bridges=[ClusterBridge.of(bridge) for bridge in (touched.bridges if touched else ())],
        )
