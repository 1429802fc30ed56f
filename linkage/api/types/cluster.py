"""Clusters: subjects held to be run by one actor, what ties them, how they came to be."""

# ruff: noqa: PLC0415 - the nouns refer to each other in a circle
from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from strawberry.relay import PageInfo

from linkage.api.connections import page_info, page_of, write_cursor
from linkage.api.context import Info
from linkage.api.ids import NodeId
from linkage.api.types.identifier import Identifier, subject_key
from linkage.api.types.node import Node
from linkage.api.types.subject import Subject, subject_of
from linkage.api.types.usage import Bucket, Usage, UsageOverTime
from linkage.graph.reads import Place, clusters
from linkage.graph.reads.page import Slice
from linkage.model import Identifier as IdentifierValue

if TYPE_CHECKING:
    from linkage.api.types.graph import Graph

MEMBERS = "members"
EVIDENCE = "evidence"


@strawberry.type(description="An identifier that ties a cluster together, and what it is worth.")
class ClusterEvidence:
    """A piece of evidence, as it was counted when it last tied parts of the cluster."""

    identifier: Identifier
    bits: float = strawberry.field(description="What counted in the total, in bits.")
    full_bits: float = strawberry.field(description="What it would weigh alone, before discounts.")
    members: int = strawberry.field(description="How many members used it.")
    holders: int = strawberry.field(description="How many subjects used it at all.")
    holder_clusters: int = strawberry.field(description="In how many clusters they were.")
    sharing_class: str | None = strawberry.field(description="What kind of place or thing it is.")
    reason: str = strawberry.field(description="Why it counts as it does.")

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> ClusterEvidence:
        """The evidence as the graph has it."""
        tie, node = row["tie"], row["node"]
        return cls(
            identifier=Identifier(row=node),
            bits=float(tie.get("bits") or 0.0),
            full_bits=float(tie.get("full_bits") or tie.get("bits") or 0.0),
            members=int(tie.get("members") or 0),
            holders=int(tie.get("holders") or node.get("holders") or 0),
            holder_clusters=int(tie.get("holder_clusters") or node.get("holder_clusters") or 0),
            sharing_class=node.get("sharing_class"),
            reason=str(tie.get("reason") or ""),
        )


@strawberry.type(description="An identifier that members of a cluster share.")
class SharedIdentifierEdge:
    """Identifier and what it is worth in this cluster."""

    node: Identifier
    cursor: str
    bits: float
    full_bits: float
    members: int
    holders: int
    holder_clusters: int
    sharing_class: str | None
    reason: str


@strawberry.type(description="Identifiers that members of a cluster share, strongest first.")
class SharedIdentifierConnection:
    """A page of shared identifiers."""

    edges: list[SharedIdentifierEdge]
    page_info: PageInfo

    @strawberry.field(description="The identifiers alone.")
    def nodes(self) -> list[Identifier]:
        return [edge.node for edge in self.edges]

    @classmethod
    def of(cls, found: Slice) -> SharedIdentifierConnection:
        """The page as the graph gave it."""
        edges = []
        for row in found.rows:
            piece = ClusterEvidence.of(row)
            edges.append(
                SharedIdentifierEdge(
                    node=piece.identifier,
                    cursor=write_cursor(EVIDENCE, Place(piece.bits, row["node"]["id"])),
                    bits=piece.bits,
                    full_bits=piece.full_bits,
                    members=piece.members,
                    holders=piece.holders,
                    holder_clusters=piece.holder_clusters,
                    sharing_class=piece.sharing_class,
                    reason=piece.reason,
                )
            )
        return cls(edges=edges, page_info=page_info(found, edges))


@strawberry.type(description="A member of a cluster.")
class MemberEdge:
    """Subject, and how sure its place is."""

    node: Subject
    cursor: str
    confidence: float | None
    since: datetime | None
    provisional: bool


@strawberry.type(description="Members of a cluster, surest first.")
class MemberConnection:
    """A page of members."""

    edges: list[MemberEdge]
    page_info: PageInfo

    @strawberry.field(description="The members alone.")
    def nodes(self) -> list[Subject]:
        return [edge.node for edge in self.edges]

    @classmethod
    def of(cls, found: Slice) -> MemberConnection:
        """The page as the graph gave it."""
        edges = [
            MemberEdge(
                node=subject_of(row["subject"]["type"], row["subject"]["node"], row["membership"]),
                cursor=write_cursor(
                    MEMBERS, Place(row["membership"].get("confidence") or 0.0, subject_key(row["subject"]))
                ),
                confidence=row["membership"].get("confidence"),
                since=row["membership"].get("since"),
                provisional=bool(row["membership"].get("provisional")),
            )
            for row in found.rows
        ]
        return cls(edges=edges, page_info=page_info(found, edges))


@strawberry.type(description="The merge with the least evidence: where the cluster is most likely wrong.")
class WeakestLink:
    """The merge with the fewest bits."""

    bits: float = strawberry.field(description="What joined the two parts, in bits.")
    parts: list[int] = strawberry.field(description="How large the two parts were when they were joined.")
    identifiers: list[Identifier] = strawberry.field(description="The evidence that joined them.")
    text: str = strawberry.field(description="The same in words.")


@strawberry.type(description="What became of a cluster, or what it came from.")
class Succession:
    """One step of lineage."""

    cluster: Annotated[Cluster, strawberry.lazy("linkage.api.types.cluster")] = strawberry.field(
        description="The other cluster."
    )
    how: str = strawberry.field(description="`merged`, `split`, …")
    at: datetime | None
    members: int | None = strawberry.field(description="How many members went that way.")


@strawberry.type(description="Two parts that became one.")
class Merge:
    """One step of how a cluster came to be, in the order of the resolution."""

    round: int = strawberry.field(description="The round of the resolution.")
    left: str = strawberry.field(description="One member of the one part, as `account:ID` or `organisation:ID`.")
    right: str = strawberry.field(description="One member of the other part.")
    left_size: int
    right_size: int
    bits: float = strawberry.field(description="Evidence between the two parts.")
    posterior: float = strawberry.field(description="Probability that one actor ran both, as of then.")
    declared: str | None = strawberry.field(description="Why it needed no evidence: a declared membership, a decision.")
    evidence: list[MergeEvidence] = strawberry.field(description="What spoke for it, strongest first.")


@strawberry.type(description="An identifier that brought two parts together.")
class MergeEvidence:
    """Evidence of a merge."""

    identifier: Identifier
    bits: float = strawberry.field(description="What counted.")
    full_bits: float = strawberry.field(description="What it would weigh alone, before discounts.")


@strawberry.type(description="The set of subjects that the service holds to be run by one actor.")
class Cluster(Node):
    """A cluster; one that ended answers with its successors for ever."""

    row: strawberry.Private[Mapping[str, Any]]

    def node_id(self) -> NodeId:
        return NodeId("Cluster", str(self.row["id"]))

    @strawberry.field(description="Its own id, as files and the command line have it.")
    def cluster_id(self) -> str:
        return str(self.row["id"])

    @strawberry.field(description="Whether it lives; if not, see `successors`.")
    def live(self) -> bool:
        return bool(self.row.get("size")) and self.row.get("retired_at") is None

    @strawberry.field(description="How many subjects; 0 where it ended.")
    def size(self) -> int:
        return int(self.row.get("size") or 0)

    @strawberry.field(description="How many of them are accounts.")
    def account_count(self) -> int:
        return int(self.row.get("accounts") or 0)

    @strawberry.field(description="How many of them are organisations.")
    def organisation_count(self) -> int:
        return int(self.row.get("organisations") or 0)

    @strawberry.field(description="How sure the cluster is as a whole: the least sure of its merges.")
    def confidence(self) -> float | None:
        return self.row.get("confidence")

    @strawberry.field(description="When it was first published.")
    def created_at(self) -> datetime | None:
        return self.row.get("created_at")

    @strawberry.field(description="When a resolution last changed it.")
    def updated_at(self) -> datetime | None:
        return self.row.get("updated_at")

    @strawberry.field(description="When it ended; null while it lives.")
    def retired_at(self) -> datetime | None:
        return self.row.get("retired_at")

    @strawberry.field(description="What its accounts used, added up.")
    def usage(self) -> Usage:
        return Usage.of(self.row)

    @strawberry.field(description="What its present accounts used, over time and by model.")
    async def usage_over_time(self, info: Info, bucket: Bucket = Bucket.DAY) -> list[UsageOverTime]:
        rows = await info.context.work.usage_over_time(str(self.row["id"]), bucket.value)
        return [UsageOverTime.of(row) for row in rows]

    @strawberry.field(description="Its members, surest first.")
    async def members(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> MemberConnection:
        page = page_of(MEMBERS, first=first, after=after, last=last, before=before)
        return MemberConnection.of(await info.context.loaders.members.load((self.row["id"], page, None)))

    @strawberry.field(description="The identifiers that its members share, strongest evidence first.")
    async def identifiers(
        self,
        info: Info,
        kinds: Annotated[list[str] | None, strawberry.argument(description="Only of these kinds.")] = None,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> SharedIdentifierConnection:
        page = page_of(EVIDENCE, first=first, after=after, last=last, before=before)
        only = tuple(kinds) if kinds is not None else None
        return SharedIdentifierConnection.of(await info.context.loaders.evidence.load((self.row["id"], page, only)))

    @strawberry.field(description="What ties it together, strongest first; what was discounted says why.")
    async def evidence(
        self,
        info: Info,
        kinds: Annotated[list[str] | None, strawberry.argument(description="Only of these kinds.")] = None,
        first: int = 10,
    ) -> list[ClusterEvidence]:
        page = page_of(EVIDENCE, first=first, after=None)
        only = tuple(kinds) if kinds is not None else None
        found = await info.context.loaders.evidence.load((self.row["id"], page, only))
        return [ClusterEvidence.of(row) for row in found.rows]

    @strawberry.field(description="The merge with the least evidence: what to look at first when in doubt.")
    async def weakest_link(self, info: Info) -> WeakestLink | None:
        held = self.row.get("weakest")
        return weakest_of(json.loads(held), info.context.work.secret) if held else None

    @strawberry.field(description="The live clusters that came of it: itself while it lives.")
    async def successors(self, info: Info) -> list[Annotated[Cluster, strawberry.lazy("linkage.api.types.cluster")]]:
        if self.row.get("size") and self.row.get("retired_at") is None:
            return [self]
        return [Cluster(row=row) for row in await info.context.loaders.successors.load(str(self.row["id"]))]

    @strawberry.field(description="What it came from and what became of it, newest first.")
    async def lineage(self, info: Info) -> Lineage:
        rows = await info.context.loaders.lineage.load(str(self.row["id"]))
        return Lineage(
            predecessors=[_succession(row) for row in rows if row["side"] == "PREDECESSOR"],
            successors=[_succession(row) for row in rows if row["side"] == "SUCCESSOR"],
        )

    @strawberry.field(description="How it came to be: the merges that built it, in their order.")
    async def merges(
        self,
        info: Info,
        last: Annotated[int, strawberry.argument(description="So many of the latest, which join large parts.")] = 50,
    ) -> list[Merge]:
        rows = await info.context.work.merges(str(self.row["id"]))
        return [merge_of(row, info.context.work.secret) for row in rows[-last:]] if last > 0 else []

    @strawberry.field(description="Its members and what they share, as nodes and edges to draw.")
    async def graph(
        self,
        info: Info,
        limit: Annotated[int, strawberry.argument(description="So many shared identifiers, strongest first.")] = 100,
    ) -> Annotated[Graph, strawberry.lazy("linkage.api.types.graph")]:
        from linkage.api.types.graph import cluster_graph

        return await cluster_graph(info.context, str(self.row["id"]), limit)


@strawberry.type(description="What a cluster came from and what became of it.")
class Lineage:
    """Direct predecessors and successors."""

    predecessors: list[Succession]
    successors: list[Succession]


@strawberry.type(description="A cluster in a list.")
class ClusterEdge:
    """Cluster and place."""

    node: Cluster
    cursor: str


@strawberry.type(description="Clusters.")
class ClusterConnection:
    """A page of clusters."""

    edges: list[ClusterEdge]
    page_info: PageInfo
    filters: strawberry.Private[Mapping[str, object]]

    @strawberry.field(description="The clusters alone.")
    def nodes(self) -> list[Cluster]:
        return [edge.node for edge in self.edges]

    @strawberry.field(description="How many clusters the filter lets through.")
    async def total_count(self, info: Info) -> int:
        return await clusters.count(info.context.reader, self.filters)


def _succession(row: Mapping[str, Any]) -> Succession:
    about = row["succession"]
    return Succession(
        cluster=Cluster(row=row["node"]),
        how=str(about.get("how") or ""),
        at=about.get("at"),
        members=about.get("members"),
    )


def identifier_of_pair(piece: Mapping[str, Any] | str, secret: bytes) -> Identifier:
    """The identifier of a JSON piece: `{"kind": …, "value": …}` or `"kind:value"`."""
    if isinstance(piece, str):
        value = IdentifierValue.of_key(piece)
        return Identifier.of(value.kind, value.value, secret)
    known = {name: piece[name] for name in ("holders", "holder_clusters", "sharing_class") if name in piece}
    return Identifier.of(str(piece["kind"]), str(piece["value"]), secret, **known)


def weakest_of(held: Mapping[str, Any], secret: bytes) -> WeakestLink:
    """The weakest link as the engine wrote it down."""
    parts = [int(part) for part in held.get("parts") or ()]
    identifiers = [identifier_of_pair(piece, secret) for piece in held.get("identifiers") or ()]
    bits = float(held.get("bits") or 0.0)
    kinds = Counter(str(found.row["kind"]) for found in identifiers)
    names = " and ".join(f"{count} × {kind}" if count > 1 else kind for kind, count in kinds.items())
    names = names or "its weakest evidence"
    sizes = " and ".join(str(part) for part in parts)
    text = f"Its weakest merge rests on {bits:.1f} bits of {names}" + (f", between parts of {sizes}." if parts else ".")
    return WeakestLink(bits=bits, parts=parts, identifiers=identifiers, text=text)


def merge_of(row: Mapping[str, Any], secret: bytes) -> Merge:
    """A merge as the ledger has it."""
    evidence = row.get("evidence") or []
    pieces = json.loads(evidence) if isinstance(evidence, str) else evidence
    return Merge(
        round=int(row["round"]),
        left=str(row["left"]),
        right=str(row["right"]),
        left_size=int(row["left_size"]),
        right_size=int(row["right_size"]),
        bits=float(row["bits"] or 0.0),
        posterior=float(row["posterior"] or 0.0),
        declared=next((str(piece["declared"]) for piece in pieces if "declared" in piece), None),
        evidence=[
            MergeEvidence(
                identifier=identifier_of_pair(piece, secret),
                bits=float(piece.get("bits") or 0.0),
                full_bits=float(piece.get("full_bits") or piece.get("bits") or 0.0),
            )
            for piece in pieces
            if "kind" in piece
        ],
    )
