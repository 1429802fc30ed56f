"""Observations that are taken back: which, and what that does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import strawberry

from linkage.api.decisions import member
from linkage.api.types.decision import TouchedCluster
from linkage.service.withdrawing import Selection

if TYPE_CHECKING:
    from linkage.service.withdrawing import Withdrawn


@strawberry.input(description="Which observations: those of which all that is given holds; something must be given.")
class ObservationSelector:
    """Subject, kind, value, source."""

    subject: strawberry.ID | None = strawberry.field(
        default=None, description="A global id, `account:ID`, `organisation:ID`, or an account's id."
    )
    kind: str | None = None
    value: str | None = strawberry.field(default=None, description="However it is spelt; needs `kind`.")
    source: str | None = strawberry.field(default=None, description="The system that saw them, as their rows say.")


def selection(given: ObservationSelector) -> Selection:
    """What the service takes."""
    subject = member(str(given.subject)) if given.subject is not None else None
    return Selection(subject, given.kind, given.value, given.source)


@strawberry.type(description="What withdrawing observations, or reinstating them, does: now, or if it were done now.")
class WithdrawalEffect:
    """The effect of a withdrawal."""

    observations: int = strawberry.field(description="How many are taken back, or count again.")
    summary: str = strawberry.field(description="The effect in words.")
    changes: list[str] = strawberry.field(description="Each change in words; none: clusters stay as they are.")
    clusters: list[TouchedCluster] = strawberry.field(description="The clusters that change, the largest first.")
    publication_id: str | None = strawberry.field(
        description="Under which id the change was published; null: nothing was."
    )

    @classmethod
    def of(cls, effect: Withdrawn) -> WithdrawalEffect:
        """The effect as the service told it."""
        return cls(
            observations=effect.observations,
            summary=effect.summary,
            changes=list(effect.changes),
            clusters=[TouchedCluster.of(one) for one in effect.touched],
            publication_id=effect.publication_id,
        )
