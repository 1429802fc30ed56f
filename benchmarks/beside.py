"""The tables under "Beside others" in docs/results.md, as Markdown, out of the figures that runs have kept.

    python -m benchmarks.beside FILE …

The engine is measured in a few minutes, its peers in half an hour, and the engine changes more often. So each may be
run by itself: where two files have the same method on the same data set, the later file counts.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.peers import ENGINE
from benchmarks.people import PEOPLE

Report = Mapping[str, Any]
#: A report's figure as it is ranked (higher is better; None where it is not defined) and as it is written.
Cell = Callable[[Report], tuple[float | None, str]]

#: Data sets whose facts are records of people and organisations. There everybody counts, not rings alone.
RECORDS = ("chicago_ece_sites", "senzing_truthset", *PEOPLE)


def main() -> None:
    """Read the files, print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.beside", description=__doc__)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="what `accuracy --json FILE` kept")
    runs = [json.loads(path.read_text(encoding="utf-8")) for path in parser.parse_args().files]
    print(tables(runs))


def tables(runs: Sequence[Mapping[str, Any]]) -> str:
    """Rings and bystanders on every data set that has rings, then everybody in data sets of records."""
    found: dict[str, dict[str, Report]] = {}
    for run in runs:
        for result in run["results"]:
            found.setdefault(result["dataset"], {})[result["method"]] = result["report"]
    rings = {name: of for name, of in found.items() if any(_has_rings(report) for report in of.values())}
    records = {name: found[name] for name in RECORDS if name in found}
    written = [
        f"{what}:\n\n{_table(of, cell)}\n"
        for what, of, cell in (
            ("Members of rings, B³ F1 (P / R)", rings, _f1("ring_b_cubed")),
            ("Bystanders", rings, _bystanders),
            ("Records of people and organisations, everybody, B³ F1 (P / R)", records, _f1("b_cubed")),
        )
        if of
    ]
    return "\n".join((*written, f"Made by {'; '.join(dict.fromkeys(_made_by(run) for run in runs))}."))


def _has_rings(report: Report) -> bool:
    return report["ring_b_cubed"]["f1"]["value"] is not None


def _f1(measure: str) -> Cell:
    """F1 of a measure with its precision and recall."""

    def cell(report: Report) -> tuple[float | None, str]:
        f1, precision, recall = (report[measure][part]["value"] for part in ("f1", "precision", "recall"))
        if f1 is None or precision is None or recall is None:
            return None, "–"
        return round(f1, 3), f"{f1:.3f} ({precision:.3f} / {recall:.3f})"

    return cell


def _bystanders(report: Report) -> tuple[float | None, str]:
    """Their share; never the best, since who finds nothing has none."""
    value = report["bystanders"]["value"]
    return None, "–" if value is None else f"{value:.1%}"


def _table(found: Mapping[str, Mapping[str, Report]], cell: Cell) -> str:
    """A row a data set, a column a method, this engine first; the best of a row in bold."""
    named = dict.fromkeys(method for of in found.values() for method in of)
    methods = sorted(named, key=lambda method: method != ENGINE.name)
    lines = [_row(("data", "accounts", *methods)), "|---" * (2 + len(methods)) + "|"]
    for name, of in found.items():
        cells = [cell(of[method]) if method in of else (None, "") for method in methods]
        best = max((rank for rank, _ in cells if rank is not None), default=None)
        accounts = next(iter(of.values()))["accounts"]
        written = (f"**{text}**" if best is not None and rank == best else text for rank, text in cells)
        lines.append(_row((name, f"{accounts:,}", *written)))
    return "\n".join(lines)


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _made_by(run: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {version}" for name, version in run["made_by"].items())


if __name__ == "__main__":
    main()
