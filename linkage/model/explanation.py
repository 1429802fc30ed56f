"""An explanation: why two subjects are held to be one actor's, or not, in bits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from linkage.model.identifier import Identifier
from linkage.model.subject import Subject

#: Evidence that is no identifier: how far apart accounts signed up, in which hours they work, and (against) how few
#: members of two clusters the rest concerns, and what both have of a sort (an address) without any in common; and how
#: an account that the second look took in stands beside all members of its cluster, above or below what the pieces say.
SIGN_UP, BEHAVIOUR, COVERAGE, DIFFERENCE = "sign_up", "behaviour", "coverage", "difference"
STANDING = "standing"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One shared identifier (or behaviour) and what it is worth.

    `bits` is what counted in the total; `full_bits` what the piece would weigh alone, before the discounts that
    `reason` names. Positive speaks for one actor, negative against.
    """

    identifier: Identifier
    bits: float
    full_bits: float
    holders: int
    holder_clusters: int
    reason: str
    left_first_seen: datetime | None = None
    left_last_seen: datetime | None = None
    right_first_seen: datetime | None = None
    right_last_seen: datetime | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """The evidence between two subjects: `total_bits` is the sum of the evidence's bits.

    `posterior` = 1 / (1 + 2^-(total_bits + prior_bits)); a link needs `posterior` ≥ `threshold`.
    """

    left: Subject
    right: Subject
    evidence: tuple[Evidence, ...]
    prior_bits: float
    threshold: float

    @property
    def total_bits(self) -> float:
        """Sum over the evidence, in bits."""
        return sum(piece.bits for piece in self.evidence)

    @property
    def posterior(self) -> float:
        """Probability that one actor runs both."""
        exponent = min(max(self.total_bits + self.prior_bits, -500.0), 500.0)
        return float(1 / (1 + 2**-exponent))

    @property
    def linked(self) -> bool:
        """Whether the direct evidence alone passes the threshold."""
        return self.posterior >= self.threshold
