"""The accuracy report as one page that needs nothing beside it: tables with intervals, and plots that stand in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from string import Template

from benchmarks.accuracy import FIGURES, Result, by_dataset, left_out
from benchmarks.peers import ENGINE, missing
from linkage.evaluate import Bands, Calibration, Estimate, Group, Report

_UNDRAWN = missing("matplotlib")
_PAGE = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Accuracy of linkage beside its peers</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; color: #222;
       background: #fff }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums }
th, td { padding: .2rem .5rem; border-bottom: 1px solid #ddd; text-align: right; white-space: nowrap }
th:first-child, td:first-child { text-align: left }
tr.ours { font-weight: 600 }
small { color: #666; font-weight: 400 }
section { overflow-x: auto }
figure { margin: 1rem 0 }
svg { max-width: 100%; height: auto }
</style>
</head>
<body>
<h1>Accuracy of linkage beside its peers</h1>
<p>Every method had the same normalised facts. Small figures are 95&#8201;% intervals, from resampling actors.</p>
<ul>$meanings</ul>
$notes
<nav>$contents</nav>
$sections
</body>
</html>
""")


def page(results: Sequence[Result]) -> str:
    """The report; where the plots cannot be drawn it says so, and its tables hold the same figures."""
    notes = left_out() | ({"the plots": _UNDRAWN} if _UNDRAWN else {})
    found = by_dataset(results)
    return _PAGE.substitute(
        meanings=_items(f"<b>{escape(figure.name)}</b>: {escape(figure.about)}" for figure in FIGURES),
        notes="".join(f"<p>Left out: {escape(name)} ({escape(why)}).</p>" for name, why in notes.items()),
        contents=" · ".join(f'<a href="#d{number}">{escape(name)}</a>' for number, (name, _) in enumerate(found)),
        sections="\n".join(_section(number, name, of) for number, (name, of) in enumerate(found)),
    )


def _section(number: int, name: str, results: Sequence[Result]) -> str:
    report = results[0].report
    ours = next((result.report for result in results if result.method == ENGINE.name), None)
    parts = [
        f'<section id="d{number}"><h2>{escape(name)}</h2>',
        f"<p>{report.accounts:,} accounts of {report.actors:,} actors; {report.rings:,} rings with "
        f"{report.ring_accounts:,} accounts ({escape(report.ring_rule)}).</p>",
        _methods(results),
        _drawn("Methods", "methods", results),
    ]
    groups = _rings(ours) if ours else {}
    if groups:
        parts += [_heading("recall of rings"), _recall(groups), _drawn("Recall of rings", "recall", groups)]
    if ours and ours.calibration:
        parts += [_heading("reliability"), _bins(ours.calibration)]
        parts += [_drawn("Reliability", "reliability", ours.calibration)]
    if ours and ours.bands:
        parts += [_heading("what to do, by band"), _bands(ours.bands)]
    return "\n".join((*parts, "</section>"))


def _heading(what: str) -> str:
    return f"<h3>{escape(ENGINE.name)}: {what}</h3>"


def _methods(results: Iterable[Result]) -> str:
    rows = [
        (
            escape(result.method),
            *(_interval(figure.of(result.report), figure.form) for figure in FIGURES),
            f"{result.seconds:.1f}",
        )
        for result in results
    ]
    return _table(("method", *(figure.name for figure in FIGURES), "seconds"), rows)


def _rings(report: Report) -> dict[str, list[Group]]:
    """Groups of rings by style, evasion, behaviour and size, where the truth has them."""
    found = {name: [group for group in groups if group.rings] for name, groups in report.breakdowns.items()}
    return {name: groups for name, groups in found.items() if groups}


def _recall(found: dict[str, list[Group]]) -> str:
    rows = [
        (f"{name}: {escape(group.name)}", f"{group.actors:,}", f"{group.accounts:,}", _interval(group.b_cubed.recall))
        for name, groups in found.items()
        for group in groups
    ]
    return _table(("", "actors", "accounts", "recall"), rows)


def _bins(calibration: Calibration) -> str:
    rows = [
        (
            f"{found.low:.1f}–{found.high:.1f}",
            f"{found.members:,}",
            f"{found.confidence:.3f}",
            _interval(Estimate(found.correct, found.correct_low, found.correct_high)),
        )
        for found in calibration.bins
    ]
    return _table(("confidence", "members", "mean", "share that was right"), rows)


def _bands(found: Bands) -> str:
    """Members by band, how many were right, and what an account cost, beside treating everybody alike."""
    costs = found.costs
    rows = [(band.band, f"{band.members:,}", f"{band.share:.1%}", _interval(band.correct), "") for band in found.bands]
    alike = {
        "each by its band": found.cost,
        "acting on everybody": found.acting_on_all,
        "leaving everybody alone": found.leaving_all,
        "looking at everybody": Estimate(found.looking_at_all),
    }
    rows += [(name, f"{found.members:,}", "", "", _interval(cost)) for name, cost in alike.items()]
    said = (
        f"<p>Acting on an account that is not the actor's costs {costs.wrong:g}, leaving alone one that is "
        f"{costs.missed:g}, having a person look {costs.review:g}. What costs least: to look from a confidence of "
        f"{found.look_from:.3f} on, to act from {found.act_from:.3f} on.</p>"
    )
    return said + _table(("band", "members", "share", "of the cluster's actor", "cost an account"), rows)


def _interval(estimate: Estimate, form: str = ".3f") -> str:
    if estimate.value is None:
        return "–"
    value = format(estimate.value, form)
    if estimate.low is None or estimate.high is None:
        return value
    return f"{value} <small>{estimate.low:{form}}–{estimate.high:{form}}</small>"


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table of cells that are HTML already; this engine's row stands out."""
    lines = [(cells := tuple(row), ' class="ours"' if cells[0] == ENGINE.name else "") for row in rows]
    head = "".join(f"<th>{head}</th>" for head in heads)
    body = "\n".join(f"<tr{mark}>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>" for cells, mark in lines)
    return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>"


def _drawn(title: str, plot: str, of: object) -> str:
    """The plot of that name, with its title for who cannot see it; nothing where plots cannot be drawn."""
    if _UNDRAWN:
        return ""
    from benchmarks import plots  # noqa: PLC0415  what draws is installed with the group bench only

    return f'<figure role="img" aria-label="{title}">{getattr(plots, plot)(of)}</figure>'


def _items(items: Iterable[str]) -> str:
    return "".join(f"<li>{item}</li>" for item in items)
