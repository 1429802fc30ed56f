"""Accuracy: this engine beside the recipes of others, on generated worlds and on stored data sets."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.metadata import version
from itertools import chain, groupby
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from benchmarks.datasets import Dataset, stored, worlds
from benchmarks.peers import PEERS, Peer, missing
from benchmarks.people import PEOPLE, people
from linkage.engine import Model
from linkage.evaluate import Estimate, Report, evaluate
from linkage.scenario import HABITS

WORLDS = list(HABITS)


@dataclass(frozen=True, slots=True)
class Result:
    """One peer's answer on one data set, and the seconds it took from facts to clusters."""

    dataset: str
    method: str
    seconds: float
    report: Report


@dataclass(frozen=True, slots=True)
class Figure:
    """A column of every table: its heading, what it means, where a report has it, and how it is written."""

    name: str
    about: str
    of: Callable[[Report], Estimate]
    form: str = ".3f"

    def text(self, value: float | None) -> str:
        """The value as it is written; a dash where it is not defined."""
        return "–" if value is None else format(value, self.form)


FIGURES: Sequence[Figure] = (
    Figure("ring P", "B-cubed precision over ring members", lambda report: report.ring_b_cubed.precision),
    Figure("ring R", "B-cubed recall over ring members", lambda report: report.ring_b_cubed.recall),
    Figure("ring F1", "the harmonic mean of both", lambda report: report.ring_b_cubed.f1),
    Figure("all F1", "B-cubed F1 over all accounts", lambda report: report.b_cubed.f1),
    Figure("bystanders", "ordinary accounts in a cluster of five or more", lambda report: report.bystanders, ".1%"),
    Figure(
        "ECE",
        "expected calibration error of confidence",
        lambda report: report.calibration.error if report.calibration else Estimate(None),
    ),
)


def measure(
    dataset: Dataset, peers: Iterable[Peer], *, bootstrap: int = 200, tell: Callable[[str], None] = lambda _: None
) -> Iterator[Result]:
    """Every peer on the same facts; `bootstrap` resamplings are behind each interval."""
    costs = Model.load().bands.costs
    for peer in peers:
        tell(f"{dataset.name}: {peer.name}")
        started = time.perf_counter()
        answers = peer.run(dataset)
        seconds = time.perf_counter() - started
        for which, clusters in answers.items():
            report = evaluate(clusters, dataset.truth, costs=costs, bootstrap=bootstrap)
            yield Result(dataset.name, f"{peer.name} {which}".strip(), seconds, report)


def run(
    peers: Sequence[Peer],
    names: Sequence[str],
    accounts: int,
    seeds: Sequence[int],
    data: Path,
    persons: Sequence[str],
    *,
    tell: Callable[[str], None],
) -> Iterator[list[Result]]:
    """The results of each data set as they are had: worlds, then what is found in `data`, then people's records."""
    able = [peer for peer in peers if not peer.left_out]
    with ExitStack() as opened:
        sources = (worlds(names, accounts, seeds), stored(data), people(persons))
        for dataset in chain.from_iterable([opened.enter_context(source) for source in sources]):
            yield list(measure(dataset, able, tell=tell))


def left_out() -> dict[str, str]:
    """What does not run here, and why."""
    why = {peer.name: peer.left_out for peer in PEERS} | {name: found.left_out for name, found in PEOPLE.items()}
    return {name: reason for name, reason in why.items() if reason}


def by_dataset(results: Iterable[Result]) -> list[tuple[str, list[Result]]]:
    """The results of each data set, in their order."""
    return [(name, list(found)) for name, found in groupby(results, key=lambda result: result.dataset)]


def show(results: Sequence[Result], console: Console) -> None:
    """The table: one block a data set."""
    table = Table(
        "method",
        title="Accuracy: B-cubed over ring members, F1 over all accounts, bystanders, calibration error",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    for column in (*(figure.name for figure in FIGURES), "s"):
        table.add_column(column, justify="right", no_wrap=True)
    for name, found in by_dataset(results):
        table.add_row(Text(name, style="bold"))
        for result in found:
            values = [figure.text(figure.of(result.report).value) for figure in FIGURES]
            table.add_row(result.method, *values, f"{result.seconds:.1f}")
        table.add_section()
    console.print(table)


def as_json(results: Iterable[Result]) -> dict[str, Any]:
    """Every figure of every result with its interval, and what made them."""
    made_by = {"linkage": version("linkage"), "model": Model.load().fingerprint}
    if not missing("splink"):
        made_by["splink"] = version("splink")
    return {
        "made_by": made_by,
        "left_out": left_out(),
        "results": [
            {
                "dataset": result.dataset,
                "method": result.method,
                "seconds": result.seconds,
                "report": result.report.as_json(),
            }
            for result in results
        ],
    }
