"""The scorecard: how a subject stands beside a cluster, as a calibrated probability.

Each aspect of it (`standing.ASPECTS`) adds bits by a curve of its own, straight between its points and level
beyond them (a generalised additive model: Hastie and Tibshirani 1986), so that what speaks for and against a member can
be read off and adds up; and a few pairs of aspects add what they say together beside that, by a surface (models with
such interactions: Lou, Caruana, Gehrke and Hooker 2013):

    log2 odds = Σ over aspects of curve(figure)      not known: the curve's `unknown`; of nobody: its `lacking`
              + Σ over pairs of surface(figures)     one of them not known: 0

Who lacks what others have is told apart by that (accounts that hardly work have no hours of which enough is known); who
lacks what nobody has is not.

`fit_scorecard` finds both by penalised logistic regression: each curve is bound to be nearly straight, unless the
members say otherwise (second differences, as in P-splines: Eilers and Marx 1996), and each surface to be nearly
nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from linkage.engine.model import Curve, Scorecard, Surface
from linkage.engine.standing import ASPECTS

Real = npt.NDArray[np.float64]
Points = tuple[Sequence[float], Sequence[float]]
LN2 = float(np.log(2))
#: Prices of a bend, of a bit of a curve, and of a bit of a surface, in units of the log loss of a member of weight 1.
BEND, RIDGE, LIFT = 30.0, 0.3, 3.0


def log_odds(seen: Real, card: Scorecard) -> Real:
    """Bits for each subject being the cluster's actor's; `seen` is subject × aspect."""
    bits = np.zeros(len(seen))
    for column, aspect in enumerate(ASPECTS):
        if curve := card.curves.get(aspect):
            figure = seen[:, column]
            known = np.interp(figure, curve.at, curve.bits)
            bits += np.select([np.isnan(figure), np.isposinf(figure)], [curve.unknown, curve.lacking], known)
    for surface in card.together:
        one, other = _sides(seen, surface.aspects, surface.at)
        bits += (one * (other @ np.asarray(surface.bits).T)).sum(axis=1)
    return bits


def probability(bits: Real) -> Real:
    """The probability of log2 odds."""
    return 1 / (1 + np.exp2(-bits))


def fit_scorecard(
    seen: Real,
    right: Real,
    weight: Real,
    points: Mapping[str, Sequence[float]],
    pairs: Mapping[tuple[str, str], Points],
    *,
    beside: Real | float = 0.0,
) -> Scorecard:
    """The curves and surfaces through these points that tell best which subjects are right (1) and which are not (0),
    when others say `beside` bits of each."""
    shown = [(column, aspect) for column, aspect in enumerate(ASPECTS) if aspect in points]
    places = [np.asarray(points[aspect], float) for _, aspect in shown]
    base = [_hats(seen[:, column], at) for (column, _), at in zip(shown, places, strict=True)]
    prices = [_penalty(at) for at in places]
    for aspects, at in pairs.items():
        one, other = _sides(seen, aspects, at)
        base.append((one[:, :, None] * other[:, None, :]).reshape(len(seen), len(at[0]) * len(at[1])))
        prices.append(LIFT * np.eye(base[-1].shape[1]))
    found = _logistic(np.hstack(base), right, weight, _blocks(prices), beside * LN2) / LN2
    parts = np.split(found, np.cumsum([len(price) for price in prices])[:-1])
    curves, surfaces = {}, []
    for (_, aspect), part in zip(shown, parts[: len(shown)], strict=True):
        *bits, unknown, lacking = _rounded(part)
        curves[aspect] = Curve(at=tuple(points[aspect]), bits=tuple(bits), unknown=unknown, lacking=lacking)
    for (aspects, at), part in zip(pairs.items(), parts[len(shown) :], strict=True):
        rows = tuple(_rounded(row) for row in part.reshape(len(at[0]), len(at[1])))
        surfaces.append(Surface(aspects=aspects, at=(tuple(at[0]), tuple(at[1])), bits=rows))
    return Scorecard(curves=curves, together=tuple(surfaces))


def _rounded(bits: Real) -> tuple[float, ...]:
    return tuple(round(float(x), 2) for x in bits)


def _blocks(prices: Sequence[Real]) -> Real:
    """The prices along the diagonal: what one curve costs does not hang on another."""
    whole = np.zeros((sum(map(len, prices)),) * 2)
    start = 0
    for price in prices:
        whole[start : start + len(price), start : start + len(price)] = price
        start += len(price)
    return whole


def _sides(seen: Real, aspects: tuple[str, str], at: Points) -> tuple[Real, Real]:
    """Member × point of the one aspect, and of the other: how much of each point's bits a member gets."""
    one, other = (
        _hats(seen[:, ASPECTS.index(aspect)], np.asarray(points, float))[:, :-2]
        for aspect, points in zip(aspects, at, strict=True)
    )
    return one, other


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


def _penalty(at: Real) -> Real:
    """The price of the bits at these points: of their bends, by width, and a little of their size; the last two of the
    unknown's and the lacking's."""
    count = len(at)
    price = RIDGE * np.eye(count + 2)
    width = (at[-1] - at[0]) / (count - 1)
    for i in range(1, count - 1):
        left, right = (at[i] - at[i - 1]) / width, (at[i + 1] - at[i]) / width
        second = np.zeros(count + 2)
        second[i - 1 : i + 2] = [1 / left, -1 / left - 1 / right, 1 / right]
        price += BEND * np.outer(second, second)
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
