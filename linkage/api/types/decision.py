"""Decisions: what people said of two ends, how it stands, and what it does."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from strawberry.relay import PageInfo

from linkage.api.connections import page_info, write_cursor
from linkage.api.context import Info
from linkage.api.ids import NodeId
from linkage.api.masking import is_masked
from linkage.api.types.cluster import Cluster
from linkage.api.types.node import Node
from linkage.api.types.subject import Subject, subject_of
from linkage.graph.reads import Place
from linkage.graph.reads.page import Slice
from linkage.model import Decision as DecisionValue
from linkage.model import End, Judgement
from linkage.model import Subject as SubjectValue
from linkage.model.decision import CLUSTER, PART

if TYPE_CHECKING:
    from linkage.service.deciding import Effect, Stated
    from linkage.service.replaying import Touched

DECISIONS = "decisions"

JudgementType = strawberry.enum(
    Judgement, name="Judgement", description="What a person can say of two ends: one actor's, not one actor's, neither."
)


@strawberry.type(description="One side of a decision: a subject, a cluster, or a part that a merge brought into one.")
class DecisionEnd:
    """What stands on one side, and whom it meant."""

    name: str = strawberry.field(
        description="`account:ID`, `organisation:ID`, `cluster:ID`, or `part:ID:MEMBER`, a part of a cluster."
    )
    size: int = strawberry.field(description="How many subjects it stood for when the decision was made.")
    decision_id: strawberry.Private[str]
    side: strawberry.Private[str]
    end: strawberry.Private[End | None] = None

    @property
    def _group(self) -> str | None:
        return self.name.split(":")[1] if self.name.startswith((CLUSTER, PART)) else None

    @strawberry.field(description="The subject that it is; null: it is a group.")
    async def subject(self, info: Info) -> Subject | None:
        if self._group is not None:
            return None
        found = SubjectValue.parse(self.name)
        kind = found.type.value.capitalize()
        loader = info.context.loaders.of_type(kind)
        row = await loader.load(found.id) if loader is not None else None
        return subject_of(kind, row) if row is not None else None

    @strawberry.field(description="The cluster that it is, or is a part of; null: it is a subject.")
    async def cluster(self, info: Info) -> Cluster | None:
        row = await info.context.loaders.cluster.load(self._group) if self._group is not None else None
        return Cluster(row=row) if row is not None else None

    @strawberry.field(description="Whom it stood for when the decision was made, as `account:ID` or `organisation:ID`.")
    async def members(self, info: Info, first: int = 100) -> list[str]:
        if self.end is not None:
            return [str(member) for member in self.end.members[:first]]
        return await info.context.loaders.decided.load((self.decision_id, self.side, first))


@strawberry.type(description="A person's statement about two ends. It can be taken back, and is never deleted.")
class Decision(Node):
    """A decision of the graph, or one that is being made."""

    row: strawberry.Private[Mapping[str, Any]]
    value: strawberry.Private[DecisionValue | None] = None

    def node_id(self) -> NodeId:
        return NodeId("Decision", str(self.row["id"]))

    @classmethod
    def made(cls, value: DecisionValue) -> Decision:
        """The decision as the service made it, whether the graph has it or not."""
        sizes = {"left_size": len(value.left.members), "right_size": len(value.right.members)}
        row = {**value.row, "id": value.id, **sizes}
        return cls(row=row, value=value)

    @strawberry.field(description="Its own id, as files and the command line have it.")
    def decision_id(self) -> str:
        return str(self.row["id"])

    @strawberry.field(description="The one side.")
    def left(self) -> DecisionEnd:
        return self._end("left", self.value.left if self.value else None)

    @strawberry.field(description="The other side.")
    def right(self) -> DecisionEnd:
        return self._end("right", self.value.right if self.value else None)

    @strawberry.field(description="What was said.")
    def judgement(self) -> JudgementType:  # type: ignore[valid-type]
        return Judgement(self.row["judgement"])

    @strawberry.field(description="Who said it.")
    def author(self) -> str | None:
        return self.row.get("author")

    @strawberry.field(description="Why; null for those who see everything masked.")
    def reason(self, info: Info) -> str | None:
        return None if is_masked(info) else self.row.get("reason")

    @strawberry.field(description="When.")
    def decided_at(self) -> datetime | None:
        return self.row.get("decided_at")

    @strawberry.field(description="When it was taken back; null: it was not.")
    def retracted_at(self) -> datetime | None:
        return self.row.get("retracted_at")

    @strawberry.field(description="Who took it back.")
    def retracted_by(self) -> str | None:
        return self.row.get("retracted_by")

    @strawberry.field(description="Why it was taken back; null for those who see everything masked.")
    def retraction(self, info: Info) -> str | None:
        return None if is_masked(info) else self.row.get("retraction")

    @strawberry.field(description="Whether it is the last word on its two ends, and nobody took it back.")
    async def counts(self, info: Info) -> bool:
        return await info.context.loaders.counts.load(str(self.row["id"]))

    @strawberry.field(description="Decisions that count like it and that it cannot be reconciled with.")
    async def contradicts(self, info: Info) -> list[Decision]:
        ids = await info.context.loaders.contradictions.load(str(self.row["id"]))
        rows = await info.context.loaders.decision.load_many(ids)
        return [Decision(row=row) for row in rows if row is not None]

    def _end(self, side: str, end: End | None) -> DecisionEnd:
        return DecisionEnd(
            name=str(self.row[side]),
            size=int(self.row.get(f"{side}_size") or 0),
            decision_id=str(self.row["id"]),
            side=side,
            end=end,
        )


@strawberry.type(description="A decision in a list.")
class DecisionEdge:
    """Decision and place."""

    node: Decision
    cursor: str


@strawberry.type(description="Decisions, newest first.")
class DecisionConnection:
    """A page of decisions."""

    edges: list[DecisionEdge]
    page_info: PageInfo

    @strawberry.field(description="The decisions alone.")
    def nodes(self) -> list[Decision]:
        return [edge.node for edge in self.edges]

    @classmethod
    def of(cls, found: Slice) -> DecisionConnection:
        """The page as the graph gave it."""
        edges = [
            DecisionEdge(
                node=Decision(row=row["node"]),
                cursor=write_cursor(DECISIONS, Place(row["value"], str(row["node"]["id"]))),
            )
            for row in found.rows
        ]
        return cls(edges=edges, page_info=page_info(found, edges))


@strawberry.type(description="A cluster that decisions change, or would change.")
class TouchedCluster:
    """A cluster before and after."""

    cluster_id: str | None = strawberry.field(
        description="Its own id; null: it would be a new cluster, which has none before it is made."
    )
    size_before: int = strawberry.field(description="0: it is a new cluster.")
    size_after: int = strawberry.field(description="0: it ends.")
    confidence_before: float | None
    confidence_after: float | None

    @strawberry.field(description="The cluster as it is now; null: it is not there yet.")
    async def cluster(self, info: Info) -> Annotated[Cluster, strawberry.lazy("linkage.api.types.cluster")] | None:
        row = await info.context.loaders.cluster.load(self.cluster_id) if self.cluster_id else None
        return Cluster(row=row) if row is not None else None

    @classmethod
    def of(cls, touched: Touched) -> TouchedCluster:
        """The cluster as the service told it."""
        return cls(
            cluster_id=touched.cluster_id,
            size_before=touched.size_before,
            size_after=touched.size_after,
            confidence_before=touched.confidence_before,
            confidence_after=touched.confidence_after,
        )


@strawberry.type(description="A decision that is made, and what it means for earlier ones.")
class StatedDecision:
    """A decision with those it stands against."""

    decision: Decision = strawberry.field(description="The decision, as it is recorded or would be.")
    repeated: bool = strawberry.field(description="It was said before, and stands: nothing is written.")
    contradicts: list[Decision] = strawberry.field(
        description="Earlier decisions that stay and that it contradicts; where one of both is `DIFFERENT`, that one "
        "is obeyed."
    )
    replaces: Decision | None = strawberry.field(description="The one on the same ends that no longer counts by it.")

    @classmethod
    def of(cls, stated: Stated) -> StatedDecision:
        """The decision as the service made it."""
        return cls(
            decision=Decision.made(stated.decision),
            repeated=stated.repeated,
            contradicts=[Decision.made(one) for one in stated.contradicts],
            replaces=Decision.made(stated.replaces) if stated.replaces is not None else None,
        )


@strawberry.type(description="What decisions, or taking one back, do to clusters: now, or if they were made now.")
class DecisionEffect:
    """The effect of a change of decisions."""

    summary: str = strawberry.field(description="The effect in words, and if there is none, why.")
    changes: list[str] = strawberry.field(description="Each change in words; none: nothing changes before long.")
    clusters: list[TouchedCluster] = strawberry.field(description="The clusters that change, the largest first.")
    decisions: list[StatedDecision] = strawberry.field(
        description="The decisions in the order in which they were given; none where one is taken back."
    )
    publication_id: str | None = strawberry.field(
        description="Under which id the change was published; null: nothing was."
    )

    @classmethod
    def of(cls, effect: Effect) -> DecisionEffect:
        """The effect as the service told it."""
        return cls(
            summary=effect.summary,
            changes=list(effect.changes),
            clusters=[TouchedCluster.of(one) for one in effect.touched],
            decisions=[StatedDecision.of(one) for one in effect.stated],
            publication_id=effect.publication_id,
        )
