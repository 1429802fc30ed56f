"""A publication: one change to what readers are told of clusters."""

from __future__ import annotations

from enum import StrEnum


class PublicationKind(StrEnum):
    """What brought a change about."""

    RESOLUTION = "resolution"
    LINK = "link"
    DECISION = "decision"
