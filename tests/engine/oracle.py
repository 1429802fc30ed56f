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

    def total(self, a: frozenset[int], b: frozenset[int]) -> float:
        """Bits between two clusters."""
        rounds, held = self.model.rounds, self.held()
        families: dict[str, list[tuple[float, float, set[frozenset[int]]]]] = defaultdict(list)
        for (kind_name, _), clusters in sorted(held.items()):
            if a not in clusters or b not in clusters:
                continue
            kind = self.model.kind(kind_name)
            ma, mb, others = len(clusters[a]), len(clusters[b]), len(clusters) - 1
            logit = math.log(kind.purity / (1 - kind.purity)) - kind.fade * math.log(others)
            logit += kind.fade * kind.pool * math.log(max(max(ma, mb) / others, 1))
            first_a, last_a = min(p[0] for p in clusters[a]), max(p[1] for p in clusters[a])
            first_b, last_b = min(p[0] for p in clusters[b]), max(p[1] for p in clusters[b])
            logit -= kind.stale * max(first_a - last_b, first_b - last_a, 0)
            la, lb = math.log2(len(a) / ma), math.log2(len(b) / mb)
            bits = logit / math.log(2) + math.log2(self.model.prior.neighbourhood)
            bits -= rounds.size_correction * (la + lb) + rounds.both_large * min(la, lb)
            families[kind.family].append((max(bits, 0), ma * mb / (len(a) * len(b)), set(clusters)))
        weighed = {name: self._family(name, pieces) for name, pieces in families.items()}
        if not weighed:
            return 0.0
        order = list(self.model.families)
        loudest = max(weighed, key=lambda name: (weighed[name][0], -order.index(name)))
        total = 0.0
        for name, (bits, holders) in weighed.items():
            total += bits if name == loudest else bits * (1 - rounds.overlap * _overlap(holders, weighed[loudest][1]))
        return total

    def _family(
        self, name: str, pieces: list[tuple[float, float, set[frozenset[int]]]]
    ) -> tuple[float, set[frozenset[int]]]:
        family = self.model.families[name]
        strongest = max(range(len(pieces)), key=lambda p: (pieces[p][0], -p))
        whole = pieces[strongest][0]
        for p, (bits, density, _) in enumerate(pieces):
            if p != strongest:
                whole += bits * family.within * (1 - density * (1 - family.dense))
        if whole > family.dense_cap:
            whole -= pieces[strongest][1] * (whole - family.dense_cap)
        return min(whole, family.cap), pieces[strongest][2]

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
