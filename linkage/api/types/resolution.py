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
from linkage.api.ids import NodeId
from linkage.api.resolving import Run, RunState
from linkage.api.types.node import Node
from linkage.graph.reads import Place
from linkage.graph.reads.page import Slice

RESOLUTIONS = "resolutions"

ResolutionState = strawberry.enum(RunState, name="ResolutionState", description="How far a resolution is.")


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
        )

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Resolution:
        """A finished one, as the graph has it."""
        summary = row.get("summary")
        return cls(
            own_id=str(row["id"]),
            resolution_id=str(row["id"]),
            state=RunState.FINISHED,
            started_at=row.get("started_at"),
            finished_at=row.get("finished_at"),
            model_version=row.get("model_version"),
            step=None,
            done=None,
            total=None,
            error=None,
            summary=json.loads(summary) if isinstance(summary, str) and summary else None,
        )


@strawberry.type(description="A resolution in a list.")
class ResolutionEdge:
    """Resolution and place."""

    node: Resolution
    cursor: str


@strawberry.type(description="Finished resolutions, newest first.")
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
