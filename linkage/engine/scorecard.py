"""The scorecard: how a subject stands beside a cluster, as a calibrated probability.

Each aspect of it (`standing.ASPECTS`) adds bits by a curve of its own, straight between its points and level
beyond them (a generalised additive model: Hastie and Tibshirani 1986), so that what speaks for and against a member can
be read off and adds up:

    log2 odds = Σ over aspects of curve(figure)      not known: the curve's `unknown`; of nobody: its `lacking`

Who lacks what others have is told apart by that (accounts that hardly work have no hours of which enough is known); who
lacks what nobody has is not.

`fit_curves` finds the curves by penalised logistic regression: each is bound to be nearly straight, unless the members
say otherwise (second differences, as in P-splines: Eilers and Marx 1996).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from linkage.engine.model import Curve
from linkage.engine.standing import ASPECTS

Real = npt.NDArray[np.float64]
LN2 = float(np.log(2))


def log_odds(seen: Real, curves: Mapping[str, Curve]) -> Real:
    """Bits for each subject being the cluster's actor's; `seen` is subject × aspect."""
    bits = np.zeros(len(seen))
    for column, aspect in enumerate(ASPECTS):
        if curve := curves.get(aspect):
            figure = seen[:, column]
            known = np.interp(figure, curve.at, curve.bits)
            bits += np.select([np.isnan(figure), np.isposinf(figure)], [curve.unknown, curve.lacking], known)
    return bits


def probability(bits: Real) -> Real:
    """The probability of log2 odds."""
    return 1 / (1 + np.exp2(-bits))


def fit_curves(
    seen: Real,
    right: Real,
    weight: Real,
    points: Mapping[str, Sequence[float]],
    *,
    beside: Real | float = 0.0,
    bend: float = 30.0,
    ridge: float = 0.3,
) -> dict[str, Curve]:
    """The curves through these points that tell best which subjects are right (1) and which are not (0), when other
    curves say `beside` bits of each.

    `bend` is the price of a bend, `ridge` that of a bit, both in units of the log loss of one member of weight 1.
    """
    shown = [(column, aspect) for column, aspect in enumerate(ASPECTS) if aspect in points]
    places = [np.asarray(points[aspect], float) for _, aspect in shown]
    base = np.hstack([_hats(seen[:, column], at) for (column, _), at in zip(shown, places, strict=True)])
    penalty = np.zeros((base.shape[1], base.shape[1]))
    start = 0
    for at in places:
        end = start + len(at) + 2
        penalty[start:end, start:end] = _penalty(at, bend, ridge)
        start = end
    found = _logistic(base, right, weight, penalty, beside * LN2) / LN2
    curves, start = {}, 0
    for (_, aspect), at in zip(shown, places, strict=True):
        *bits, unknown, lacking = (round(float(x), 2) for x in found[start : start + len(at) + 2])
        curves[aspect] = Curve(at=tuple(points[aspect]), bits=tuple(bits), unknown=unknown, lacking=lacking)
        start += len(at) + 2
    return curves


def _hats(figure: Real, at: Real) -> Real:
    """Member × point: how much of each point's bits a member gets; and last, whether its figure is unknown, and whether
    everybody's is."""
    known = np.isfinite(figure)
    base = np.zeros((len(figure), len(at) + 2))
    base[:, -2], base[:, -1] = np.isnan(figure), np.isposinf(figure)
    x = np.clip(figure[known], at[0], at[-1])
    low = np.clip(np.searchsorted(at, x, side="right") - 1, 0, len(at) - 2)
    part = (x - at[low]) / (at[low + 1] - at[low])
    rows = np.flatnonzero(known)
    base[rows, low] = 1 - part
    base[rows, low + 1] = part
    return base


def _penalty(at: Real, bend: float, ridge: float) -> Real:
    """The price of the bits at these points: of their bends, by width, and a little of their size; the last two of the
    unknown's and the lacking's."""
    count = len(at)
    price = ridge * np.eye(count + 2)
    width = (at[-1] - at[0]) / (count - 1)
    for i in range(1, count - 1):
        left, right = (at[i] - at[i - 1]) / width, (at[i + 1] - at[i]) / width
        second = np.zeros(count + 2)
        second[i - 1 : i + 2] = [1 / left, -1 / left - 1 / right, 1 / right]
        price += bend * np.outer(second, second)
    return price


def _logistic(base: Real, right: Real, weight: Real, penalty: Real, beside: Real | float) -> Real:
    """Coefficients of least penalised log loss, by Newton's method with halved steps; `beside` is added to logits."""
    x = np.zeros(base.shape[1])

    def loss(x: Real) -> float:
        z = base @ x + beside
        return float((weight * (np.logaddexp(0, z) - right * z)).sum() + x @ penalty @ x / 2)

    for _ in range(50):
        p = 1 / (1 + np.exp(-(base @ x + beside)))
        gradient = base.T @ (weight * (p - right)) + penalty @ x
        step = np.linalg.solve((base * (weight * p * (1 - p))[:, None]).T @ base + penalty, gradient)
        now, scale = loss(x), 1.0
        while loss(x - scale * step) > now and scale > 1e-6:
            scale /= 2
        x = x - scale * step
        if np.abs(scale * step).max() < 1e-6:
            break
    return x
