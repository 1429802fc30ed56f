"""Bands: what to do about a member of a cluster, by what the two mistakes and a look cost.

Of an account that is the cluster's actor's with probability p,

    acting on it costs         (1 − p) · wrong
    leaving it alone costs     p · missed
    looking at it costs        review            a person looks, and then decides rightly

and its band is the cheapest. The first falls with p, the second rises, the third stays, so that two edges part them:

    act       where p ≥ max(1 − review / wrong, wrong / (wrong + missed))
    abstain   where p < min(review / missed, wrong / (wrong + missed))
    review    between the two

At wrong / (wrong + missed) acting and leaving alone cost the same, wrong · missed / (wrong + missed). A look that costs
that much or more is cheapest nowhere: both edges are there, and nothing is left between them. This is the rule of
least expected cost with a reject option (Chow 1970, On optimum recognition error and reject tradeoff).

The costs are those of one account. They are linear in p, so that the cheapest single treatment of many accounts at once
is the band of their mean p: that is how a cluster has a band. An account that stands alone has none: there is no actor
to act against, and it is left alone.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from enum import StrEnum


class Band(StrEnum):
    """What to do about a member: leave it alone, have a person look, or act; surer from one to the next."""

    ABSTAIN = "abstain"
    REVIEW = "review"
    ACT = "act"


#: The bands in rising confidence.
BANDS = tuple(Band)


@dataclass(frozen=True, slots=True)
class Costs:
    """What one account costs, in any unit: acted on by mistake, left alone by mistake, looked at by a person."""

    wrong: float
    missed: float
    review: float

    def __post_init__(self) -> None:
        if not (0 < self.wrong < math.inf and 0 < self.missed < math.inf and 0 <= self.review < math.inf):
            raise ValueError("mistakes cost more than nothing, a look nothing or more, and all of it is finite")

    @property
    def edges(self) -> tuple[float, float]:
        """The confidence from which on an account is looked at, and from which on it is acted on; they may be one."""
        even = self.wrong / (self.wrong + self.missed)
        return min(self.review / self.missed, even), max(1 - self.review / self.wrong, even)

    def band(self, confidence: float | None) -> Band | None:
        """The cheapest thing to do at this confidence, on an edge the surer band; None for who has none: it is alone.

        Raises `ValueError` where it is no probability.
        """
        if confidence is None:
            return None
        if not 0 <= confidence <= 1:
            raise ValueError(f"{confidence} is no probability")
        return BANDS[bisect_right(self.edges, confidence)]

    def span(self, band: Band) -> tuple[float, float]:
        """The confidences of a band, from the first up to below the second; infinite where nothing bounds it."""
        bounds = (-math.inf, *self.edges, math.inf)
        place = BANDS.index(band)
        return bounds[place], bounds[place + 1]
