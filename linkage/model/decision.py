"""A decision: what a person said of two ends. Retractable, never deleted.

An end is a subject, a cluster, or a part that a merge brought into a cluster. Clusters change; what a person meant does
not: an end that stands for several subjects keeps those it stood for when the decision was made, so that a decision is
a fact that needs nothing else.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Self

from linkage.model.subject import Subject

#: What the names of ends begin with that are no subject: `cluster:ID`, and `part:ID:MEMBER`, the part that the member
#: named was in when a merge brought it into the cluster.
CLUSTER, PART = "cluster:", "part:"


class Judgement(StrEnum):
    """What a person can say of two ends."""

    SAME = "same"
    DIFFERENT = "different"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class End:
    """One side of a decision: its name, and the subjects that it stood for when the decision was made."""

    name: str
    members: tuple[Subject, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "members", tuple(sorted(set(self.members))))
        if not self.members:
            raise ValueError(f"{self.name} stands for nobody")

    @classmethod
    def of(cls, subject: Subject) -> Self:
        """The end that is a single subject."""
        return cls(str(subject), (subject,))

    @classmethod
    def read(cls, name: str, members: str | None) -> Self:
        """The end of a row: the JSON list of its members, or none where it is a subject."""
        if members is None:
            return cls.of(Subject.parse(name))
        return cls(name, tuple(Subject.parse(text) for text in json.loads(members)))

    @property
    def grouped(self) -> bool:
        """Whether it is the name of a group rather than of a subject."""
        return self.name.startswith((CLUSTER, PART))

    @property
    def listed(self) -> str | None:
        """Its members as rows have them: a JSON list, none where it is a subject."""
        return json.dumps([str(member) for member in self.members], ensure_ascii=False) if self.grouped else None

    @property
    def cluster(self) -> str | None:
        """The cluster that it is, or that it was a part of."""
        return self.name.split(":")[1] if self.grouped else None

    def without(self, others: Iterable[Subject]) -> Self:
        """The same end without some of its members."""
        left_out = set(others)
        return replace(self, members=tuple(member for member in self.members if member not in left_out))


def cluster_end(cluster_id: str, members: Iterable[Subject]) -> End:
    """A cluster with the members that it has now."""
    return End(f"{CLUSTER}{cluster_id}", tuple(members))


def part_end(cluster_id: str, named: Subject, members: Iterable[Subject]) -> End:
    """The part that a merge brought into a cluster, as that merge names it."""
    return End(f"{PART}{cluster_id}:{named}", tuple(members))


def decision_id(
    *,
    left: str,
    right: str,
    left_members: str | None,
    right_members: str | None,
    judgement: str,
    author: str | None,
    reason: str | None,
    decided_at: datetime | None,
) -> str:
    """The id of a decision: a hash of its content, so that a row of a file is one decision wherever it is read."""
    at = decided_at.astimezone(UTC).isoformat() if decided_at is not None else None
    content = json.dumps([left, right, left_members, right_members, judgement, author, reason, at])
    return f"dc_{hashlib.blake2b(content.encode(), digest_size=16).hexdigest()}"


@dataclass(frozen=True, slots=True)
class Decision:
    """A person's statement that two ends are, or are not, run by one actor; nobody is on both sides."""

    left: End
    right: End
    judgement: Judgement
    author: str | None = None
    reason: str | None = None
    decided_at: datetime | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "judgement", Judgement(self.judgement))
        both = set(self.left.members) & set(self.right.members)
        if both:
            raise ValueError(f"a decision is about two sides, and {min(both)} is on both")

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        """The decision of a row of the ledger's table `decisions`."""
        return cls(
            left=End.read(row["left"], row["left_members"]),
            right=End.read(row["right"], row["right_members"]),
            judgement=Judgement(row["judgement"]),
            author=row["author"],
            reason=row["reason"],
            decided_at=row["decided_at"],
        )

    @property
    def id(self) -> str:
        """Its id, a hash of all of it."""
        return decision_id(**self._content())

    @property
    def row(self) -> dict[str, Any]:
        """The row of the ledger's table `decisions`."""
        return {"decision_id": self.id, **self._content()}

    @property
    def subjects(self) -> tuple[Subject, ...]:
        """Everybody it is about."""
        return (*self.left.members, *self.right.members)

    def _content(self) -> dict[str, Any]:
        return {
            "left": self.left.name,
            "right": self.right.name,
            "left_members": self.left.listed,
            "right_members": self.right.listed,
            "judgement": self.judgement.value,
            "author": self.author,
            "reason": self.reason,
            "decided_at": self.decided_at,
        }
