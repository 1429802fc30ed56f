"""The curves of the scorecards, learnt from members and newcomers of which it is known whether they are right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from linkage.engine.labels import Actors, owners
from linkage.engine.model import Curve
from linkage.engine.scorecard import fit_curves
from linkage.engine.standing import ASPECTS, HOURS, LOAD, SIGN_UP, Beside
from linkage.engine.tables import Ints

#: Where the curves bend, by aspect; those that the model has already keep its points.
POINTS: dict[str, tuple[float, ...]] = {
    "evidence": (0, 5, 10, 15, 20, 30, 45, 70),
    "telling": (0, 6, 10, 14, 16, 18, 22),
    "sign_up": (-3, -1, 0, 1, 2, 4),
    "hours": (-0.8, 0, 1, 3, 6, 10),
    "load": (-8, -4, -2, -1, 0, 0.5, 1, 1.5),
    "fellows": (0, 1, 1.6, 2, 2.6, 3, 4, 5, 6),
    "size": (1, 1.6, 2.3, 3, 4, 5, 6, 8, 11),
    "own": (0, 0.2, 0.4, 0.6, 0.8, 1),
}
MEMBERS = 2000.0  # that the members of each data set weigh together: they depend on each other
FEWEST = 50  # members below which nothing is learnt
#: What a data set may lack altogether, and how much its members weigh again as if this one did.
MAY_LACK = ((SIGN_UP,), (HOURS, LOAD), (SIGN_UP, HOURS, LOAD))
LACKING = 0.25

Real = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


class Judged(NamedTuple):
    """Subjects of one data set beside clusters: subject × aspect, and 1 for those that are the cluster's actor's."""

    seen: Real
    right: Real


def judge(beside: Beside, label: Ints, actors: Actors, stated: Flags) -> Judged:
    """The subjects whose actor is known and teaches, and whose membership nobody stated.

    Right is who belongs to the cluster's owner, the actor of most of its members.
    """
    known = (actors.actor >= 0) & ~stated
    known[known] = actors.teaches[actors.actor[known]]
    owner = owners(label, int(label.max(initial=-1)) + 1, actors.actor)
    kept = known[beside.subject]
    right = owner[beside.cluster] == actors.actor[beside.subject]
    return Judged(beside.seen[kept], right[kept].astype(np.float64))


def learn_curves(judged: Sequence[Judged], given: Mapping[str, Curve]) -> dict[str, Curve]:
    """The given curves, with those that these subjects teach in their place; as given without enough of both sorts.

    Each subject teaches again as one of whom no sign-up, no usage, or neither are known, so that the curves serve where
    a provider keeps none.
    """
    some = [each for each in judged if len(each.right)]
    right = np.concatenate([each.right for each in some]) if some else np.zeros(0)
    if len(right) < FEWEST or right.all() or not right.any():
        return dict(given)
    seen = np.concatenate([each.seen for each in some])
    weight = np.concatenate(
        [np.full(len(each.right), min(MEMBERS, len(each.right)) / len(each.right)) for each in some]
    )
    known = ~np.isnan(seen).all(axis=0)
    points = {aspect: _points(aspect, given) for number, aspect in enumerate(ASPECTS) if known[number]}
    again = [_without(seen, aspects) for aspects in MAY_LACK]
    times = 1 + len(again)
    points = {name: at for name, at in points.items() if at}
    curves = fit_curves(
        np.concatenate([seen, *again]),
        np.tile(right, times),
        np.concatenate([weight, *[LACKING * weight] * len(again)]),
        points,
        beside=sum(curve.unknown for name, curve in given.items() if name not in points),
    )
    return {**given, **curves}


def _without(seen: Real, aspects: Sequence[int]) -> Real:
    seen = seen.copy()
    seen[:, aspects] = np.nan
    return seen


def _points(aspect: str, given: Mapping[str, Curve]) -> tuple[float, ...]:
    """A curve of two points is a straight line, and says nothing of where to bend."""
    curve = given.get(aspect)
    return curve.at if curve and len(curve.at) > 2 else POINTS.get(aspect, ())
