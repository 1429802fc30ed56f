"""Explanations: why two subjects are held to be one actor's, or not, in bits and in words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import strawberry

from linkage.api.context import Info
from linkage.api.types.cluster import Cluster, Merge
from linkage.api.types.decision import Decision
from linkage.api.types.identifier import Identifier
from linkage.api.types.subject import Subject, subject_of
from linkage.model import Evidence
from linkage.model import Merge as MergeValue
from linkage.service.explaining import Finding, joined_at, missing, told


@strawberry.type(description="An identifier that two subjects share, and what it is worth between them.")
class PairEvidence:
    """A piece of evidence with both periods of use."""

    identifier: Identifier
    bits: float = strawberry.field(description="What counts in the total: positive speaks for one actor.")
    full_bits: float = strawberry.field(description="What it would weigh alone, before discounts.")
    holders: int
    holder_clusters: int
    reason: str = strawberry.field(description="Why it counts as it does.")
    left_first_seen: datetime | None
    left_last_seen: datetime | None
    right_first_seen: datetime | None
    right_last_seen: datetime | None

    @classmethod
    def of(cls, piece: Evidence, secret: bytes) -> PairEvidence:
        """The evidence as the engine weighed it."""
        return cls(
            identifier=Identifier.of(
                piece.identifier.kind,
                piece.identifier.value,
                secret,
                holders=piece.holders,
                holder_clusters=piece.holder_clusters,
            ),
            bits=piece.bits,
            full_bits=piece.full_bits,
            holders=piece.holders,
            holder_clusters=piece.holder_clusters,
            reason=piece.reason,
            left_first_seen=piece.left_first_seen,
            left_last_seen=piece.left_last_seen,
            right_first_seen=piece.right_first_seen,
            right_last_seen=piece.right_last_seen,
        )


@strawberry.type(description="One step of the thread through a cluster: two members that share something.")
class ChainStep:
    """Two members and what is between them."""

    left: Subject
    right: Subject
    bits: float
    posterior: float
    evidence: list[PairEvidence]


@strawberry.type(description="Why two subjects are held to be run by one actor, or why not.")
class Explanation:
    """The evidence between two subjects; where it is not enough, the thread through their cluster."""

    left: Subject
    right: Subject
    linked: bool = strawberry.field(description="Whether they are held to be run by one actor: the same cluster.")
    direct: bool = strawberry.field(description="Whether what the two share is enough by itself.")
    summary: str = strawberry.field(description="The answer in words.")
    total_bits: float = strawberry.field(description="The sum of the evidence.")
    prior_bits: float = strawberry.field(description="What speaks against any two subjects before looking.")
    needed_bits: float = strawberry.field(description="What the evidence must add up to for a link.")
    missing_bits: float = strawberry.field(description="How much of that is missing; 0: enough.")
    posterior: float = strawberry.field(description="Probability that one actor runs both, by this evidence alone.")
    threshold: float = strawberry.field(description="The probability that a link needs.")
    evidence: list[PairEvidence] = strawberry.field(description="What they share, strongest first.")
    missing: list[str] = strawberry.field(description="What is missing or speaks against, in words.")
    decisions: list[Decision] = strawberry.field(
        description="What people said of the two, by themselves or in groups, newest first."
    )
    chain: list[ChainStep] = strawberry.field(
        description="The thread through their cluster from the one to the other, where what they share is not enough."
    )
    cluster: Cluster | None = strawberry.field(description="Their cluster, if they are in the same one.")

    finding: strawberry.Private[Finding]

    @strawberry.field(description="The merge that brought the two together, with its evidence; null: none did.")
    async def joined_by(self, info: Info) -> Merge | None:
        found = await self._joined(info)
        return Merge.of(found, info.context.work.secret) if found else None

    @strawberry.field(
        description="The whole answer in sentences for those who do not read bits: each piece of evidence, what was "
        "discounted and why, the total, the odds before looking, the probability. Values are masked."
    )
    async def sentences(self, info: Info) -> list[str]:
        return told(self.finding, await self._joined(info))

    async def _joined(self, info: Info) -> MergeValue | None:
        if self.cluster is None:
            return None
        merges = await info.context.loaders.merges.load(str(self.cluster.row["id"]))
        return joined_at(merges, self.left.value, self.right.value)

    @classmethod
    def of(cls, finding: Finding, summary: str, secret: bytes) -> Explanation:
        """The finding with its summary."""
        found = finding.explanation
        return cls(
            left=subject_of(finding.left[0], finding.rows[finding.left]),
            right=subject_of(finding.right[0], finding.rows[finding.right]),
            linked=finding.cluster is not None,
            direct=found.linked,
            summary=summary,
            total_bits=found.total_bits,
            prior_bits=found.prior_bits,
            needed_bits=finding.needed_bits,
            missing_bits=finding.missing_bits,
            posterior=found.posterior,
            threshold=found.threshold,
            evidence=_pieces(found.evidence, secret),
            missing=missing(finding),
            decisions=[Decision(row=decision) for decision in finding.decisions],
            chain=[
                ChainStep(
                    left=subject_of(step.left[0], finding.rows[step.left]),
                    right=subject_of(step.right[0], finding.rows[step.right]),
                    bits=step.explanation.total_bits,
                    posterior=step.explanation.posterior,
                    evidence=_pieces(step.explanation.evidence, secret),
                )
                for step in finding.chain
            ],
            cluster=Cluster(row=finding.cluster) if finding.cluster is not None else None,
            finding=finding,
        )


def _pieces(evidence: Sequence[Evidence], secret: bytes) -> list[PairEvidence]:
    return [PairEvidence.of(piece, secret) for piece in sorted(evidence, key=lambda piece: -piece.bits)]
