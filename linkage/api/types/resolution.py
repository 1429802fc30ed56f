"""Resolutions: runs of the engine, finished and under way."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

import strawberry
from strawberry.relay import PageInfo
from strawberry.scalars import JSON

from linkage.api.connections import page_info, write_cursor
from linkage.api.context import Info
from linkage.api.ids import NodeId
from linkage.api.masking import is_masked
from linkage.api.resolving import Run, RunState
from linkage.api.types.node import Node
from linkage.graph.reads import Place
from linkage.graph.reads.page import Slice

RESOLUTIONS = "resolutions"

ResolutionState = strawberry.enum(RunState, name="ResolutionState", description="How far a resolution is.")


#: How one stands in the graph → how it is told; one that was approved is published in a moment.
_STATES = {
    "published": RunState.FINISHED,
    "approved": RunState.FINISHED,
    "waiting": RunState.WAITING,
    "refused": RunState.REFUSED,
    "overtaken": RunState.OVERTAKEN,
}


@strawberry.type(description="A cluster that a resolution changes.")
class ChangedCluster:
    """How large a cluster is before and after."""

    cluster_id: str = strawberry.field(description="Its id; one that would be born has it only once it is published.")
    before: int = strawberry.field(description="How many members it has without the resolution; 0: it is not there.")
    after: int = strawberry.field(description="How many it has with it; 0: it ends.")
    moved: int = strawberry.field(description="How many come and go.")


@strawberry.type(description="How many clusters what becomes of.")
class EventCount:
    """An event and its number."""

    event: str = strawberry.field(description="born, grew, shrank, changed, split, merged, retired.")
    clusters: int = strawberry.field(description="How many rows of lineage.")


@strawberry.type(description="What a resolution changes of what readers are told.")
class ResolutionReport:
    """A report for whoever decides whether a resolution is published."""

    since: str | None = strawberry.field(description="The resolution before; null: it is the first.")
    memberships: int = strawberry.field(description="Subjects whose place changes.")
    known_memberships: int = strawberry.field(description="Those among them that were known at the resolution before.")
    share: float = strawberry.field(
        description="Their share of all known subjects in clusters: above the gate it waits for a person."
    )
    churn: float = strawberry.field(
        description="Share of known clustered accounts whose place changes though nothing new was said of them, nor of "
        "anybody in the clusters that they leave and come to."
    )
    events: list[EventCount] = strawberry.field(description="What becomes of clusters.")
    largest: list[ChangedCluster] = strawberry.field(description="The clusters that change most, ten at most.")
    model_before: str | None = strawberry.field(description="The model version of the resolution before.")
    model_after: str = strawberry.field(description="The model version of this one.")

    @classmethod
    def of(cls, report: Mapping[str, Any]) -> ResolutionReport:
        """The report of a summary."""
        return cls(
            since=report["since"],
            memberships=report["memberships"],
            known_memberships=report["known"],
            share=report["share"],
            churn=report["churn"],
            events=[EventCount(event=event, clusters=count) for event, count in report["clusters"].items()],
            largest=[ChangedCluster(**row) for row in report["largest"]],
            model_before=report["model_before"],
            model_after=report["model_after"],
        )


@strawberry.type(description="One run of the engine: facts, decisions and a model version in, clusters out.")
class Resolution(Node):
    """A resolution."""

    own_id: strawberry.Private[str]
    resolution_id: str | None = strawberry.field(
        description="Its id in ledger and graph, as the command line has it; null while it runs."
    )
    state: ResolutionState  # type: ignore[valid-type]
    started_at: datetime | None
    finished_at: datetime | None
    model_version: str | None
    step: str | None = strawberry.field(description="What it is at.")
    done: int | None = strawberry.field(description="How much of the step is done.")
    total: int | None = strawberry.field(description="How much the step has; null: not known.")
    error: str | None = strawberry.field(description="Why it failed.")
    summary: JSON | None = strawberry.field(description="Counts and timings.")
    reviewed_by: str | None = strawberry.field(description="Who approved or refused it; null: nobody was asked yet.")
    reviewed_at: datetime | None = strawberry.field(description="When that was.")
    said_at_review: strawberry.Private[str | None]

    @strawberry.field(description="The reason that was given; null for those who see everything masked.")
    def review_reason(self, info: Info) -> str | None:
        return None if is_masked(info) else self.said_at_review

    @strawberry.field(description="What it changes, or would change where it waits; null while it runs.")
    def report(self) -> ResolutionReport | None:
        held = cast("Mapping[str, Any] | None", self.summary)
        return ResolutionReport.of(held["changes"]) if held and held.get("changes") else None

    def node_id(self) -> NodeId:
        return NodeId("Resolution", self.own_id)

    @classmethod
    def of_run(cls, run: Run) -> Resolution:
        """A run of this process."""
        return cls(
            own_id=run.id,
            resolution_id=run.resolution_id,
            state=run.state,
            started_at=run.started_at,
            finished_at=run.finished_at,
            model_version=run.model_version,
            step=run.step,
            done=run.done,
            total=run.total,
            error=run.error,
            summary=cast("JSON | None", run.summary),
            reviewed_by=None,
            reviewed_at=None,
            said_at_review=None,
        )

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Resolution:
        """One that came to an end, as the graph has it."""
        summary = row.get("summary")
        return cls(
            own_id=str(row["id"]),
            resolution_id=str(row["id"]),
            state=_STATES.get(str(row.get("state")), RunState.FINISHED),
            started_at=row.get("started_at"),
            finished_at=row.get("finished_at"),
            model_version=row.get("model_version"),
            step=None,
            done=None,
            total=None,
            error=None,
            summary=json.loads(summary) if isinstance(summary, str) and summary else None,
            reviewed_by=row.get("reviewed_by"),
            reviewed_at=row.get("reviewed_at"),
            said_at_review=row.get("reviewed_for"),
        )


@strawberry.type(description="A resolution in a list.")
class ResolutionEdge:
    """Resolution and place."""

    node: Resolution
    cursor: str


@strawberry.type(description="Resolutions that came to an end, newest first.")
class ResolutionConnection:
    """A page of resolutions."""

    edges: list[ResolutionEdge]
    page_info: PageInfo

    @strawberry.field(description="The resolutions alone.")
    def nodes(self) -> list[Resolution]:
        return [edge.node for edge in self.edges]

    @classmethod
    def of(cls, found: Slice) -> ResolutionConnection:
        """The page as the graph gave it."""
        edges = [
            ResolutionEdge(
                node=Resolution.of(row["node"]),
                cursor=write_cursor(RESOLUTIONS, Place(row["value"], str(row["node"]["id"]))),
            )
            for row in found.rows
        ]
        return cls(edges=edges, page_info=page_info(found, edges))
