"""Accuracy: this engine beside the recipes of others, on generated worlds and on stored data sets."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.datasets import Dataset, stored, worlds
from benchmarks.peers import PEERS, Peer
from linkage.evaluate import Estimate, Report, evaluate

WORLDS = ["mixed", "hydra", "residential", "retail"]


@dataclass(frozen=True, slots=True)
class Result:
    """One peer on one data set."""

    dataset: str
    peer: str
    report: Report


def measure(dataset: Dataset, peers: Iterable[Peer]) -> list[Result]:
    """Every peer on the same facts."""
    return [
        Result(dataset.name, peer.name, evaluate(peer.run(dataset.facts), dataset.truth, bootstrap=0)) for peer in peers
    ]


def run(names: list[str], accounts: int, seeds: list[int], data: Path) -> list[Result]:
    """Worlds first, then what is found in `data`."""
    results: list[Result] = []
    with worlds(names, accounts, seeds) as made, stored(data) as found:
        for dataset in (*made, *found):
            results += measure(dataset, PEERS)
    return results


def show(results: list[Result], console: Console) -> None:
    """The table: one block a data set."""
    table = Table(
        "data set",
        "method",
        title="Accuracy: B-cubed over ring members, F1 over all accounts, bystanders, calibration error",
        title_justify="left",
    )
    for column in ("ring P", "ring R", "ring F1", "all F1", "bystanders", "ECE"):
        table.add_column(column, justify="right")
    before = ""
    for result in results:
        if before and result.dataset != before:
            table.add_section()
        table.add_row("" if result.dataset == before else result.dataset, result.peer, *_figures(result.report))
        before = result.dataset
    console.print(table)


def _figures(report: Report) -> list[str]:
    ring, error = report.ring_b_cubed, report.calibration.error if report.calibration else Estimate(None)
    figures = (ring.precision, ring.recall, ring.f1, report.b_cubed.f1)
    return [*(_figure(found) for found in figures), _share(report.bystanders), _figure(error)]


def _figure(estimate: Estimate) -> str:
    return "–" if estimate.value is None else f"{estimate.value:.3f}"


def _share(estimate: Estimate) -> str:
    return "–" if estimate.value is None else f"{estimate.value:.1%}"
