"""A publication: one change to what readers are told of clusters; and how one stands that waits for a person."""

from __future__ import annotations

from enum import StrEnum


class PublicationKind(StrEnum):
    """What brought a change about."""

    RESOLUTION = "resolution"
    LINK = "link"
    DECISION = "decision"
    WITHDRAWAL = "withdrawal"


class ReviewState(StrEnum):
    """How a resolution stands that was given to a person. One waits at a time: the next one overtakes it."""

    WAITING = "waiting"
    APPROVED = "approved"
    REFUSED = "refused"
    OVERTAKEN = "overtaken"
