"""Why two subjects are linked, or not: the formulas of the rounds, on what two subjects share.

The rounds judge clusters; this judges two subjects (or their clusters, when sizes are given) from what a reader of the
graph has at hand. What counts and what was discounted are both told, with the reason.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from linkage.engine.model import Model
from linkage.engine.weigh import (
    LN2,
    MOST_FAMILIES,
    Weights,
    Worth,
    combine_pieces,
    days_apart,
    scale_family,
    sign_up_bits,
    weigh_piece,
)
from linkage.model import Evidence, Explanation, Identifier, Subject
from linkage.model.explanation import DIFFERENCE, SIGN_UP
from linkage.model.identifier import AND
from linkage.model.sharing_class import CALLED, SharingClass

DAY = 86400.0
TELLING_CLASS = 0.5  # bits from which on it is told why a value is of its class, and what its holders are like


@dataclass(frozen=True, slots=True)
class SharedUse:
    """An identifier that both subjects used, with what is known of its holders.

    `left_holding` and `right_holding` are the members of each side's cluster that hold it; `overlap` is the share of
    its other holders that also hold the loudest piece (near 1: both are one place's). `class_bits` is what the lives
    and sign-ups of its holders, and a class known from reference files, add to its weight; `class_reason` says why it
    is of its class, and what shifts its weight.
    """

    identifier: Identifier
    holders: int
    holder_clusters: int
    left_first_seen: datetime | None = None
    left_last_seen: datetime | None = None
    right_first_seen: datetime | None = None
    right_last_seen: datetime | None = None
    sharing_class: str | None = None
    class_bits: float = 0.0
    class_reason: str = ""
    left_holding: int = 1
    right_holding: int = 1
    overlap: float = 0.0

    @property
    def days_apart(self) -> float:
        """Days between the two periods of use; 0 where they overlap or are not known."""
        left = _period(self.left_first_seen, self.left_last_seen)
        right = _period(self.right_first_seen, self.right_last_seen)
        return float(days_apart(*left, *right))


def explain(  # noqa: PLR0913  what is known of two sides; all by name
    left: Subject,
    right: Subject,
    shared: Sequence[SharedUse],
    *,
    model: Model,
    left_size: int = 1,
    right_size: int = 1,
    left_created: datetime | None = None,
    right_created: datetime | None = None,
    sign_up_span: float = 0.0,
    left_kinds: Collection[str] = (),
    right_kinds: Collection[str] = (),
) -> Explanation:
    """Weigh what two subjects share; `sign_up_span` is in days (the resolution's summary has it);
    `left_kinds` and `right_kinds` are the kinds of which each has a value, shared or not.
    """
    kinds = sorted({use.identifier.kind for use in shared})
    weights = Weights.of(model, kinds, sign_up_span)
    pieces = [
        weigh_piece(
            _worth(use, kinds.index(use.identifier.kind), weights),
            max(use.holder_clusters, 2),
            max(left_size, use.left_holding),
            use.left_holding,
            max(right_size, use.right_holding),
            use.right_holding,
            use.days_apart,
            weights,
        )
        for use in shared
    ]
    bits = _combined(shared, [weighed for _, weighed in pieces], kinds, weights, left_size * right_size)
    evidence = [
        Evidence(
            identifier=use.identifier,
            bits=float(counted),
            full_bits=float(full),
            holders=use.holders,
            holder_clusters=use.holder_clusters,
            reason=_reason(use, float(full), float(weighed), float(counted)),
            left_first_seen=use.left_first_seen,
            left_last_seen=use.left_last_seen,
            right_first_seen=use.right_first_seen,
            right_last_seen=use.right_last_seen,
        )
        for use, (full, weighed), counted in zip(shared, pieces, bits, strict=True)
    ]
    evidence.extend(_sign_up(left_created, right_created, weights))
    evidence.extend(_differences(shared, set(left_kinds), set(right_kinds), model))
    evidence.sort(key=lambda piece: (-piece.bits, piece.identifier))
    return Explanation(left, right, tuple(evidence), model.prior.bits, model.prior.threshold)


def _worth(use: SharedUse, kind: int, weights: Weights) -> Worth:
    return Worth(weights.alpha[kind] + use.class_bits * LN2, weights.beta[kind], weights.tau[kind], weights.pool[kind])


def _combined(
    shared: Sequence[SharedUse], weighed: list[float], kinds: list[str], weights: Weights, pairs: int
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    family = np.array([weights.family[kinds.index(use.identifier.kind)] for use in shared], dtype=np.int64)
    beside = np.array([weights.beside[kinds.index(use.identifier.kind)] for use in shared], dtype=np.float64)
    bits = np.array(weighed, dtype=np.float64)
    density = np.array([min(use.left_holding * use.right_holding / pairs, 1.0) for use in shared], dtype=np.float64)
    totals = np.zeros(MOST_FAMILIES)
    strongest = np.zeros(MOST_FAMILIES, dtype=np.int64)
    loudest = combine_pieces(len(shared), family, beside, bits, density, weights, totals, strongest)
    for f in range(len(weights.within)):
        if f != loudest and totals[f] > 0:
            kept = 1 - weights.overlap * shared[int(strongest[f])].overlap
            scale_family(f, kept, len(shared), family, bits)
    return bits


def _sign_up(left: datetime | None, right: datetime | None, weights: Weights) -> list[Evidence]:
    if left is None or right is None or not weights.sign_up_span:
        return []
    days = abs((left - right).total_seconds()) / DAY
    bits = float(sign_up_bits(weights.burst_share, weights.burst_days, weights.sign_up_span, days, 0.0, 0.0, 0.0))
    said = "signed up close together" if bits > 0 else "signed up far apart"
    return [Evidence(Identifier(SIGN_UP, f"{days:.1f} days apart"), bits, bits, 2, 2, said)]


def _differences(shared: Sequence[SharedUse], left: set[str], right: set[str], model: Model) -> list[Evidence]:
    """What speaks against: a family of which both have values, and share none."""
    common = {model.kind(use.identifier.kind).family for use in shared}
    both = {model.kind(kind).family for kind in left} & {model.kind(kind).family for kind in right} - common
    told = []
    for family in sorted(both):
        if lost := model.families[family].differ:
            kinds = AND.join(sorted(kind for kind in left | right if model.kind(kind).family == family))
            told.append(Evidence(Identifier(DIFFERENCE, kinds), -lost, -lost, 2, 2, "both have some, none in common"))
    return told


def _reason(use: SharedUse, full: float, weighed: float, counted: float) -> str:
    called = CALLED.get(use.sharing_class or SharingClass.UNKNOWN, "")
    who = f"{called}, " if called else ""
    clusters = "one cluster" if use.holder_clusters == 1 else f"{use.holder_clusters:,} clusters"
    holders = f"{who}{use.holders:,} holders in {clusters}"
    if use.class_reason and (full <= 0 or abs(use.class_bits) >= TELLING_CLASS):
        holders = f"{holders}; {use.class_reason}"
    if full <= 0:
        return f"0 bits: {holders}"
    told = [holders]
    if use.days_apart > 0 and weighed < full:
        told.append(f"{use.days_apart:.0f} days between the two uses")
    if counted < weighed - 0.005:
        told.append("says in part what other evidence says already")
    return "; ".join(told)


def _period(first: datetime | None, last: datetime | None) -> tuple[float, float]:
    begin, end = first or last, last or first
    if begin is None or end is None:
        return -math.inf, math.inf
    return begin.timestamp() / DAY, end.timestamp() / DAY
