"""Speed: this engine beside the recipes of others on the same facts in the same run; ratios, since machines differ."""

from __future__ import annotations

import time
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from benchmarks.datasets import worlds
from benchmarks.peers import ENGINE, QUICK

#: Runs per peer; the quickest counts, which other work on the machine disturbs least.
RUNS = 2


@dataclass(frozen=True, slots=True)
class Timing:
    """One peer's quickest run, in seconds, on so many observations."""

    dataset: str
    observations: int
    peer: str
    seconds: float


def run(name: str, accounts: int, seed: int) -> list[Timing]:
    """Every quick peer on one world, in turn, `RUNS` times."""
    with worlds([name], accounts, [seed]) as made:
        dataset = next(made)
        best = {peer.name: float("inf") for peer in QUICK}
        for _ in range(RUNS):
            for peer in QUICK:
                started = time.perf_counter()
                peer.run(dataset)
                best[peer.name] = min(best[peer.name], time.perf_counter() - started)
    return [Timing(dataset.name, dataset.observations, peer, seconds) for peer, seconds in best.items()]


def show(timings: list[Timing], console: Console) -> None:
    """The table, each beside this engine."""
    ours = next(timing.seconds for timing in timings if timing.peer == ENGINE.name)
    first = timings[0]
    table = Table(
        "method",
        title=f"Speed on {first.dataset}: {first.observations:,} observations, quickest of {RUNS}",
        title_justify="left",
    )
    for column in ("seconds", "observations/s", "linkage = 1"):
        table.add_column(column, justify="right")
    for timing in timings:
        rate = timing.observations / timing.seconds
        table.add_row(timing.peer, f"{timing.seconds:.2f}", f"{rate:,.0f}", f"{timing.seconds / ours:.2f}")
    console.print(table)
