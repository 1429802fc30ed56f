"""Clusters: subjects held to be run by one actor, what ties them, how they came to be."""

# ruff: noqa: PLC0415 - the nouns refer to each other in a circle
from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from strawberry.relay import PageInfo

from linkage.api.connections import page_info, page_of, slice_of, write_cursor
from linkage.api.context import Info
from linkage.api.ids import NodeId
from linkage.api.types.band import BandType
from linkage.api.types.identifier import Identifier, subject_key
from linkage.api.types.node import Node
from linkage.api.types.past import evidence_page, members_page, present_only
from linkage.api.types.subject import Subject, subject_of
from linkage.api.types.usage import Bucket, Usage, UsageOverTime
from linkage.findings import sentences
from linkage.findings.hypotheses import Cause
from linkage.findings.hypotheses import Hypothesis as HypothesisValue
from linkage.graph.reads import Page, Place, clusters
from linkage.graph.reads.page import Slice
from linkage.model import Identifier as IdentifierValue
from linkage.model import Merge as MergeValue
from linkage.model import MergePiece
from linkage.service.judging import WeakestCut as WeakestCutValue

if TYPE_CHECKING:
    from linkage.api.types.graph import Graph

MEMBERS = "members"
EVIDENCE = "evidence"
HOW = "how"
#: So many members of a cut's smaller part are named.
SMALLER = 100

strawberry.enum(Cause, name="Cause", description="What can stand behind a cluster: one actor, or something benign.")


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
    confidence: float | None = strawberry.field(description="Probability that it is the cluster's actor's.")
    since: datetime | None
    provisional: bool

    @strawberry.field(description="What to do about it; null: its confidence is not known.")
    def band(self, info: Info) -> BandType | None:  # type: ignore[valid-type]
        return info.context.costs.band(self.confidence)


@strawberry.type(description="Members of a cluster, surest first.")
class MemberConnection:
    """A page of members."""

    edges: list[MemberEdge]
    page_info: PageInfo

    @strawberry.field(description="The members alone.")
    def nodes(self) -> list[Subject]:
        return [edge.node for edge in self.edges]

    @classmethod
    def of(cls, found: Slice, as_of: datetime | None = None) -> MemberConnection:
        """The page as the graph gave it, or the ledger's history."""
        edges = [
            MemberEdge(
                node=subject_of(row["subject"]["type"], row["subject"]["node"], row["membership"], as_of),
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


@strawberry.type(description="An identifier that brought two parts together.")
class MergeEvidence:
    """Evidence of a merge."""

    identifier: Identifier
    bits: float = strawberry.field(description="What counted.")
    full_bits: float = strawberry.field(description="What it would weigh alone, before discounts.")

    @classmethod
    def of(cls, piece: MergePiece, secret: bytes) -> MergeEvidence:
        """The piece as the ledger has it."""
        known = {"holder_clusters": piece.holder_clusters}
        return cls(
            identifier=Identifier.of(piece.kind, piece.value, secret, **known),
            bits=piece.bits,
            full_bits=piece.full_bits,
        )


@strawberry.type(description="Two parts that became one.")
class Merge:
    """One step of how a cluster came to be, in the order of the resolution."""

    round: int = strawberry.field(description="The round of the resolution; 0: before the rounds.")
    left: str = strawberry.field(description="One member of the one part, as `account:ID` or `organisation:ID`.")
    right: str = strawberry.field(description="One member of the other part.")
    left_size: int
    right_size: int
    bits: float = strawberry.field(description="Evidence between the two parts.")
    posterior: float = strawberry.field(description="Probability that one actor ran both, as of then.")
    declared: str | None = strawberry.field(
        description="Why it needed no evidence: `declared`, a membership; `decision`, a person's."
    )
    evidence: list[MergeEvidence] = strawberry.field(description="What spoke for it, strongest first.")
    sentence: str = strawberry.field(description="The same in words, values masked.")

    @classmethod
    def of(cls, merge: MergeValue, secret: bytes) -> Merge:
        """The merge as the ledger has it."""
        return cls(
            round=merge.round,
            left=str(merge.left),
            right=str(merge.right),
            left_size=merge.left_size,
            right_size=merge.right_size,
            bits=merge.bits,
            posterior=merge.posterior,
            declared=merge.stated,
            evidence=[MergeEvidence.of(piece, secret) for piece in merge.evidence],
            sentence=sentences.merged(merge),
        )


@strawberry.type(description="A merge in the order in which a cluster came to be.")
class MergeEdge:
    """Merge and place."""

    node: Merge
    cursor: str


@strawberry.type(description="How a cluster came to be: its merges, in their order.")
class MergeConnection:
    """A page of merges."""

    edges: list[MergeEdge]
    page_info: PageInfo
    total_count: int = strawberry.field(description="How many merges there were.")

    @strawberry.field(description="The merges alone.")
    def nodes(self) -> list[Merge]:
        return [edge.node for edge in self.edges]

    @classmethod
    def of(cls, merges: Sequence[MergeValue], page: Page, secret: bytes) -> MergeConnection:
        """The page of the merges."""
        found = slice_of(merges, page)
        edges = [
            MergeEdge(node=Merge.of(row["row"], secret), cursor=write_cursor(HOW, Place(row["place"], "")))
            for row in found.rows
        ]
        return cls(edges=edges, page_info=page_info(found, edges), total_count=len(merges))


@strawberry.type(description="What a cluster would fall into without its weakest merge.")
class WeakestCut:
    """The weakest merge, and the two parts that it holds together as they are now."""

    bits: float = strawberry.field(description="What holds the two parts together, in bits.")
    parts: list[int] = strawberry.field(description="How large the two parts are now, the larger one first.")
    smaller: list[str] = strawberry.field(
        description="Members of the smaller part, as `account:ID` or `organisation:ID`; 100 at most."
    )
    merge: Merge = strawberry.field(description="The merge.")
    also_shared: list[ClusterEvidence] | None = strawberry.field(
        description="What both parts hold by now, strongest first; null: the smaller part is too large to say."
    )
    text: str = strawberry.field(description="The same in words.")

    @classmethod
    def of(cls, found: WeakestCutValue, secret: bytes) -> WeakestCut:
        """The cut as it was found."""
        cut, also = found.cut, found.also_shared
        return cls(
            bits=cut.merge.bits,
            parts=[cut.larger, cut.smaller],
            smaller=[str(member) for member in cut.members[:SMALLER]],
            merge=Merge.of(cut.merge, secret),
            also_shared=[ClusterEvidence.of(row) for row in also] if also is not None else None,
            text=found.text,
        )


@strawberry.type(description="Something known of a cluster that speaks for or against an explanation.")
class HypothesisFinding:
    """A finding as it counts for one explanation."""

    name: str = strawberry.field(description="Its name in the table of findings.")
    bits: float = strawberry.field(description="What it counts: positive speaks for the explanation.")
    sentence: str = strawberry.field(description="What is known.")


@strawberry.type(description="Something that could stand behind a cluster, scored beside the single actor.")
class Hypothesis:
    """An explanation of a cluster; the weights behind its score are stated judgements."""

    cause: Cause = strawberry.field(description="Which one.")
    title: str = strawberry.field(description="What it is called.")
    bits: float = strawberry.field(
        description="The sum of its findings, in bits relative to the single actor; below 0 one actor is likelier."
    )
    reason: str = strawberry.field(description="The strongest findings for it and against it, in a sentence.")
    decided_by: str = strawberry.field(description="What to find out: the fact that would decide.")
    findings: list[HypothesisFinding] = strawberry.field(description="What the score is the sum of.")

    @classmethod
    def of(cls, found: HypothesisValue) -> Hypothesis:
        """The hypothesis as it was weighed."""
        return cls(
            cause=found.cause,
            title=found.title,
            bits=found.bits,
            reason=found.reason,
            decided_by=found.decided_by,
            findings=[HypothesisFinding(name=one.name, bits=one.bits, sentence=one.sentence) for one in found.findings],
        )


@strawberry.type(description="The set of subjects that the service holds to be run by one actor.")
class Cluster(Node):
    """A cluster; one that ended answers with its successors for ever."""

    row: strawberry.Private[Mapping[str, Any]]
    #: the moment that it is told as of; None: now
    as_of: strawberry.Private[datetime | None] = None

    def node_id(self) -> NodeId:
        return NodeId("Cluster", str(self.row["id"]))

    @strawberry.field(description="Its own id, as files and the command line have it.")
    def cluster_id(self) -> str:
        return str(self.row["id"])

    @property
    def live_now(self) -> bool:
        """Whether it has members."""
        return bool(self.row.get("size")) and self.row.get("retired_at") is None

    @strawberry.field(description="Whether it lives; if not, see `successors`.")
    def live(self) -> bool:
        return self.live_now

    @strawberry.field(description="How many subjects; 0 where it ended.")
    def size(self) -> int:
        return int(self.row.get("size") or 0)

    @strawberry.field(description="How many of them are accounts.")
    def account_count(self) -> int:
        return int(self.row.get("accounts") or 0)

    @strawberry.field(description="How many of them are organisations.")
    def organisation_count(self) -> int:
        return int(self.row.get("organisations") or 0)

    @strawberry.field(
        description="How sure its members are on average: the share of them that is expected to be its actor's."
    )
    def confidence(self) -> float | None:
        return self.row.get("confidence")

    @strawberry.field(
        description="What to do about its members if all are treated alike; each has a band of its own. null: it ended."
    )
    def band(self, info: Info) -> BandType | None:  # type: ignore[valid-type]
        return info.context.costs.band(self.row.get("confidence"))

    @strawberry.field(description="When it was first published.")
    def created_at(self) -> datetime | None:
        return self.row.get("created_at")

    @strawberry.field(description="When a resolution last changed it.")
    def updated_at(self) -> datetime | None:
        return self.row.get("updated_at")

    @strawberry.field(description="When it ended; null while it lives.")
    def retired_at(self) -> datetime | None:
        return self.row.get("retired_at")

    @strawberry.field(description="What its accounts used, added up; as of now only.")
    def usage(self) -> Usage:
        present_only(self.as_of, "usage")
        return Usage.of(self.row)

    @strawberry.field(description="What its present accounts used, over time and by model; as of now only.")
    async def usage_over_time(self, info: Info, bucket: Bucket = Bucket.DAY) -> list[UsageOverTime]:
        present_only(self.as_of, "usageOverTime")
        published = await info.context.published()
        rows = await info.context.work.usage_over_time(str(self.row["id"]), bucket.value, published)
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
        if self.as_of is not None:
            return MemberConnection.of(await members_page(info, str(self.row["id"]), self.as_of, page), self.as_of)
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
        return SharedIdentifierConnection.of(await self._evidence(info, page, only))

    @strawberry.field(description="What ties it together, strongest first; what was discounted says why.")
    async def evidence(
        self,
        info: Info,
        kinds: Annotated[list[str] | None, strawberry.argument(description="Only of these kinds.")] = None,
        first: int = 10,
    ) -> list[ClusterEvidence]:
        page = page_of(EVIDENCE, first=first, after=None)
        only = tuple(kinds) if kinds is not None else None
        found = await self._evidence(info, page, only)
        return [ClusterEvidence.of(row) for row in found.rows]

    async def _evidence(self, info: Info, page: Page, kinds: tuple[str, ...] | None) -> Slice:
        if self.as_of is not None:
            return await evidence_page(info, str(self.row["id"]), self.as_of, page, kinds)
        return await info.context.loaders.evidence.load((self.row["id"], page, kinds))

    @strawberry.field(description="The merge with the least evidence: what to look at first when in doubt.")
    async def weakest_link(self, info: Info) -> WeakestLink | None:
        held = self.row.get("weakest")
        return weakest_of(json.loads(held), info.context.work.secret) if held else None

    @strawberry.field(description="The live clusters that came of it: itself while it lives.")
    async def successors(self, info: Info) -> list[Annotated[Cluster, strawberry.lazy("linkage.api.types.cluster")]]:
        if self.live_now:
            return [self]
        if self.as_of is not None:
            found = await info.context.past.successors.load((str(self.row["id"]), self.as_of))
            return [Cluster(row=row, as_of=self.as_of) for row in found]
        return [Cluster(row=row) for row in await info.context.loaders.successors.load(str(self.row["id"]))]

    @strawberry.field(description="What it came from and what became of it, newest first.")
    async def lineage(self, info: Info) -> Lineage:
        if self.as_of is not None:
            return await self._past_lineage(info, self.as_of)
        rows = await info.context.loaders.lineage.load(str(self.row["id"]))
        return Lineage(
            predecessors=[_succession(row) for row in rows if row["side"] == "PREDECESSOR"],
            successors=[_succession(row) for row in rows if row["side"] == "SUCCESSOR"],
        )

    async def _past_lineage(self, info: Info, as_of: datetime) -> Lineage:
        own = str(self.row["id"])
        rows = await info.context.past.lineage.load((own, as_of))
        others = [row["cluster_id"] if row["successor_id"] == own else row["successor_id"] for row in rows]
        known = await info.context.past.cluster.load_many([(other, as_of) for other in others])
        sides: dict[bool, list[Succession]] = {True: [], False: []}
        for row, other in zip(rows, known, strict=True):
            if other is not None:
                cluster = Cluster(row=other, as_of=as_of)
                step = Succession(cluster=cluster, how=row["event"], at=row["at"], members=row["members"])
                sides[row["successor_id"] == own].append(step)
        return Lineage(predecessors=sides[True], successors=sides[False])

    async def _merges(self, info: Info) -> list[MergeValue]:
        if self.as_of is not None:
            return await info.context.past.merges.load((str(self.row["id"]), self.as_of))
        return await info.context.loaders.merges.load(str(self.row["id"]))

    @strawberry.field(
        description="How it came to be: the latest merges that built it, in their order; `how` has pages."
    )
    async def merges(
        self,
        info: Info,
        last: Annotated[int, strawberry.argument(description="So many of the latest, which join large parts.")] = 50,
    ) -> list[Merge]:
        merges = await self._merges(info)
        return [Merge.of(merge, info.context.work.secret) for merge in merges[-last:]] if last > 0 else []

    @strawberry.field(description="How it came to be: every merge that built it, in their order.")
    async def how(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> MergeConnection:
        page = page_of(HOW, first=first, after=after, last=last, before=before)
        merges = await self._merges(info)
        return MergeConnection.of(merges, page, info.context.work.secret)

    @strawberry.field(description="What it would fall into without its weakest merge; null: it rests on no evidence.")
    async def weakest_cut(self, info: Info) -> WeakestCut | None:
        present_only(self.as_of, "weakestCut")
        found = await info.context.loaders.weakest_cut.load(str(self.row["id"]))
        return WeakestCut.of(found, info.context.work.secret) if found is not None else None

    @strawberry.field(
        description="What could stand behind it, likeliest first: one actor, and the benign explanations."
    )
    async def hypotheses(self, info: Info) -> list[Hypothesis]:
        present_only(self.as_of, "hypotheses")
        if not self.live_now:
            return []
        return [Hypothesis.of(found) for found in await info.context.loaders.hypotheses.load(str(self.row["id"]))]

    @strawberry.field(description="Its members and what they share, as nodes and edges to draw.")
    async def graph(
        self,
        info: Info,
        limit: Annotated[int, strawberry.argument(description="So many shared identifiers, strongest first.")] = 100,
    ) -> Annotated[Graph, strawberry.lazy("linkage.api.types.graph")]:
        from linkage.api.types.graph import cluster_graph

        present_only(self.as_of, "graph")
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
