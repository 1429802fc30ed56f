"""A merge: two parts that became one, and the evidence that decided it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from linkage.model.subject import Subject


@dataclass(frozen=True, slots=True)
class MergePiece:
    """One piece of a merge's evidence; `value` is empty where it is no identifier (sign-up times)."""

    kind: str
    value: str
    bits: float
    full_bits: float
    holder_clusters: int = 0


@dataclass(frozen=True, slots=True)
class Merge:
    """One step of how a cluster came to be: parts named by one member each, as large as they were then.

    `stated` says why it needed no evidence: a declared membership, a decision.
    """

    round: int
    left: Subject
    right: Subject
    left_size: int
    right_size: int
    bits: float
    posterior: float
    stated: str | None = None
    evidence: tuple[MergePiece, ...] = ()

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        """The merge of a row of the ledger's table `merges`; its `evidence` is a JSON list."""
        pieces = json.loads(row["evidence"] or "[]")
        return cls(
            round=int(row["round"]),
            left=Subject.parse(row["left"]),
            right=Subject.parse(row["right"]),
            left_size=int(row["left_size"]),
            right_size=int(row["right_size"]),
            bits=float(row["bits"] or 0.0),
            posterior=float(row["posterior"] or 0.0),
            stated=next((str(piece["stated"]) for piece in pieces if "stated" in piece), None),
            evidence=tuple(
                MergePiece(
                    kind=str(piece["kind"]),
                    value=str(piece["value"]),
                    bits=float(piece["bits"]),
                    full_bits=float(piece["full_bits"]),
                    holder_clusters=int(piece["holder_clusters"]),
                )
                for piece in pieces
                if "kind" in piece
            ),
        )
