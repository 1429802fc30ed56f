"""What an evaluation says: plain values, with their intervals, ready for a table or for JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from linkage.model.band import Costs


@dataclass(frozen=True, slots=True)
class Estimate:
    """A measure with its 95 % bootstrap interval; None where it is not defined on this truth."""

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Scores:
    """Precision, recall and F1 of one measure."""

    precision: Estimate
    recall: Estimate
    f1: Estimate


@dataclass(frozen=True, slots=True)
class Bin:
    """Members whose confidence lies in [low, high): how sure we were, how often it was so, with its interval."""

    low: float
    high: float
    members: int
    confidence: float
    correct: float
    correct_low: float | None = None
    correct_high: float | None = None


@dataclass(frozen=True, slots=True)
class Calibration:
    """Whether confidence means what it says, over the members of clusters of two or more."""

    error: Estimate
    members: int
    confidence: float
    correct: float
    brier: float
    bins: tuple[Bin, ...]


@dataclass(frozen=True, slots=True)
class BandShare:
    """Members of one band: how many, their share of all members, how sure we were, how often it was so."""

    band: str
    members: int
    share: float
    confidence: float | None
    correct: Estimate


@dataclass(frozen=True, slots=True)
class Bands:
    """What the bands are worth over the members of clusters of two or more; every cost is that of one account.

    `cost` is what treating each member by its band cost, beside acting on all, leaving all alone, looking at all.
    """

    costs: Costs
    look_from: float
    act_from: float
    members: int
    bands: tuple[BandShare, ...]
    cost: Estimate
    acting_on_all: Estimate
    leaving_all: Estimate
    looking_at_all: float


@dataclass(frozen=True, slots=True)
class Group:
    """One row of a breakdown: accounts of one style, evasion level, behaviour or actor size."""

    name: str
    actors: int
    accounts: int
    rings: bool
    b_cubed: Scores
    best_match: Estimate
    bystanders: Estimate


@dataclass(frozen=True, slots=True)
class Report:
    """Every measure of one clustering against one truth; definitions in docs/measures.md."""

    accounts: int
    actors: int
    clusters: int
    rings: int
    ring_accounts: int
    ring_rule: str
    missing: int
    extra: int
    bootstrap: int
    pairwise: Scores
    b_cubed: Scores
    ring_pairwise: Scores
    ring_b_cubed: Scores
    adjusted_rand: Estimate
    best_match: Estimate
    bystanders: Estimate
    calibration: Calibration | None
    companions: Calibration | None
    bands: Bands | None
    breakdowns: dict[str, tuple[Group, ...]]

    def as_json(self) -> dict[str, Any]:
        """The report as plain dicts, lists and numbers."""
        return asdict(self)
