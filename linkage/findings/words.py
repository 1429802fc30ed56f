"""How sentences write what they are about: kinds, values (masked), times, bits, probabilities.

Rounded so that nothing is claimed that is not known: two figures of a factor, never a probability of 0 or 100 %. Bits
that are added up are rounded together, so that a reader who adds them by hand arrives at the total shown.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime

from linkage.model.band import Band
from linkage.model.explanation import BEHAVIOUR, COVERAGE, DIFFERENCE, SIGN_UP, STANDING
from linkage.normalise import kind_of
from linkage.normalise.hashing import is_hashed

#: What evidence is called that is no identifier.
_BESIDES = {
    SIGN_UP: "sign-up time",
    BEHAVIOUR: "working hour",
    COVERAGE: "coverage",
    DIFFERENCE: "difference",
    STANDING: "standing",
}
_BANDS = {
    Band.ACT: "sure enough to act on (act)",
    Band.REVIEW: "for a person to look at (review)",
    Band.ABSTAIN: "too unsure to do anything about (abstain)",
}
_SCALES = ((1e12, "trillion"), (1e9, "billion"), (1e6, "million"))


def noun(kind: str, count: int = 1) -> str:
    """What one (or several) of a kind is called."""
    one = _BESIDES.get(kind) or kind_of(kind).noun or kind.replace("_", " ")
    if count == 1:
        return one
    head, of, tail = one.partition(" of ")
    return f"{head}{'es' if head.endswith(('s', 'ch')) else 's'}{of}{tail}"


def masked(kind: str, value: str) -> str:
    """The value as it may be shown to everybody, by the rule of its kind; behaviour and hashes name nobody."""
    return value if kind in _BESIDES or is_hashed(value) else kind_of(kind).mask(value)


def factor(bits: float) -> str:
    """Two to the power of the bits, two figures of it: `about 40,000`."""
    size = 2 ** min(abs(bits), 1000.0)
    for scale, word in _SCALES:
        if size >= 1000 * scale and word == "trillion":
            return "more than a thousand trillion"
        if size >= scale:
            return f"about {_figures(size / scale)} {word}"
    return f"about {_figures(size)}"


def _figures(size: float) -> str:
    places = max(0, 1 - math.floor(math.log10(size))) if size > 0 else 0
    rounded = round(size, 1 - math.floor(math.log10(size)))
    return f"{rounded:,.{places}f}".removesuffix(".0")


def changes(bits: float) -> str:
    """What so many bits do to the odds: `multiplies the odds by about 40,000`."""
    if abs(bits) < 0.05:
        return "leaves the odds as they are"
    return f"{'multiplies' if bits > 0 else 'divides'} the odds by {factor(bits)}"


def percent(probability: float) -> str:
    """A probability; never 0 or 100 %."""
    if probability >= 0.9995:
        return "more than 99.9 %"
    if probability < 0.0005:
        return "less than 0.1 %"
    return f"{100 * probability:.1f} %"


def band(found: Band) -> str:
    """What to do about somebody of that band, and the band's name."""
    return _BANDS[found]


def share(part: float) -> str:
    """A share of something counted: `all`, `none`, `18 %`."""
    return {0.0: "none", 1.0: "all"}.get(round(part, 2), f"{100 * part:.0f} %")


def bits_text(bits: float) -> str:
    """Bits with one place after the point."""
    return f"{round(bits, 1) + 0.0:.1f} bits".replace("-", "−")


def adding_up(bits: Sequence[float], total: float | None = None) -> list[float]:
    """The numbers with one place after the point, so that they add up to their total as it is shown.

    What rounding leaves over goes to the largest remainders. The total is the sum where none is given.
    """
    tenths = [one * 10 for one in bits]
    whole = [math.floor(round(one, 6)) for one in tenths]
    if not whole:
        return []
    # A total that lies further off than rounding takes (pieces of a merge are kept with two places) moves every piece.
    each, over = divmod(round((sum(bits) if total is None else total) * 10) - sum(whole), len(whole))
    largest = sorted(range(len(whole)), key=lambda at: whole[at] - tenths[at])[:over]
    whole = [one + each + (at in largest) for at, one in enumerate(whole)]
    return [one / 10 for one in whole]


def period(first: datetime | None, last: datetime | None) -> str:
    """When something was seen: `on 5 May 2026`, `between 3 and 9 May 2026`; empty where it is not known."""
    begin, end = first or last, last or first
    if begin is None or end is None:
        return ""
    if begin.date() == end.date():
        return on(begin)
    if (begin.year, begin.month) == (end.year, end.month):
        return f"between {begin.day} and {_day(end)}"
    if begin.year == end.year:
        return f"between {begin.day} {begin:%B} and {_day(end)}"
    return f"between {_day(begin)} and {_day(end)}"


def on(at: datetime) -> str:
    """A day: `on 5 May 2026`."""
    return f"on {_day(at)}"


def _day(at: datetime) -> str:
    return f"{at.day} {at:%B %Y}"


def listed(parts: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    *most, final = parts or ("",)
    return f"{', '.join(most)} and {final}" if most else final
