"""What a data set with labels has to teach: the pairs that the rounds meet, and what each number does to them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

from linkage.engine.classes import Holders, separateness, weigh_classes
from linkage.engine.decisions import read_decisions, teaching_pairs
from linkage.engine.facts import Facts
from linkage.engine.forest import Forest
from linkage.engine.labels import Labels
from linkage.engine.lookup import look_up
from linkage.engine.model import Model
from linkage.engine.pairs import (
    EVERYTHING,
    MOST_PIECES,
    Pieces,
    Round,
    judge_pair,
    lay_desk,
    room,
    score_rows,
    sign_ups,
)
from linkage.engine.resolve import Bound, Gathered, bind, gather, look_again, prepare, sign_up_span, weigh
from linkage.engine.rounds import Rounds, Scored
from linkage.engine.runner import Runner
from linkage.engine.second_look import Seen, base_rate_bits, keep_who_stands
from linkage.engine.standing import Beside, Scene, look_at_members, look_at_newcomers, set_scene
from linkage.engine.tables import Bits, Flags, Ints, Values
from linkage.engine.weigh import Weights
from linkage.model.progress import Progress, silent

SLACK = 14.0  # bits below the threshold down to which pairs are looked at
MOST_WEIGHT = 20  # members of the smaller side beyond which a pair weighs no more

Real = npt.NDArray[np.float64]


class World(NamedTuple):
    """A data set as arrays.

    accounts  the ids of the first subjects, in their order; organisations follow
    bound     what was settled before the rounds, in `forest` too
    judged    decisions as (subject, subject, judgement), each by its latest word; `undecided` says nothing
    """

    name: str
    accounts: pa.Array[Any]
    gathered: Gathered
    forest: Forest
    bound: Bound
    judged: tuple[tuple[int, int, str], ...]

    @property
    def stated(self) -> Flags:
        """Subjects whose membership somebody stated: declared or decided."""
        return self.bound.stated(len(self.gathered.created))


def gather_world(
    name: str,
    facts: Facts,
    model: Model,
    *,
    bound_by_decisions: bool,
    memory_limit: str = "4GB",
    threads: int = 2,
    progress: Progress = silent,
) -> World:
    """The facts as the rounds take them; decisions that are to teach do not bind the rounds, or they would never be
    asked."""
    runner = Runner(memory_limit, threads, progress)
    try:
        facts.register(runner.connection)
        prepare(runner, model)
        look_up(runner, None)
        gathered = gather(runner, model)
        judged = tuple(teaching_pairs(read_decisions(runner)))
        if not bound_by_decisions:
            runner.connection.execute("DELETE FROM decided_members")
        forest, bound = bind(runner, len(gathered.created))
        named = "SELECT subject_id FROM subjects WHERE subject_type = 'account' ORDER BY subject"
        accounts = runner.arrow(named).column("subject_id").combine_chunks()
        return World(name, accounts, gathered, forest, bound, judged)
    finally:
        runner.close()


class Lessons(NamedTuple):
    """Pairs of clusters as the rounds met them.

    total    bits of each pair under the model
    slope    pair × number: how many bits a step of that number adds
    same     1 where the pair is one actor's, 0 where not
    weight   how much each pair counts
    """

    total: Bits
    slope: Real
    same: Bits
    weight: Bits


@njit(cache=True, nogil=True)
def weigh_pairs(left: Ints, right: Ints, now: Round, weights: Weights, pieces: Pieces) -> Bits:
    """Total bits of each pair of clusters."""
    total = np.empty(len(left), np.float64)
    for i in range(len(left)):
        sign_up = sign_ups(left[i], right[i], now.table, weights)
        total[i] = judge_pair(left[i], right[i], sign_up, now, weights, pieces, EVERYTHING).total
    return total


class Watched(Rounds):
    """Rounds that note pairs on their way, and what each of the `moved` models makes of them."""

    def __init__(
        self, world: World, labels: Labels, model: Model, moved: list[Model], pairs_a_round: int, threads: int
    ) -> None:
        weights, holders, holdings = weigh(world.gathered, model)
        super().__init__(holdings, weights, _copy(world.forest), world.gathered.activity, threads)
        self.judge = labels.judge
        # What the holders of a value are like does not hang on any number that moves.
        self.moved = [_worth(world.gathered, each, holders) for each in moved]
        self.pairs_a_round = pairs_a_round
        self.random = np.random.default_rng(0)
        self.lessons = [_nothing(len(moved))]

    def score(self, now: Round, touched: Flags) -> Scored:
        low = self.weights._replace(threshold_bits=self.weights.threshold_bits - SLACK)
        left, right, _ = score_rows(0, len(touched), touched, now, low, lay_desk(now.table))
        same = self.judge(now.held.label, len(now.table.size), left, right)
        keep = np.flatnonzero(~np.isnan(same))
        share = max(len(keep) / self.pairs_a_round, 1.0)
        if share > 1:
            keep = self.random.choice(keep, self.pairs_a_round, replace=False)
        if len(keep):
            self._note(now, left[keep], right[keep], same[keep], share)
        return super().score(now, touched)

    def _note(self, now: Round, left: Ints, right: Ints, same: Bits, share: float) -> None:
        pieces = room(MOST_PIECES)
        total = weigh_pairs(left, right, now, self.weights, pieces)
        slope = np.empty((len(left), len(self.moved)))
        late = self.weights.behaviour_cap > 0
        for j, (weights, values) in enumerate(self.moved):
            there = weights._replace(
                threshold_bits=self.weights.threshold_bits, behaviour_cap=weights.behaviour_cap if late else 0.0
            )
            slope[:, j] = weigh_pairs(left, right, now._replace(values=values), there, pieces) - total
        size = now.table.size
        weight = share * np.sqrt(np.minimum(np.minimum(size[left], size[right]), MOST_WEIGHT))
        self.lessons.append(Lessons(total, slope, same, weight))


def _worth(gathered: Gathered, model: Model, holders: Holders) -> tuple[Weights, Values]:
    weights = Weights.of(model, gathered.kinds, sign_up_span(gathered.created))
    values = weigh_classes(gathered.kind, holders, weights)
    return weights, values._replace(alpha=values.alpha + gathered.shift)


def _copy(forest: Forest) -> Forest:
    """A forest for rounds of their own: they grow it."""
    return Forest._make(column.copy() for column in forest)


def _nothing(numbers: int) -> Lessons:
    none = np.zeros(0)
    return Lessons(none, np.zeros((0, numbers)), none, none)


def learn(
    world: World, labels: Labels, model: Model, moved: list[Model], *, pairs_a_round: int = 4000, threads: int = 2
) -> tuple[Lessons, Ints]:
    """The lessons of a data set under a model, and the cluster of each subject that its rounds end with.

    Of each round at most `pairs_a_round` pairs are looked at, drawn at random, and weigh for the others.
    """
    rounds = Watched(world, labels, model, moved, pairs_a_round, threads)
    rounds.run(model.prior.stages, model.rounds.maximum)
    return Lessons(*(np.concatenate(column) for column in zip(*rounds.lessons, strict=True))), rounds.labels()[0]


def cluster(world: World, model: Model, threads: int = 2) -> Ints:
    """The cluster of each subject that the rounds end with."""
    weights, _, holdings = weigh(world.gathered, model)
    rounds = Rounds(holdings, weights, _copy(world.forest), world.gathered.activity, threads)
    rounds.run(model.prior.stages, model.rounds.maximum)
    return rounds.labels()[0]


def members_of(world: World, label: Ints, model: Model) -> Beside:
    """How each member stands in these clusters."""
    return look_at_members(_scene(world, label, model))


def newcomers_of(world: World, label: Ints, model: Model) -> tuple[Beside, Ints]:
    """How each single account stands beside the cluster that it shares most with, when who does not stand in these
    clusters was let go; and the clusters then."""
    seen = members_of(world, label, model)
    shift = base_rate_bits(seen, world.stated, model.confidence)

    def look(label: Ints) -> Beside:
        return members_of(world, label, model)

    label, _ = keep_who_stands(label, seen, look, world.stated, model.confidence, shift)
    return look_at_newcomers(_scene(world, label, model), model.newcomers.core, model.newcomers.near), label


def _scene(world: World, label: Ints, model: Model) -> Scene:
    weights, _, holdings = weigh(world.gathered, model)
    g = world.gathered
    separate = separateness(g.subject, g.kind[g.value], g.private, weights)
    return set_scene(label, holdings, separate, g.activity, weights)


def look_at_world(world: World, label: Ints, model: Model) -> Seen:
    """What the second look makes of the clusters that the rounds ended with."""
    weights, _, holdings = weigh(world.gathered, model)
    return look_again(label, world.gathered, holdings, weights, world.bound, model)
