"""Between two resolutions: where a few subjects of whom something new is known belong among the clusters as they are.

A small world is laid out around them: what they use, who else uses it, and the clusters of those, as large as they
really are. Holders that nobody needs to know by name are there by number only. The formulas of the rounds and of the
second look then judge in it as they do in a resolution, with two things left out: hours of work and what is done in
them, which would have to be read for whole clusters (to the curves they are what a data set lacks), and similar values.

A newcomer joins a cluster, or another single subject, where the pair passes the threshold of a link and both then
stand beside their fellows; or where it stands as a newcomer does in the second look. Clusters are never merged here:
evidence that would join two is told, and left to a person and the next resolution.

Invariant: with the whole of a small data set laid out around them, newcomers are judged by the same figures as by the
rounds and the second look (a test holds them together).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from linkage.engine.behaviour import gather_activity
from linkage.engine.classes import look_at_holders, weigh_classes
from linkage.engine.forest import Marks, plant
from linkage.engine.model import Kind, Model
from linkage.engine.pairs import Round, lay_desk, merge_evidence, score_rows
from linkage.engine.rounds import Rounds
from linkage.engine.scorecard import log_odds, probability
from linkage.engine.standing import FELLOW, SIGN_UP, Beside, Scene, group_holdings, look_at, nearest_clusters
from linkage.engine.tables import Floats, Holdings, Ints, Whole
from linkage.engine.weigh import LN2, Weights, full_bits, sign_up_bits
from linkage.model.explanation import COVERAGE, STANDING
from linkage.model.explanation import SIGN_UP as SIGN_UP_PIECE
from linkage.model.merge import MergePiece

MOST_GHOSTS = 5_000  # clusters of a value that are there by number only
MOST_POOL = 300  # members of one cluster that are
MOST_RIPPLING = 10  # holders of a value of whom those that are alone are looked at again when one is placed
MOST_TURNS = 4  # times that what newcomers became is looked at again
UNKNOWN = math.nan
NO_MARKS = Marks(np.zeros(0, np.int32), np.zeros(0, np.int32))


class Period(NamedTuple):
    """First and last use in days; −∞ and ∞ where not known."""

    first: float = -math.inf
    last: float = math.inf


class Fellow(NamedTuple):
    """A holder of a value: its cluster (None: alone), when it was opened (days; NaN: not known), its use."""

    subject: str
    cluster: str | None
    created: float
    period: Period


@dataclass(frozen=True, slots=True)
class Used:
    """A value that a newcomer uses, and who else does.

    `clusters`: how many clusters and single subjects hold it, where these are more than its fellows and the newcomer;
    `class_bits`: what its holders add to its weight, None where no resolution has weighed it yet. All newcomers that
    use a value may name the same fellows, themselves among them: only the first of them is asked. A crowded value names
    none; `pools` has how many members of a cluster hold it, as far as they matter.
    """

    kind: str
    value: str
    period: Period
    clusters: int
    class_bits: float | None
    fellows: tuple[Fellow, ...] = ()
    pools: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Newcomer:
    """A subject of whom something new is known: `subject` as `account:ID`, its cluster if it is in one, when it was
    opened (days), how many telling identifiers it has for itself, and what it uses with others."""

    subject: str
    cluster: str | None
    created: float
    own: int
    uses: tuple[Used, ...]


class Group(NamedTuple):
    """A cluster as it is: members, mean and standard deviation of their sign-ups in days (NaN: not known)."""

    size: int
    opened: float
    spread: float


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is known around newcomers; `own` has for some of their fellows how many telling identifiers are theirs alone
    and how many they share; `apart` names for newcomers the subjects and clusters that decisions keep them out of."""

    newcomers: Sequence[Newcomer]
    groups: Mapping[str, Group]
    own: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    apart: Mapping[str, Collection[str]] = field(default_factory=dict)
    sign_up_span: float = 0.0
    base_rate_bits: float = 0.0


@dataclass(frozen=True, slots=True)
class Placed:
    """A newcomer that belongs somewhere: with the members of a cluster, or with a fellow that was alone; the bits that
    decided it, how sure its place is and that of the fellow, and the pieces of the sum."""

    subject: str
    cluster: str | None
    fellow: str
    bits: float
    confidence: float
    fellow_confidence: float | None
    pieces: tuple[MergePiece, ...]


@dataclass(frozen=True, slots=True)
class Bridge:
    """Two clusters that what a subject uses would join."""

    subject: str
    left: str
    right: str
    bits: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """Who belongs where, which clusters are near one another, and who else should be looked at again."""

    placed: tuple[Placed, ...]
    bridges: tuple[Bridge, ...]
    ripples: tuple[str, ...]


def link(around: Surroundings, model: Model, refused: Collection[str] = ()) -> Outcome:
    """Find where the newcomers belong; those that are `refused` belong nowhere."""
    world = _World(around, model)
    world.refuse(refused)
    for _ in range(MOST_TURNS):
        if not world.turn():
            break
    return Outcome(tuple(world.placed), tuple(world.bridges()), tuple(sorted(world.ripples())))


def loudest_crowd(kind: Kind, prior_bits: float, most_bits: float) -> int:
    """In how many clusters the holders of a value may be before it is worth nothing to anybody, if what they are like
    adds at most so many bits."""
    logit = kind.logit + (most_bits - prior_bits) * LN2
    return int(1 + math.exp(min(logit / kind.fade, 20.0))) if kind.fade else 10**9


class _World:
    """The small world while newcomers find their places: subjects and clusters by number."""

    def __init__(self, around: Surroundings, model: Model) -> None:
        self.around, self.model = around, model
        kinds = sorted({use.kind for newcomer in around.newcomers for use in newcomer.uses})
        self.weights = Weights.of(model, kinds, around.sign_up_span)._replace(behaviour_cap=0.0)
        self.subjects = _Subjects(around)
        self.values: list[tuple[str, str]] = []
        self.holdings, self.separate = self._lay_out(kinds)
        self.label = self.subjects.labels()
        nobody = np.zeros(0, np.int32)
        self.activity = gather_activity(nobody, nobody, len(self.label))
        self.cluster_ids = self.subjects.cluster_ids
        self.size, self.opened, self.spread = self._groups()
        self.rounds = Rounds(self.holdings, self.weights, plant(0, NO_MARKS), self.activity, 1)
        self._now: Round | None = None
        self._seen: Scene | None = None
        self.newcomers = np.arange(len(around.newcomers), dtype=np.int32)
        self.refused = np.zeros(len(self.label), np.bool_)
        self.placed: list[Placed] = []

    # -- laying it out ---------------------------------------------------------------------------------------

    def _lay_out(self, kinds: list[str]) -> tuple[Holdings, Floats]:
        """The holdings of everybody named and of the ghosts; the part of telling identifiers that is one's own."""
        number: dict[tuple[str, str], int] = {}
        rows: dict[tuple[int, int], Period] = {}
        ghosts: list[tuple[int, int, int]] = []
        class_bits: list[float] = []
        for at, newcomer in enumerate(self.around.newcomers):
            for use in newcomer.uses:
                v = number.setdefault((use.kind, use.value), len(number))
                rows[at, v] = use.period
                if v < len(class_bits):
                    continue
                class_bits.append(UNKNOWN if use.class_bits is None else use.class_bits)
                for fellow in use.fellows:
                    rows.setdefault((self.subjects.add(fellow), v), fellow.period)
                ghosts += [(v, *run) for run in self._ghosts(newcomer, use)]
        self.values = list(number)
        kind = np.array([kinds.index(kind) for kind, _ in self.values], np.int32)
        subject, value, first, last = _columns(rows, ghosts)
        created = self.subjects.created()
        separate = self._separate(subject, kind[value])
        holders = look_at_holders(value, subject, len(kind), separate, created)
        values = weigh_classes(kind, holders, self.weights)
        shift = np.array(class_bits, np.float64) * LN2
        weighed = ~np.isnan(shift)
        values.alpha[weighed] = (self.weights.alpha[kind] + shift)[weighed]
        values.beta[weighed] = self.weights.beta[kind][weighed]
        stated = np.zeros(0, np.int64)
        return Holdings(subject, value, first, last, values, created, len(created), stated), separate

    def _ghosts(self, newcomer: Newcomer, use: Used) -> Iterator[tuple[int, int]]:
        """Holders that nobody needs to know by name, as runs of numbers (first, how many): members of clusters that
        hold a crowded value, and all others."""
        for cluster, members in use.pools.items():
            yield self.subjects.add_members(cluster, min(members, MOST_POOL))
        named = {fellow.cluster or fellow.subject for fellow in use.fellows if fellow.subject != newcomer.subject}
        others = use.clusters - len(named | set(use.pools)) - 1
        yield self.subjects.add_loners(min(max(others, 0), MOST_GHOSTS))

    def _separate(self, subject: Ints, kind: Ints) -> Floats:
        own = np.full(len(self.subjects), np.nan)
        shared = np.bincount(subject[self.weights.telling[kind]], minlength=len(own))
        for at, newcomer in enumerate(self.around.newcomers):
            known = newcomer.own + shared[at]
            own[at] = newcomer.own / known if known else np.nan
        for name, (alone, common) in self.around.own.items():
            if name in self.subjects.number and alone + common:
                own[self.subjects.number[name]] = alone / (alone + common)
        return own.astype(np.float32)

    def _groups(self) -> tuple[Ints, Floats, Floats]:
        """Size, and mean and spread of sign-ups, by cluster."""
        size = np.ones(self.subjects.clusters, np.int32)
        opened = np.full(len(size), np.nan, np.float32)
        spread = np.zeros(len(size), np.float32)
        single = np.ones(len(size), np.bool_)
        for cluster, identity in self.cluster_ids.items():
            group = self.around.groups.get(identity)
            if group:
                size[cluster], opened[cluster], spread[cluster] = group
                single[cluster] = False
        alone = single[self.label]
        opened[self.label[alone]] = self.holdings.created[alone]
        return size, opened, spread

    # -- judging ---------------------------------------------------------------------------------------------

    def refuse(self, subjects: Collection[str]) -> None:
        """Leave these alone."""
        for name in subjects:
            self.refused[self.subjects.number[name]] = True

    def turn(self) -> bool:
        """Place those that belong somewhere as things are now; whether anybody was placed."""
        return self._join() | self._take_in()

    def _join(self) -> bool:
        """Join newcomers to where the pair passes the threshold, if they stand there; best pairs first, but those with
        a cluster before those of two newcomers, since what two found no longer joins the cluster of both."""
        now = self._round()
        touched = np.zeros(len(self.size), np.bool_)
        touched[self.label[self._alone()]] = True
        left, right, bits = score_rows(0, len(touched), touched, now, self.weights, lay_desk(now.table))
        joined = False
        founding = np.maximum(self.size[left], self.size[right]) == 1
        for i in np.lexsort((-bits, founding)):
            joined |= self._try(int(left[i]), int(right[i]), float(bits[i]), now)
        return joined

    def _try(self, left: int, right: int, bits: float, now: Round) -> bool:
        """Join two clusters of which one is a newcomer that is still alone, unless a decision or how it stands in the
        other forbids it."""
        mover, cluster = (left, right) if self._is_newcomer(left) else (right, left)
        if self.size[left] == 0 or self.size[right] == 0 or not self._is_newcomer(mover):
            return False
        newcomer, fellow = (int(np.flatnonzero(self.label == c)[0]) for c in (mover, cluster))
        if self._keeps_apart(newcomer, cluster):
            return False
        pair = self.size[cluster] == 1
        sure = self._how_sure(newcomer, cluster)
        other = self._how_sure(fellow, mover) if pair else None
        if min(sure, sure if other is None else other) < self.model.confidence.least:
            self.refused[newcomer] = not pair
            return False
        (pieces,) = self._tell(np.array([left], np.int32), np.array([right], np.int32), now)
        self._place(newcomer, cluster, fellow, bits, sure, other, pieces)
        return True

    def _keeps_apart(self, newcomer: int, cluster: int) -> bool:
        """Whether a decision keeps a newcomer out of a cluster, or apart from somebody who is in it by now."""
        kept = self.around.apart.get(self.subjects.name(newcomer), ())
        if not kept:
            return False
        inside = (self.subjects.name(int(member)) for member in np.flatnonzero(self.label == cluster))
        return self.cluster_ids.get(cluster) in kept or any(name in kept for name in inside)

    def _is_newcomer(self, cluster: int) -> bool:
        """Whether a cluster is a single newcomer whom none refused."""
        subject = int(np.argmax(self.label == cluster))
        return bool(self.size[cluster] == 1 and subject < len(self.newcomers) and not self.refused[subject])

    def _take_in(self) -> bool:
        """Take in newcomers that stand beside a cluster though no pair passed."""
        welcome = self.model.newcomers
        scene = self._scene()
        subject, cluster = nearest_clusters(
            self._alone(), welcome.core, welcome.near, scene.grouped, scene.holdings.values, scene.size, self.weights
        )
        if not len(subject):
            return False
        seen = self._look(subject, cluster, scene)
        odds = log_odds(seen.seen, welcome)
        stands = seen.account & (probability(odds) >= welcome.least)
        if not stands.any():
            return False
        told = self._tell(self.label[subject[stands]], cluster[stands], self._round())
        placed = False
        for s, c, bits, pieces in zip(subject[stands], cluster[stands], odds[stands], told, strict=True):
            if self._keeps_apart(int(s), int(c)):
                continue
            total = float(bits) + self.weights.neighbourhood_bits
            standing = total - sum(piece.bits for piece in pieces)
            fellow = int(np.flatnonzero(self.label == c)[0])
            both = (*pieces, _piece(STANDING, "", standing, standing, 2))
            self._place(int(s), int(c), fellow, total, float(probability(bits)), None, both)
            placed = True
        return placed

    def _alone(self) -> Ints:
        single = (self.size[self.label[self.newcomers]] == 1) & ~self.refused[self.newcomers]
        alone: Ints = self.newcomers[single]
        return alone

    def _round(self) -> Round:
        """The world as the rounds see it, with clusters as large as they are."""
        if self._now is None:
            table = self.rounds.tabulate(self.label, self.rounds.first_rows(), self.label, len(self.size))
            table = table._replace(size=self.size, sign_up=self.opened, sign_up_spread=self.spread)
            self._now = self.rounds.look(table, self.label)
        return self._now

    def _tell(self, left: Ints, right: Ints, now: Round) -> list[tuple[MergePiece, ...]]:
        """What the bits between clusters are made of."""
        sign_up, _, uncovered, _, count, value, bits, full, holders = merge_evidence(left, right, now, self.weights)
        told = []
        start = np.concatenate([[0], np.cumsum(count)])
        for i in range(len(left)):
            order = sorted(range(start[i], start[i + 1]), key=lambda p: -bits[p])
            named = [(*self.values[value[p]], p) for p in order]
            pieces = [_piece(kind, name, bits[p], full[p], int(holders[p])) for kind, name, p in named]
            besides = ((SIGN_UP_PIECE, sign_up[i]), (COVERAGE, -uncovered[i]))
            told.append((*pieces, *(_piece(kind, "", worth, worth, 2) for kind, worth in besides if worth)))
        return told

    def _scene(self) -> Scene:
        """The world as the second look sees it."""
        if self._seen is None:
            self._seen = Scene(
                self.label, self.size, self.holdings, group_holdings(self.holdings, self.label), self.separate,
                self.activity, self.weights, 1,
            )  # fmt: skip
        return self._seen

    def _look(self, subject: Ints, cluster: Ints, scene: Scene) -> Beside:
        """How subjects stand beside clusters, whose sign-ups are those of all their members."""
        seen = look_at(subject, cluster, scene)
        w, created = self.weights, self.holdings.created
        if not w.sign_up_span > 0:
            return seen
        for i, (s, c) in enumerate(zip(subject, cluster, strict=True)):
            known = not (np.isnan(created[s]) or np.isnan(self.opened[c]))
            seen.seen[i, SIGN_UP] = (
                sign_up_bits(
                    w.burst_share, w.burst_days, w.sign_up_span, created[s], 0.0, self.opened[c], self.spread[c]
                )
                if known
                else np.nan
            )
        return seen

    def _how_sure(self, subject: int, cluster: int) -> float:
        """How sure a member the subject would be."""
        seen = self._look(np.array([subject], np.int32), np.array([cluster], np.int32), self._scene())
        if not seen.account[0]:
            sure = float(probability(seen.odds)[0])
            return sure if sure >= self.model.confidence.least_by_evidence else 0.0
        odds = log_odds(seen.seen, self.model.confidence) + self.around.base_rate_bits
        return float(probability(odds)[0])

    # -- what became of them ---------------------------------------------------------------------------------

    def _place(
        self, newcomer: int, cluster: int, fellow: int, bits: float, sure: float, other: float | None,
        pieces: tuple[MergePiece, ...],
    ) -> None:  # fmt: skip
        self._open(cluster, float(self.holdings.created[newcomer]))
        self.size[self.label[newcomer]] = 0
        self.label[newcomer] = cluster
        self._now = self._seen = None
        name, identity = self.subjects.name, self.cluster_ids.get(cluster)
        self.placed.append(Placed(name(newcomer), identity, name(fellow), bits, sure, other, pieces))

    def _open(self, cluster: int, created: float) -> None:
        """Count a new member in the size and the sign-ups of a cluster."""
        n, mean = int(self.size[cluster]), float(self.opened[cluster])
        self.size[cluster] = n + 1
        if not math.isnan(created):
            if math.isnan(mean):
                self.opened[cluster], self.spread[cluster] = created, 0.0
            else:
                moved = mean + (created - mean) / (n + 1)
                variance = (n * self.spread[cluster] ** 2 + (created - mean) * (created - moved)) / (n + 1)
                self.opened[cluster], self.spread[cluster] = moved, math.sqrt(max(variance, 0.0))

    def bridges(self) -> list[Bridge]:
        """Pairs of clusters that what a newcomer uses would join."""
        now = self._round()
        touched = np.zeros(len(self.size), np.bool_)
        inside = self.newcomers[self.size[self.label[self.newcomers]] > 1]
        touched[self.label[inside]] = True
        if not touched.any():
            return []
        subject = {int(self.label[at]): self.subjects.name(int(at)) for at in inside}
        left, right, bits = score_rows(0, len(touched), touched, now, self.weights, lay_desk(now.table))
        found = []
        for a, b, total in zip(left.tolist(), right.tolist(), bits.tolist(), strict=True):
            one, other = self.cluster_ids.get(a), self.cluster_ids.get(b)
            if one is not None and other is not None:
                found.append(Bridge(subject.get(a) or subject[b], one, other, total))
        return found

    def ripples(self) -> set[str]:
        """Single subjects that share something telling, which few hold, with a newcomer which is in a cluster now."""
        h, w = self.holdings, self.weights
        start = np.searchsorted(h.value, np.arange(len(self.values) + 1))
        found: set[str] = set()
        for at in self.newcomers[self.size[self.label[self.newcomers]] > 1]:
            for v in h.value[h.subject == at]:
                others = h.subject[start[v] : start[v + 1]]
                if len(others) > MOST_RIPPLING:
                    continue
                holders = len(set(self.label[others].tolist()))
                alpha, beta, pool = h.values.alpha[v], h.values.beta[v], w.pool[h.values.kind[v]]
                if full_bits(alpha, beta, pool, max(holders, 2), 1, w.neighbourhood_bits) < FELLOW:
                    continue
                single = others[(self.size[self.label[others]] == 1) & (others >= len(self.newcomers))]
                found.update(self.subjects.names[s] for s in single.tolist() if s in self.subjects.names)
        return found


def _piece(kind: str, value: str, bits: float, full: float, clusters: int) -> MergePiece:
    return MergePiece(kind, value, round(float(bits), 2), round(float(full), 2), clusters)


def _columns(
    rows: Mapping[tuple[int, int], Period], ghosts: Sequence[tuple[int, int, int]]
) -> tuple[Ints, Ints, Floats, Floats]:
    """Subject, value, first and last use, by value then subject: of those named (by subject and value), and of ghosts
    (value, first subject, how many), of whose uses no time is known."""
    named = np.array(list(rows), np.int64).reshape(-1, 2)
    periods = np.array(list(rows.values()), np.float32).reshape(-1, 2)
    of, start, count = np.array(ghosts, np.int64).reshape(-1, 3).T
    subject = np.concatenate([named[:, 0], _runs(start, count)])
    value = np.concatenate([named[:, 1], np.repeat(of, count)])
    order = np.lexsort((subject, value))
    always = np.full((len(subject) - len(named), 2), Period(), np.float32)
    first, last = np.concatenate([periods, always])[order].T
    return (
        subject[order].astype(np.int32), value[order].astype(np.int32),
        np.ascontiguousarray(first), np.ascontiguousarray(last),
    )  # fmt: skip


def _runs(start: Whole, count: Whole, step: Whole | int = 1) -> Whole:
    """Numbers that begin anew at each start and go on by that step, so many each."""
    place: Whole = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    numbers: Whole = np.repeat(start, count) + place * np.repeat(np.broadcast_to(step, count.shape), count)
    return numbers


class _Subjects:
    """Subjects by number, newcomers first, with the cluster of each; ghosts have no name.

    Ghosts come by the thousand: all there is of them is how many follow one another (`_laid`: their first cluster, how
    many they are, and 1 where each has a cluster of its own).
    """

    def __init__(self, around: Surroundings) -> None:
        self.number: dict[str, int] = {}
        self.names: dict[int, str] = {}
        self.cluster_ids: dict[int, str] = {}
        self.clusters = 0
        self._count = 0
        self._laid: list[tuple[int, int, int]] = []
        self._created: list[float] = []
        self._clusters: dict[str, int] = {}
        for newcomer in around.newcomers:
            self._name(newcomer.subject, newcomer.cluster, newcomer.created)

    def __len__(self) -> int:
        return self._count

    def name(self, number: int) -> str:
        """The name of a subject; that of a ghost is empty."""
        return self.names.get(number, "")

    def add(self, fellow: Fellow) -> int:
        """The number of a subject, which it gets when it is first met."""
        number = self.number.get(fellow.subject)
        return self._name(fellow.subject, fellow.cluster, fellow.created) if number is None else number

    def add_members(self, cluster: str, count: int) -> tuple[int, int]:
        """More ghosts of one cluster: the number of the first, and how many."""
        return self._lay(self._label(cluster), count, 0), count

    def add_loners(self, count: int) -> tuple[int, int]:
        """More ghosts, each alone: the number of the first, and how many."""
        self.clusters += count
        return self._lay(self.clusters - count, count, 1), count

    def labels(self) -> Ints:
        """The cluster of each subject."""
        label, count, step = np.array(self._laid, np.int64).reshape(-1, 3).T
        return _runs(label, count, step).astype(np.int32)

    def created(self) -> Floats:
        """When each subject was opened, in days; NaN where that is not known."""
        created = np.full(self._count, np.nan, np.float32)
        created[list(self.names)] = self._created
        return created

    def _name(self, name: str, cluster: str | None, created: float) -> int:
        number = self._lay(self._label(cluster), 1, 0)
        self.number[name] = number
        self.names[number] = name
        self._created.append(created)
        return number

    def _lay(self, label: int, count: int, step: int) -> int:
        self._laid.append((label, count, step))
        self._count += count
        return self._count - count

    def _label(self, cluster: str | None) -> int:
        if cluster is not None and cluster in self._clusters:
            return self._clusters[cluster]
        self.clusters += 1
        if cluster is not None:
            self._clusters[cluster] = self.clusters - 1
            self.cluster_ids[self.clusters - 1] = cluster
        return self.clusters - 1
