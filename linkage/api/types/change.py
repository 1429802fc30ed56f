"""What became of clusters, as a feed: each change once, in the order in which they were published."""

from __future__ import annotations

import enum
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import strawberry
from strawberry.relay import PageInfo

from linkage.api.connections import write_cursor
from linkage.api.context import Info
from linkage.api.types.cluster import Cluster
from linkage.api.types.identifier import Identifier
from linkage.findings import sentences
from linkage.graph.changes import EVENTS
from linkage.graph.reads import Place
from linkage.model import PublicationKind

CHANGES = "changes"

ClusterEvent = enum.Enum("ClusterEvent", {event.upper(): event for event in EVENTS})  # type: ignore[misc]
ClusterEventType = strawberry.enum(
    ClusterEvent,
    name="ClusterEvent",
    description="What became of a cluster: it was born, only gained (GREW), only lost (SHRANK) or both (CHANGED); some "
    "of its members are in another (SPLIT), all are (MERGED), or it ended and they are alone (RETIRED).",
)
PublicationKindType = strawberry.enum(
    PublicationKind, name="PublicationKind", description="What published a change: a resolution, a fact, a decision."
)


@strawberry.type(description="An identifier that brought members into a cluster.")
class ChangeEvidence:
    """Identifier and what it counted."""

    identifier: Identifier = strawberry.field(description="Which one.")
    bits: float = strawberry.field(description="What it counted, in bits.")


@strawberry.type(description="What became of a cluster in one publication.")
class ClusterChange:
    """A change, and where it stands in the order of all."""

    row: strawberry.Private[Mapping[str, Any]]

    @strawberry.field(description="Its place in the order of all changes, for `after`; the same for ever.")
    def cursor(self) -> str:
        return change_cursor(self.row["number"])

    @strawberry.field(description="What happened.")
    def event(self) -> ClusterEventType:  # type: ignore[valid-type]
        return ClusterEvent(self.row["event"])

    @strawberry.field(description="The id of the cluster that it happened to.")
    def cluster_id(self) -> str:
        return str(self.row["cluster_id"])

    @strawberry.field(description="That cluster as it is by now.")
    async def cluster(self, info: Info) -> Cluster | None:
        return await _cluster(info, self.row["cluster_id"])

    @strawberry.field(description="The id of the cluster where members went; null: they are in no other.")
    def successor_id(self) -> str | None:
        held = self.row.get("successor_id")
        return str(held) if held is not None else None

    @strawberry.field(description="The cluster where members went, as it is by now.")
    async def successor(self, info: Info) -> Cluster | None:
        held = self.row.get("successor_id")
        return await _cluster(info, held) if held is not None else None

    @strawberry.field(description="How many went there; where it lives on, how many it has now.")
    def members(self) -> int:
        return int(self.row.get("members") or 0)

    @strawberry.field(description="When it was published.")
    def at(self) -> datetime:
        moment: datetime = self.row["at"]
        return moment

    @strawberry.field(description="The publication's id: that of a resolution, where one published it.")
    def publication_id(self) -> str:
        return str(self.row["publication"])

    @strawberry.field(description="What published it.")
    def publication_kind(self) -> PublicationKindType:  # type: ignore[valid-type]
        return PublicationKind(self.row["kind"])

    @strawberry.field(
        description="The strongest identifiers that brought members in, three at most; none where members left, or "
        "where a declaration or a decision needed no evidence."
    )
    def evidence(self, info: Info) -> list[ChangeEvidence]:
        return [
            ChangeEvidence(
                identifier=Identifier.of(piece["kind"], piece["value"], info.context.work.secret),
                bits=float(piece["bits"]),
            )
            for piece in self._pieces
        ]

    @strawberry.field(description="The same in words, values masked.")
    def sentence(self) -> str:
        return sentences.became(self.row, self._pieces)

    @property
    def _pieces(self) -> list[dict[str, Any]]:
        held = self.row.get("evidence")
        return json.loads(held) if held else []


@strawberry.type(description="A change in the feed.")
class ClusterChangeEdge:
    """Change and place."""

    node: ClusterChange
    cursor: str


@strawberry.type(description="What became of clusters, in the order in which it was published.")
class ClusterChangeConnection:
    """A page of the feed. Go on with `after: endCursor`, at once while there is more and later when there is not."""

    edges: list[ClusterChangeEdge]
    page_info: PageInfo

    @strawberry.field(description="The changes alone.")
    def nodes(self) -> list[ClusterChange]:
        return [edge.node for edge in self.edges]

    @classmethod
    def of(cls, rows: list[dict[str, Any]], size: int, after: int) -> ClusterChangeConnection:
        """A page of rows, one more than its size where there are more; without any, its end is where it began."""
        edges = [
            ClusterChangeEdge(node=ClusterChange(row=row), cursor=change_cursor(row["number"])) for row in rows[:size]
        ]
        return cls(
            edges=edges,
            page_info=PageInfo(
                has_next_page=len(rows) > size,
                has_previous_page=False,
                start_cursor=edges[0].cursor if edges else None,
                end_cursor=edges[-1].cursor if edges else change_cursor(after),
            ),
        )


def change_cursor(number: int) -> str:
    """The cursor of a number."""
    return write_cursor(CHANGES, Place(int(number), ""))


async def _cluster(info: Info, identity: str) -> Cluster | None:
    row = await info.context.loaders.cluster.load(str(identity))
    return Cluster(row=row) if row is not None else None
