"""Fit the model's numbers to data sets of which it is known who is one actor.

What is asked of the numbers is that the posterior of a pair of clusters is right, for the pairs that the rounds
meet: each in the round in which it was proposed, with the clusters as they were then. Around the present numbers θ₀
the total of a pair is taken as linear,

    total(θ) ≈ total(θ₀) + J·(θ − θ₀)                 J by differences, one number at a time

and θ minimises the log loss of 1 / (1 + 2^−(total − log2 neighbourhood)) over these pairs, plus a penalty for leaving
the numbers that were given (ridge, in units of each number's own leeway): regularised logistic regression. Since other
numbers make other clusters, rounds and regression take turns (as in DAgger: Ross, Gordon, Bagnell 2011).

A wrong link draws others after it and rounds never undo it, so pairs of two actors may be given a higher price
(`priced`); the posterior is then that much more cautious than the odds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from linkage.engine.lessons import Lessons
from linkage.engine.model import Model
from linkage.engine.weigh import LN2

STEP = 0.1  # of its leeway by which a number is moved to see what it does
FARTHEST = 1.0  # leeways that a number may move in one turn
DIGITS = 5  # that a number found is written with
SURE = 0.999  # beyond which no probability is learnt
LOUD = 40.0  # logits beyond which a pair is certain

Real = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


class Scale(NamedTuple):
    """A scale on which a number moves freely between two ends, there and back."""

    there: Callable[[float], float]
    back: Callable[[float], float]
    low: float = -math.inf
    high: float = math.inf


def _logit(p: float) -> float:
    return math.log(p / (1 - p)) if 0 < p < 1 else math.copysign(math.inf, p - 0.5)


LOGIT = Scale(
    lambda p: min(max(_logit(p), _logit(1 - SURE)), _logit(SURE)),
    lambda x: 1 / (1 + math.exp(-x)),
    _logit(1 - SURE),
    _logit(SURE),
)
PLAIN = Scale(lambda x: x, lambda x: max(x, 0.0), low=0.0)
LOG = Scale(lambda x: math.log(max(x, 1e-4)), math.exp)


class Free(NamedTuple):
    """A number that may move: its place in the table, its scale, and its leeway there."""

    path: tuple[str, ...]
    scale: Scale
    leeway: float


#: What may move of each kind, on what scale, and how far in one go without surprise.
KIND = {
    "purity": (LOGIT, 0.7),
    "fade": (PLAIN, 0.25),
    "stale": (PLAIN, 0.02),
    "separate": (PLAIN, 0.5),
    "spread": (PLAIN, 0.3),
}
FAMILY = {"within": (LOGIT, 0.5)}
SINGLE = {
    "rounds.size_correction": (PLAIN, 0.15),
    "rounds.both_large": (PLAIN, 0.15),
    "rounds.uncovered": (PLAIN, 1.0),
    "rounds.lone_witness": (PLAIN, 1.5),
    "sign_up.burst_share": (LOGIT, 0.3),
    "sign_up.burst_days": (LOG, 0.3),
    "behaviour.coordinated": (LOGIT, 0.5),
    "behaviour.together": (LOGIT, 0.5),
}


class Found(NamedTuple):
    """Where the numbers should go, and the penalised log loss at the present numbers and (expected) there."""

    where: Real
    loss_before: float
    loss_after: float


def free_numbers(model: Model, kinds: Iterable[str]) -> list[Free]:
    """The numbers that data with these kinds can teach."""
    free = [Free(tuple(path.split(".")), scale, leeway) for path, (scale, leeway) in SINGLE.items()]
    present = sorted(set(kinds) & set(model.kinds))
    free += [Free(("kinds", kind, name), *by) for kind in present for name, by in KIND.items()]
    families = sorted({model.kinds[kind].family for kind in present})
    return free + [Free(("families", family, name), *by) for family in families for name, by in FAMILY.items()]


def read(model: Model, free: Sequence[Free]) -> Real:
    """Where the free numbers stand, on their scales, in leeways."""
    table = model.model_dump()
    return np.array([each.scale.there(_part(table, each.path)[each.path[-1]]) / each.leeway for each in free])


def moved(model: Model, free: Sequence[Free], where: Real) -> Model:
    """The model with its free numbers there; those that stand there already keep their every digit."""
    table = model.model_dump()
    still = np.isclose(where, read(model, free), rtol=0, atol=1e-9)
    for each, x, stays in zip(free, where, still, strict=True):
        if not stays:
            found = each.scale.back(float(x) * each.leeway)
            _part(table, each.path)[each.path[-1]] = float(f"{found:.{DIGITS}g}")
    return Model.model_validate(table)


def steps(model: Model, free: Sequence[Free]) -> tuple[list[Model], Real]:
    """One model for each free number, moved by a step; and the steps in leeways, backwards where there is no way on."""
    here = read(model, free)
    by = np.where(here + STEP <= ends(free)[1], STEP, -STEP)
    models = [moved(model, free, here + row) for row in np.diag(by)]
    taken = np.array([read(each, free)[j] - here[j] for j, each in enumerate(models)])
    return models, taken


def _part(table: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    for name in path[:-1]:
        table = table[name]
    return table


def ends(free: Sequence[Free]) -> tuple[Real, Real]:
    """How far down and up the free numbers may go at all, in leeways."""
    low = np.array([each.scale.low / each.leeway for each in free])
    high = np.array([each.scale.high / each.leeway for each in free])
    return low, high


def priced(lessons: Lessons, wrong: float) -> Lessons:
    """The lessons where a pair of two actors weighs `wrong` times as much: what a wrong link costs in missed ones."""
    return lessons._replace(weight=np.where(lessons.same > 0, lessons.weight, wrong * lessons.weight))


class Taught(NamedTuple):
    """All lessons together: the present logit of each pair, its change by one leeway of each number, whether it is one
    actor's, and what it weighs."""

    logit: Real
    slope: Real
    same: Real
    weight: Real

    @classmethod
    def by(cls, lessons: Sequence[Lessons], taken: Real, neighbourhood_bits: float, per_world: float) -> Taught:
        """From lessons with steps of `taken` leeways; each world counts as `per_world` pairs, or as those it has, since
        they depend on each other."""
        some = [each for each in lessons if len(each.total)]
        scale = [min(per_world, len(each.total)) / each.weight.sum() for each in some]
        return cls(
            logit=(np.concatenate([each.total for each in some]) - neighbourhood_bits) * LN2,
            slope=np.concatenate([each.slope for each in some]) / taken * LN2,
            same=np.concatenate([each.same for each in some]),
            weight=np.concatenate([each.weight * by for each, by in zip(some, scale, strict=True)]),
        )

    def loss(self, move: Real) -> float:
        """Log loss, in nats, when the numbers move by so many leeways."""
        z = self.logit + self.slope @ move
        return float((self.weight * (np.logaddexp(0, z) - self.same * z)).sum())

    def bend(self, move: Real) -> tuple[Real, Real]:
        """The gradient of the loss there and its Hessian."""
        z = np.clip(self.logit + self.slope @ move, -LOUD, LOUD)
        p = 1 / (1 + np.exp(-z))
        weighed = self.slope * (self.weight * p * (1 - p))[:, None]
        return self.slope.T @ (self.weight * (p - self.same)), weighed.T @ self.slope


def regress(taught: Taught, here: Real, given: Real, limits: tuple[Real, Real], ridge: float = 1.0) -> Found:
    """Where the numbers should go from `here`, all in leeways: least log loss plus ridge/2 · |where − given|².

    Newton's method between the `limits`, and at most `FARTHEST` from here: numbers at an end that want beyond it rest
    (projected Newton: Bertsekas 1982), steps are halved until they help.
    """
    low, high = np.maximum(limits[0], here - FARTHEST), np.minimum(limits[1], here + FARTHEST)

    def loss(x: Real) -> float:
        return taught.loss(x - here) + ridge / 2 * float(((x - given) ** 2).sum())

    x = np.clip(here, low, high)
    for _ in range(50):
        gradient, curve = taught.bend(x - here)
        gradient = gradient + ridge * (x - given)
        going = ~(((x <= low) & (gradient > 0)) | ((x >= high) & (gradient < 0)))
        step = np.zeros(len(x))
        step[going] = np.linalg.solve(curve[np.ix_(going, going)] + ridge * np.eye(int(going.sum())), gradient[going])
        following = _halved(x, step, low, high, loss)
        if np.abs(following - x).max(initial=0.0) < 1e-4:
            break
        x = following
    return Found(x, loss(here), loss(x))


def _halved(x: Real, step: Real, low: Real, high: Real, loss: Callable[[Real], float]) -> Real:
    """Where a step leads, or half of it, a quarter …, whichever first loses less; x where none does."""
    before = loss(x)
    for halves in range(12):
        following: Real = np.clip(x - step / 2**halves, low, high)
        if loss(following) <= before:
            return following
    return x


def log_loss(lessons: Sequence[Lessons], neighbourhood_bits: float, number: int | None = None) -> float | None:
    """Mean log loss of the pairs, in nats, every world alike: as the model met them, or as the moved model of this
    number weighs them. None where there are no pairs."""
    found = []
    for each in lessons:
        if len(each.total):
            bits = each.total if number is None else each.total + each.slope[:, number]
            z = (bits - neighbourhood_bits) * LN2
            found.append(float(np.average(np.logaddexp(0, z) - each.same * z, weights=each.weight)))
    return float(np.mean(found)) if found else None
