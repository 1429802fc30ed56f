"""A decision: what a person said about two subjects. Retractable, never deleted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from linkage.model.subject import Subject


class Judgement(StrEnum):
    """What a person can say of two subjects."""

    SAME = "same"
    DIFFERENT = "different"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Decision:
    """A person's statement that two subjects are, or are not, run by one actor."""

    left: Subject
    right: Subject
    judgement: Judgement
    author: str | None = None
    reason: str | None = None
    decided_at: datetime | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "judgement", Judgement(self.judgement))
        if self.left == self.right:
            raise ValueError("a decision is about two different subjects")
