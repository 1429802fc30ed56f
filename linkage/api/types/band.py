"""Bands: what to do about members of clusters, by what mistakes and a look cost."""

from __future__ import annotations

import strawberry

from linkage.model import Band, Costs

BandType = strawberry.enum(
    Band,
    name="Band",
    description="What to do about members of clusters, whichever is expected to cost least (`bands` has the costs): "
    "ABSTAIN: leave them alone. REVIEW: have a person look. ACT: act on them.",
)


@strawberry.type(description="What makes bands: three costs of one account, and the confidences at which bands begin.")
class Bands:
    """The costs of the model in use, and the edges that follow."""

    wrong: float = strawberry.field(description="What acting on an account costs that is not the actor's.")
    missed: float = strawberry.field(description="What leaving an account alone costs that is the actor's.")
    review: float = strawberry.field(description="What it costs that a person looks.")
    review_from: float = strawberry.field(description="Below this confidence: ABSTAIN; REVIEW from it on.")
    act_from: float = strawberry.field(description="ACT from this confidence on; as large as `reviewFrom`: no REVIEW.")

    @classmethod
    def of(cls, costs: Costs) -> Bands:
        """What follows from the costs."""
        review_from, act_from = costs.edges
        return cls(
            wrong=costs.wrong,
            missed=costs.missed,
            review=costs.review,
            review_from=review_from,
            act_from=act_from,
        )
