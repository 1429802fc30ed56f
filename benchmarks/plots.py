"""The plots of the accuracy report, as SVG to stand inside a page: no script, no font and no file beside it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure as Canvas

from benchmarks.accuracy import FIGURES, Result
from linkage.evaluate import Calibration, Estimate, Group

_OURS, _OTHERS, _INK = "#0b6e99", "#b8c4cc", "#333333"
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text, in the reader's own font
    "svg.hashsalt": "linkage",  # the same figures make the same file
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
}
#: Inches: the width of the page, of a line of bars, and of what stands around them.
_WIDE, _LINE, _AROUND = 11.0, 0.24, 0.75
#: Nothing is said of who made the file, when, and with what.
_UNSAID = dict.fromkeys(("Creator", "Date", "Format", "Type"))


def methods(results: Sequence[Result]) -> str:
    """Bars by method, a panel for each figure of the table."""
    names = [result.method for result in results]
    panels = [(figure.name, names, [figure.of(result.report) for result in results]) for figure in FIGURES]
    return _bars(panels, ours=names[0], sharey=True)


def recall(found: dict[str, Sequence[Group]]) -> str:
    """Ring recall by group, a panel for each way to group; how many rings in brackets."""
    panels = [
        (
            f"ring recall by {name}",
            [f"{group.name} ({group.actors})" for group in groups],
            [group.b_cubed.recall for group in groups],
        )
        for name, groups in found.items()
    ]
    return _bars(panels)


def reliability(calibration: Calibration) -> str:
    """How often members were right, by how sure the engine was of them; below it how many there are in each bin."""
    with mpl.rc_context(_STYLE):
        canvas = Canvas(figsize=(4.2, 5.0), layout="constrained")
        axes, below = canvas.subplots(2, 1, sharex=True, height_ratios=(3.6, 1))
        axes.plot([0, 1], [0, 1], color=_OTHERS, linewidth=1)
        sure = [found.confidence for found in calibration.bins]
        right = [Estimate(found.correct, found.correct_low, found.correct_high) for found in calibration.bins]
        axes.errorbar(sure, _values(right), yerr=_whiskers(right), fmt="o", color=_OURS, ecolor=_INK, elinewidth=1)
        axes.set(xlim=(0, 1.02), ylim=(0, 1.02), ylabel="share that was right")
        middle = [(found.low + found.high) / 2 for found in calibration.bins]
        members = [found.members for found in calibration.bins]
        bars = below.bar(middle, members, width=0.08, color=_OTHERS)
        below.bar_label(bars, [f"{count:,}" for count in members], fontsize=7, color=_INK)
        # A few in a bin stay visible beside the thousands in another.
        below.set(yscale="log", ylim=(0.5, 5 * max(members)), xlabel="confidence", ylabel="members")
        return _svg(canvas)


def _bars(panels: Sequence[tuple[str, list[str], list[Estimate]]], *, ours: str = "", sharey: bool = False) -> str:
    """Panels side by side: title, names, estimates. In colour are the bars of that name; of none: all."""
    with mpl.rc_context(_STYLE):
        high = _AROUND + _LINE * max(len(names) for _, names, _ in panels)
        canvas = Canvas(figsize=(_WIDE, high), layout="constrained")
        row: Any = canvas.subplots(1, len(panels), squeeze=False, sharey=sharey)[0]
        for axes, (title, names, estimates) in zip(row, panels, strict=True):
            places = range(len(names))
            colours = [_OURS if ours in ("", name) else _OTHERS for name in names]
            axes.barh(places, _values(estimates), xerr=_whiskers(estimates), color=colours, ecolor=_INK, height=0.7)
            axes.set_yticks(places, names)
            axes.set_ylim(len(names) - 0.5, -0.5)  # the first on top
            axes.set_xlim(left=0)
            axes.set_title(title, loc="left", fontsize=9)
        return _svg(canvas)


def _values(estimates: Sequence[Estimate]) -> list[float]:
    return [estimate.value or 0.0 for estimate in estimates]


def _whiskers(estimates: Sequence[Estimate]) -> list[list[float]]:
    """How far each interval reaches below and above its value; nothing where there is none."""
    values = _values(estimates)
    below = [
        max(value - (e.low if e.low is not None else value), 0.0) for value, e in zip(values, estimates, strict=True)
    ]
    above = [
        max((e.high if e.high is not None else value) - value, 0.0) for value, e in zip(values, estimates, strict=True)
    ]
    return [below, above]


def _svg(canvas: Canvas) -> str:
    written = io.StringIO()
    canvas.savefig(written, format="svg", metadata=_UNSAID)
    text = written.getvalue()
    return text[text.index("<svg") :]
