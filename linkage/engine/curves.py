"""The curves of the scorecards, learnt from members and newcomers of which it is known whether they are right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from linkage.engine.labels import Actors, owners
from linkage.engine.model import Curve, Scorecard
from linkage.engine.scorecard import fit_scorecard, log_odds
from linkage.engine.standing import ASPECTS, HOURS, LOAD, NOBODYS, SIGN_UP, Beside, weigh_loads
from linkage.engine.tables import Bits, Ints

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
#: What says more together than alone: that sign-ups, or loads, are not alike tells the more against a member, the more
#: others are alike. Of all pairs of aspects these told most on worlds left out (docs/decisions/0011).
TOGETHER: dict[tuple[str, str], tuple[tuple[float, ...], tuple[float, ...]]] = {
    ("sign_up", "size"): ((-3, -1, 1, 2, 4), (1, 2.3, 4, 6, 11)),
    ("load", "size"): ((-8, -2, 0, 0.5, 1.5), (1, 2.3, 4, 6, 11)),
}
MEMBERS = 2000.0  # that the members of each data set weigh together: they depend on each other
FEWEST = 50  # members below which nothing is learnt
#: What a data set may lack altogether.
MAY_LACK = ((SIGN_UP,), (LOAD,), (HOURS, LOAD), (SIGN_UP, HOURS, LOAD))

Real = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


class Judged(NamedTuple):
    """Subjects of one data set beside clusters: subject × aspect, the same if actors evaded, and 1 for those that are
    the cluster's actor's."""

    seen: Real
    evading: Real
    right: Real


def judge(beside: Beside, label: Ints, actors: Actors, stated: Flags, load: Bits) -> Judged:
    """The subjects whose actor is known and teaches, and whose membership nobody stated; `load` is everybody's.

    Right is who belongs to the cluster's owner, the actor of most of its members.
    """
    known = (actors.actor >= 0) & ~stated
    known[known] = actors.teaches[actors.actor[known]]
    owner = owners(label, int(label.max(initial=-1)) + 1, actors.actor)
    kept = known[beside.subject]
    right = owner[beside.cluster] == actors.actor[beside.subject]
    evading = _evading(beside, label, actors, load)
    return Judged(beside.seen[kept], evading[kept], right[kept].astype(np.float64))


def _evading(beside: Beside, label: Ints, actors: Actors, load: Bits) -> Real:
    """What is seen if every actor of several accounts takes care that they work no more alike than anybody's: each
    with the load of somebody drawn from those who have one account."""
    known = (actors.actor >= 0) & ~np.isnan(load)
    several = known.copy()
    several[known] = np.bincount(actors.actor[actors.actor >= 0])[actors.actor[known]] > 1
    seen, drawn, ordinary = beside.seen.copy(), load.copy(), load[known & ~several]
    if len(ordinary):
        drawn[several] = np.random.default_rng(0).choice(ordinary, several.sum())
        weigh_loads(seen, beside.subject, beside.cluster, drawn, label, int(label.max()) + 1)
    return seen


def learn_scorecard(judged: Sequence[Judged], given: Scorecard) -> Scorecard:
    """The given scorecard, with what these subjects teach in its place; as given without enough of both sorts.

    Each subject teaches again as if actors evaded, so that what they can change at will is trusted for what it is worth
    when they do; and as if the data set lacked sign-ups, requests, usage, or all of these, so that the scorecard serves
    where a provider keeps none. All of it weighs alike: of actors and providers to come it is not known which they are.
    """
    some = [each for each in judged if len(each.right)]
    right = np.concatenate([each.right for each in some]) if some else np.zeros(0)
    if len(right) < FEWEST or right.all() or not right.any():
        return given
    seen = np.concatenate([each.seen for each in some])
    weight = np.concatenate(
        [np.full(len(each.right), min(MEMBERS, len(each.right)) / len(each.right)) for each in some]
    )
    known = {aspect for aspect, figures in zip(ASPECTS, seen.T, strict=True) if np.isfinite(figures).any()}
    points = {aspect: at for aspect in ASPECTS if aspect in known and (at := _points(aspect, given.curves))}
    pairs = {aspects: at for aspects, at in TOGETHER.items() if set(aspects) <= set(points)}
    again = [np.concatenate([each.evading for each in some]), *(_without(seen, aspects) for aspects in MAY_LACK)]
    seen = np.concatenate([seen, *again])
    kept = Scorecard(
        curves={name: curve for name, curve in given.curves.items() if name not in points},
        together=tuple(surface for surface in given.together if surface.aspects not in pairs),
    )
    learnt = fit_scorecard(
        seen,
        np.tile(right, 1 + len(again)),
        np.tile(weight, 1 + len(again)),
        points,
        pairs,
        beside=log_odds(seen, kept),
    )
    return Scorecard(curves={**given.curves, **learnt.curves}, together=(*kept.together, *learnt.together))


def _without(seen: Real, aspects: Sequence[int]) -> Real:
    seen = seen.copy()
    seen[:, aspects] = NOBODYS
    return seen


def _points(aspect: str, given: Mapping[str, Curve]) -> tuple[float, ...]:
    """A curve of two points is a straight line, and says nothing of where to bend."""
    curve = given.get(aspect)
    return curve.at if curve and len(curve.at) > 2 else POINTS.get(aspect, ())
