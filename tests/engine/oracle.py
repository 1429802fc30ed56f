"""An independent oracle: the linkage model in plain Python, every pair in every round, written from the formulas.

Slow, with no arrays, no increments and no bounds: what it says of a small world the engine must say too.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from itertools import combinations

from linkage.engine import Model

Period = tuple[float, float]
ALWAYS: Period = (-math.inf, math.inf)


@dataclass(frozen=True)
class Use:
    """One subject's use of a value, with its period in days."""

    subject: int
    kind: str
    value: str
    period: Period = ALWAYS


@dataclass
class Piece:
    """A value that two clusters share: bits, density, and who holds it."""

    bits: float
    beside: float
    density: float
    clusters: set[frozenset[int]]
    subjects: set[int]


class Oracle:
    """Clusters of a small world."""

    def __init__(self, subjects: int, uses: list[Use], model: Model) -> None:
        self.model = model
        self.clusters: list[frozenset[int]] = [frozenset([subject]) for subject in range(subjects)]
        self.uses: dict[tuple[str, str], dict[int, Period]] = defaultdict(dict)
        for use in uses:
            self.uses[use.kind, use.value][use.subject] = use.period

    def held(self) -> dict[tuple[str, str], dict[frozenset[int], list[Period]]]:
        """Value → cluster → the periods of its members that hold it; values of one cluster are out."""
        where = {subject: cluster for cluster in self.clusters for subject in cluster}
        held: dict[tuple[str, str], dict[frozenset[int], list[Period]]] = {}
        for key, users in self.uses.items():
            clusters: dict[frozenset[int], list[Period]] = defaultdict(list)
            for subject, period in users.items():
                clusters[where[subject]].append(period)
            if len(clusters) > 1:
                held[key] = dict(clusters)
        return held

    def separate(self, key: tuple[str, str]) -> float:
        """How far from even the holders of a value are in what they have of their own; 0 where nothing is known."""
        shares = []
        for subject in self.uses[key]:
            own = [
                len(users) == 1
                for (kind, _), users in self.uses.items()
                if subject in users and self.model.families[self.model.kind(kind).family].telling
            ]
            shares += [sum(own) / len(own)] if own else []
        return sum(shares) / len(shares) - 0.5 if shares else 0.0

    def total(self, a: frozenset[int], b: frozenset[int]) -> float:
        """Bits between two clusters."""
        rounds, held = self.model.rounds, self.held()
        families: dict[str, list[Piece]] = defaultdict(list)
        for key, clusters in sorted(held.items()):
            if a not in clusters or b not in clusters:
                continue
            kind = self.model.kind(key[0])
            ma, mb, others = len(clusters[a]), len(clusters[b]), len(clusters) - 1
            logit = math.log(kind.purity / (1 - kind.purity)) - kind.fade * math.log(others)
            logit -= kind.separate * self.separate(key)
            logit += kind.fade * kind.pool * math.log(max(max(ma, mb) / others, 1))
            first_a, last_a = min(p[0] for p in clusters[a]), max(p[1] for p in clusters[a])
            first_b, last_b = min(p[0] for p in clusters[b]), max(p[1] for p in clusters[b])
            logit -= kind.stale * max(first_a - last_b, first_b - last_a, 0)
            la, lb = math.log2(len(a) / ma), math.log2(len(b) / mb)
            bits = logit / math.log(2) + math.log2(self.model.prior.neighbourhood)
            bits -= rounds.size_correction * (la + lb) + rounds.both_large * min(la, lb)
            piece = Piece(max(bits, 0), kind.beside, ma * mb / (len(a) * len(b)), set(clusters), set(self.uses[key]))
            families[kind.family].append(piece)
        for name, pieces in families.items():
            self._combine(name, pieces)
        if not families:
            return -self._differing(a, b, set())
        order = list(self.model.families)
        loudest = max(families, key=lambda name: (sum(p.bits for p in families[name]), -order.index(name)))
        for name, pieces in families.items():
            if name != loudest:
                kept = 1 - rounds.overlap * _overlap(pieces[0].clusters, families[loudest][0].clusters)
                for piece in pieces:
                    piece.bits *= kept
        lost = self._differing(a, b, set(families))
        lost += self._uncovered([piece for pieces in families.values() for piece in pieces], *sorted((a, b), key=len))
        return sum(p.bits for pieces in families.values() for p in pieces) - lost

    def _differing(self, a: frozenset[int], b: frozenset[int], shared: set[str]) -> float:
        """Bits lost in families of which both have values, and share none."""
        has: list[set[str]] = [
            {self.model.kind(kind).family for (kind, _), users in self.uses.items() if side & users.keys()}
            for side in (a, b)
        ]
        return sum(self.model.families[family].differ for family in (has[0] & has[1]) - shared)

    def _uncovered(self, pieces: list[Piece], smaller: frozenset[int], larger: frozenset[int]) -> float:
        """Bits lost where few members of the one hold anything of the other's."""
        rounds = self.model.rounds
        holders = {subject for piece in pieces if piece.bits >= 1 for subject in piece.subjects}
        lost = 0.0
        if len(smaller) >= 4:
            lost += rounds.uncovered * math.log2(len(smaller) / max(len(holders & smaller), 1))
        if len(larger) >= rounds.core:
            lost += rounds.lone_witness / max(len(holders & larger), 1)
        return lost

    def _combine(self, name: str, pieces: list[Piece]) -> None:
        """Discount the pieces of a family; the strongest comes first."""
        family = self.model.families[name]
        pieces.sort(key=lambda piece: -piece.bits)
        for piece in pieces[1:]:
            piece.bits *= piece.beside * pieces[0].beside * family.within * (1 - piece.density * (1 - family.dense))
        whole = counted = sum(piece.bits for piece in pieces)
        if counted > family.dense_cap:
            counted -= pieces[0].density * (counted - family.dense_cap)
        counted = min(counted, family.cap)
        for piece in pieces if whole else ():
            piece.bits *= counted / whole

    def resolve(self) -> set[frozenset[int]]:
        """Merge until nothing changes, stage after stage."""
        for threshold in self.model.prior.stages:
            while self._round(threshold + math.log2(self.model.prior.neighbourhood)):
                pass
        return set(self.clusters)

    def _round(self, needed: float) -> bool:
        scored = [
            (-total, min(a), min(b), a, b)
            for a, b in combinations(sorted(self.clusters, key=min), 2)
            if (total := self.total(a, b)) >= needed
        ]
        best: set[frozenset[int]] = set()
        now = {cluster: cluster for cluster in self.clusters}
        for *_, a, b in sorted(scored, key=lambda pair: pair[:3]):
            if a in best and b in best:
                continue
            best |= {a, b}
            if now[a] != now[b]:
                joined = now[a] | now[b]
                now = {old: joined if new <= joined else new for old, new in now.items()}
        self.clusters = sorted(set(now.values()), key=min)
        return bool(scored)


def _overlap(one: set[frozenset[int]], other: set[frozenset[int]]) -> float:
    fewer = min(len(one), len(other)) - 2
    return 0.0 if fewer <= 0 else (len(one & other) - 2) / (fewer + 1)
