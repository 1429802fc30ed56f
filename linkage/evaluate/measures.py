"""The measures: how well clusters match actors.

For an account *e*, A(e) is the set of its actor's accounts and C(e) the cluster it was put in, both over all
accounts of the truth:

    B-cubed precision  mean over e of |C(e) ∩ A(e)| / |C(e)|       recall  mean over e of |C(e) ∩ A(e)| / |A(e)|

"Over ring members" takes the mean over ring members only, with the same C(e): a bystander in a ring's cluster costs
precision. Ring pairs are pairs with at least one ring member. A bystander is an account of no ring that ends in a
cluster of five or more; an account of a large ordinary actor (a declared customer of five or more) is one only where
that actor is not the greater part of the cluster. References: Bagga and Baldwin 1998 (B-cubed); Hubert and Arabie
1985 (adjusted Rand).

All of it follows from sums over actors. A wrong pair belongs to two actors: each carries half of it (a pair of a
ring member and an ordinary account belongs to the ring).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from linkage.evaluate.bootstrap import Measure, estimates, sum_by
from linkage.evaluate.partition import BREAKDOWN_COLUMNS, CROWD, RING_SIZE, Column, Flags, Partition, Real, Whole, align
from linkage.evaluate.report import Bands, BandShare, Bin, Calibration, Estimate, Group, Report, Scores
from linkage.model.band import BANDS, Band, Costs

#: Equal-width bins of confidence for the expected calibration error.
BINS = 10
#: Actor sizes of the breakdown: (from, to) inclusive.
SIZE_BANDS = ((1, 1), (2, 4), (5, 9), (10, 29), (30, 99), (100, 299), (300, 999), (1000, None))


def evaluate(
    clusters: pa.Table, truth: pa.Table, *, costs: Costs | None = None, bootstrap: int = 200, seed: int = 0
) -> Report:
    """Measure `clusters` (account_id, cluster_id, confidence) against `truth` (account_id, actor_id, ring, …).

    Where the truth has a column `counted`, only the accounts it is true of enter the measures; clusters and actors hold
    the others all the same, and what is counted at the head of the report is everybody.
    `costs` make the bands of confidence; without them the report has none.
    `bootstrap` is the number of resamplings of actors behind the 95 % intervals; 0 leaves them out.
    """
    parts = align(clusters, truth)
    measure = _Measurer(parts, bootstrap, seed)
    everyone = np.ones(len(parts.actor), dtype=bool)
    right = _of_clusters_actor(parts)
    return Report(
        accounts=len(parts.actor),
        actors=parts.actors,
        clusters=len(np.unique(parts.cluster[parts.cluster_size > 1])),
        rings=len(np.unique(parts.actor[parts.ring])),
        ring_accounts=int(parts.ring.sum()),
        ring_rule=parts.ring_rule,
        missing=parts.missing,
        extra=parts.extra,
        bootstrap=bootstrap,
        pairwise=measure.pairwise(),
        b_cubed=measure.b_cubed(everyone),
        ring_pairwise=measure.ring_pairwise(),
        ring_b_cubed=measure.b_cubed(parts.ring),
        adjusted_rand=measure.adjusted_rand(),
        best_match=measure.best_match(parts.ring),
        bystanders=measure.bystanders(~parts.ring),
        calibration=measure.calibration(right),
        companions=measure.calibration(_right_companions(parts)),
        bands=measure.bands(right, costs) if costs else None,
        breakdowns=_breakdowns(parts, measure),
    )


class _Measurer:
    """The partition with the settings of the bootstrap."""

    def __init__(self, parts: Partition, draws: int, seed: int) -> None:
        self.parts = parts
        self.draws = draws
        self.seed = seed

    def _rows(self, chosen: Flags, *columns: Real) -> Real:
        """Sums by actor of the chosen accounts' columns, one row an actor that has any that is counted."""
        chosen = chosen & self.parts.counted
        codes, dense = np.unique(self.parts.actor[chosen], return_inverse=True)
        return sum_by(dense, [column[chosen] for column in columns], len(codes))

    def _scores(self, rows: Real, measure: Measure) -> Scores:
        return Scores(*estimates(rows, measure, draws=self.draws, seed=self.seed))

    def b_cubed(self, chosen: Flags) -> Scores:
        parts = self.parts
        precision = parts.cell_size / parts.cluster_size
        recall = parts.cell_size / parts.actor_size
        return self._scores(self._rows(chosen, np.ones(len(precision)), precision, recall), _b_cubed)

    def pairwise(self) -> Scores:
        parts = self.parts
        everyone = np.ones(len(parts.actor), dtype=bool)
        rows = self._rows(everyone, (parts.cell_size - 1) / 2, (parts.cluster_size - 1) / 2, (parts.actor_size - 1) / 2)
        return self._scores(rows, _pairs)

    def ring_pairwise(self) -> Scores:
        """A ring member carries half of its pairs within the ring's members and all of those with others."""
        parts = self.parts
        actor_rings = np.bincount(parts.actor, weights=parts.ring, minlength=parts.actors)[parts.actor]
        rows = self._rows(
            parts.ring,
            (parts.cell_rings - 1) / 2 + (parts.cell_size - parts.cell_rings),
            (parts.cluster_rings - 1) / 2 + (parts.cluster_size - parts.cluster_rings),
            (actor_rings - 1) / 2 + (parts.actor_size - actor_rings),
        )
        return self._scores(rows, _pairs)

    def adjusted_rand(self) -> Estimate:
        parts = self.parts
        everyone = np.ones(len(parts.actor), dtype=bool)
        rows = self._rows(
            everyone,
            np.ones(len(parts.actor)),
            (parts.cell_size - 1) / 2,
            (parts.cluster_size - 1) / 2,
            (parts.actor_size - 1) / 2,
        )
        return estimates(rows, _adjusted_rand, draws=self.draws, seed=self.seed)[0]

    def best_match(self, chosen: Flags) -> Estimate:
        """Mean over the chosen accounts' actors of the best F1 of any cluster with that actor."""
        parts = self.parts
        chosen = chosen & parts.counted
        codes, dense = np.unique(parts.actor[chosen], return_inverse=True)
        best = np.zeros(len(codes))
        match = 2 * parts.cell_size[chosen] / (parts.actor_size[chosen] + parts.cluster_size[chosen])
        np.maximum.at(best, dense, match)
        return estimates(np.stack([np.ones(len(best)), best], axis=1), _mean, draws=self.draws, seed=self.seed)[0]

    def bystanders(self, chosen: Flags) -> Estimate:
        parts = self.parts
        stranger = (parts.actor_size < CROWD) | (2 * parts.cell_size <= parts.cluster_size)
        drawn_in = (parts.cluster_size >= CROWD) & stranger
        rows = self._rows(chosen & ~parts.ring, np.ones(len(drawn_in)), drawn_in.astype(np.float64))
        return estimates(rows, _mean, draws=self.draws, seed=self.seed)[0]

    def calibration(self, correct: Real) -> Calibration | None:
        """None where the clustering gives no confidence for a member of a cluster of two or more."""
        members, confidence = self._sure()
        if not members.any():
            return None
        place = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
        in_bin = [(place == number).astype(np.float64) for number in range(BINS)]
        surplus = confidence - correct
        rows = self._rows(members, *in_bin, *(flags * surplus for flags in in_bin))
        right = self._rows(members, *in_bin, *(flags * correct for flags in in_bin))
        reliability = estimates(right, _reliability, draws=self.draws, seed=self.seed)
        return Calibration(
            error=estimates(rows, _calibration_error, draws=self.draws, seed=self.seed)[0],
            members=int(members.sum()),
            confidence=float(confidence[members].mean()),
            correct=float(correct[members].mean()),
            brier=float(np.square(confidence - correct)[members].mean()),
            bins=tuple(_bins(place[members], confidence[members], reliability)),
        )

    def bands(self, correct: Real, costs: Costs) -> Bands | None:
        """None where the clustering gives no confidence for a member of a cluster of two or more."""
        members, confidence = self._sure()
        if not members.any():
            return None
        place = np.searchsorted(costs.edges, confidence, side="right")
        in_band = [(place == number).astype(np.float64) for number in range(len(BANDS))]
        rows = self._rows(members, *in_band, *(flags * correct for flags in in_band))
        found = estimates(rows, _treated(costs), draws=self.draws, seed=self.seed)
        counts, sure = sum_by(place[members], [np.ones(int(members.sum())), confidence[members]], len(BANDS)).T
        shares = [
            BandShare(
                band=band.value,
                members=int(counts[number]),
                share=float(counts[number] / counts.sum()),
                confidence=float(sure[number] / counts[number]) if counts[number] else None,
                correct=found[number],
            )
            for number, band in enumerate(BANDS)
        ]
        cost, acting_on_all, leaving_all = found[len(BANDS) :]
        return Bands(
            costs=costs,
            look_from=costs.edges[0],
            act_from=costs.edges[1],
            members=int(members.sum()),
            bands=tuple(reversed(shares)),
            cost=cost,
            acting_on_all=acting_on_all,
            leaving_all=leaving_all,
            looking_at_all=costs.review,
        )

    def _sure(self) -> tuple[Flags, Real]:
        """Which counted accounts are in a cluster of two or more with a confidence, and the confidence of all."""
        parts = self.parts
        members = (parts.cluster_size > 1) & parts.counted & ~np.isnan(parts.confidence)
        return members, np.clip(np.nan_to_num(parts.confidence), 0, 1)


def _ratio(above: Real, below: Real) -> Real:
    ratio: Real = np.divide(above, below, out=np.full(above.shape, np.nan), where=below != 0)
    return ratio


def _b_cubed(sums: Real) -> Real:
    accounts, precision, recall = sums.T
    p, r = _ratio(precision, accounts), _ratio(recall, accounts)
    return np.stack([p, r, _ratio(2 * p * r, p + r)], axis=1)


def _pairs(sums: Real) -> Real:
    both, claimed, true = sums.T
    return np.stack([_ratio(both, claimed), _ratio(both, true), _ratio(2 * both, claimed + true)], axis=1)


def _adjusted_rand(sums: Real) -> Real:
    accounts, both, claimed, true = sums.T
    expected = _ratio(claimed * true, accounts * (accounts - 1) / 2)
    index = _ratio(both - expected, (claimed + true) / 2 - expected)
    # No pair on either side, or every pair on both: the two partitions are the same one.
    return np.where((claimed == true) & (both == true), 1.0, index)[:, None]


def _mean(sums: Real) -> Real:
    return _ratio(sums[:, 1], sums[:, 0])[:, None]


def _calibration_error(sums: Real) -> Real:
    counts, surplus = sums[:, :BINS], sums[:, BINS:]
    return _ratio(np.abs(surplus).sum(axis=1), counts.sum(axis=1))[:, None]


def _reliability(sums: Real) -> Real:
    return _ratio(sums[:, BINS:], sums[:, :BINS])


def _treated(costs: Costs) -> Measure:
    """The share of right members by band; then the cost of an account by its band, acted on, and left alone."""
    count, act, look = len(BANDS), BANDS.index(Band.ACT), BANDS.index(Band.REVIEW)
    leave = BANDS.index(Band.ABSTAIN)

    def measure(sums: Real) -> Real:
        members, right = sums[:, :count], sums[:, count:]
        everybody = members.sum(axis=1)
        mistakes = members - right
        by_band = costs.wrong * mistakes[:, act] + costs.review * members[:, look] + costs.missed * right[:, leave]
        acting = costs.wrong * mistakes.sum(axis=1)
        leaving = costs.missed * right.sum(axis=1)
        paid = np.stack([by_band, acting, leaving], axis=1)
        return np.hstack([_ratio(right, members), _ratio(paid, np.repeat(everybody[:, None], 3, axis=1))])

    return measure


def _bins(place: Whole, confidence: Real, reliability: Sequence[Estimate]) -> list[Bin]:
    """The bins that hold a member; `reliability` is the share of right members of every bin."""
    counts, sure = sum_by(place, [np.ones(len(place)), confidence], BINS).T
    return [
        Bin(k / BINS, (k + 1) / BINS, int(counts[k]), float(sure[k] / counts[k]), right.value, right.low, right.high)
        for k, right in enumerate(reliability)
        if right.value is not None
    ]


def _of_clusters_actor(parts: Partition) -> Real:
    """1 where the account's actor is its cluster's actor, the one with most members (ties: one of them)."""
    order = np.lexsort((parts.actor, -parts.cell_size, parts.cluster))
    first = np.ones(len(order), dtype=bool)
    first[1:] = parts.cluster[order][1:] != parts.cluster[order][:-1]
    owner = np.empty(parts.clusters, dtype=np.int64)
    owner[parts.cluster[order][first]] = parts.actor[order][first]
    correct: Real = (owner[parts.cluster] == parts.actor).astype(np.float64)
    return correct


def _right_companions(parts: Partition) -> Real:
    """The share of an account's companions that are of its actor; 1 where it has none."""
    others = parts.cluster_size - 1
    return np.where(others > 0, (parts.cell_size - 1) / np.maximum(others, 1), 1.0)


def _breakdowns(parts: Partition, measure: _Measurer) -> dict[str, tuple[Group, ...]]:
    found = {
        name: tuple(_by_label(parts.labels[name], parts, measure)) for name in BREAKDOWN_COLUMNS if name in parts.labels
    }
    return {**found, "size": tuple(_by_size(parts, measure))}


def _by_label(labels: Column, parts: Partition, measure: _Measurer) -> list[Group]:
    encoded = labels.dictionary_encode()
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    names = [str(name) for name in encoded.dictionary.to_pylist()]
    ordered = sorted(range(len(names)), key=lambda code: (not parts.ring[codes == code].any(), names[code]))
    return [_group(names[code], codes == code, measure) for code in ordered]


def _by_size(parts: Partition, measure: _Measurer) -> list[Group]:
    """Bands below five take every actor, bands from five on take rings: a large customer is no ring."""
    groups = []
    for low, high in SIZE_BANDS:
        chosen = (parts.actor_size >= low) & (parts.actor_size <= (high or parts.actor_size.max()))
        if low >= RING_SIZE:
            chosen &= parts.ring
        if chosen.any():
            groups.append(_group(_band_name(low, high), chosen, measure))
    return groups


def _band_name(low: int, high: int | None) -> str:
    if high is None:
        return f"{low}+"
    return str(low) if low == high else f"{low}–{high}"


def _group(name: str, chosen: Flags, measure: _Measurer) -> Group:
    return Group(
        name=name,
        actors=len(np.unique(measure.parts.actor[chosen])),
        accounts=int(chosen.sum()),
        rings=bool(measure.parts.ring[chosen].any()),
        b_cubed=measure.b_cubed(chosen),
        best_match=measure.best_match(chosen),
        bystanders=measure.bystanders(chosen),
    )
