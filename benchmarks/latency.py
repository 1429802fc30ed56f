"""How soon a fact is accepted, projected and linked: single observations at a rate, over HTTP, on a resolved world.

Each answer comes when the fact is on disk, in the graph and linked. The same is measured on a hot identifier, while a
resolution runs, and for a batch; in the same run, so that the ratios mean something on any machine. The shares of the
steps are taken in one process, fact by fact.
"""

from __future__ import annotations

import json
import random
import time
import urllib.request
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.serving import serving
from linkage.scenario import generate
from linkage.service import Service
from linkage.settings import Settings

#: Facts that each step's share is taken over.
STEPWISE = 200
BATCH = 10_000
#: Facts that are not counted among these, in the beginning.
WARM = 100
#: Facts a second that the service is warmed up by, and for how many seconds: a Neo4j that has just started takes its
#: time, and is measured by nobody who runs one.
WARM_RATE = 40.0
WARM_SECONDS = 60.0
#: Answers that are waited for at once.
AT_ONCE = 400

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds of answers, and how many of these told that the fact is linked."""

    seconds: Sequence[float]
    linked: int

    def at(self, share: float) -> float:
        """Milliseconds within which that share of the answers came."""
        return 1_000 * float(np.quantile(self.seconds, share))


@dataclass(frozen=True, slots=True)
class Measured:
    """Answers by what was measured, seconds of a batch, and seconds of each step by fact."""

    answers: dict[str, Times]
    batch: float
    steps: dict[str, Sequence[float]]


def run(habit: str, accounts: int, seed: int, *, rate: float, seconds: float, tell: Callable[[str], None]) -> Measured:
    """Generate, load, resolve, and ask."""
    with TemporaryDirectory(prefix="linkage-latency-") as folder:
        tell("making the world")
        world = generate(habit, accounts, seed, Path(folder) / "world").out
        settings = Settings.load({"LINKAGE_DATA": f"{folder}/data"})
        facts = Facts(world, seed)
        with Service.open(settings) as service:
            tell("loading")
            service.load([world])
            tell("resolving")
            service.resolve()
            tell("filling the graph")
            service.follow()
            tell("fact by fact")
            steps = _stepwise(service, facts)
            # The managed Neo4j is kept for the service that is started next.
            with serving(folder, "--demo") as served:
                ask = _Asked(served.port)
                tell("warming up")
                _at_rate(ask, facts.ordinary, WARM_RATE, WARM_SECONDS)
                answers = {}
                for name, make in (("ordinary", facts.ordinary), ("hot identifier", facts.hot)):
                    tell(f"{name}, {rate:.0f} a second")
                    answers[name] = _at_rate(ask, make, rate, seconds)
                tell("a batch")
                began = time.perf_counter()
                ask.record([facts.ordinary() for _ in range(BATCH)])
                batch = time.perf_counter() - began
                tell("while a resolution runs")
                ask.graphql("mutation { startResolution { id } }")
                answers["while a resolution runs"] = _at_rate(ask, facts.ordinary, rate, seconds)
        return Measured(answers, batch, steps)


class Facts:
    """New facts about a world: accounts that nobody knew, each with two identifiers of somebody who is known."""

    def __init__(self, world: Path, seed: int) -> None:
        self._draw = random.Random(seed)  # noqa: S311 - nothing to guess
        self._number = 0
        with duckdb.connect() as connection:
            source = f"'{world}/observations.parquet'"
            self._known: list[list[tuple[str, str]]] = [
                row[0]
                for row in connection.execute(
                    f"SELECT list((kind, value)) FROM (SELECT * FROM {source} WHERE account_id IS NOT NULL "
                    "AND hash(account_id) % 20 = 0) GROUP BY account_id HAVING count(*) > 2 LIMIT 20000"
                ).fetchall()
            ]
            (self._hot,) = connection.execute(
                f"SELECT (kind, value) FROM {source} GROUP BY kind, value ORDER BY count(*) DESC LIMIT 1"
            ).fetchall()[0]

    def ordinary(self) -> Row:
        """One identifier of somebody, for a new account or for the one before."""
        self._number += 1
        kind, value = self._draw.choice(self._draw.choice(self._known))
        return {
            "account_id": f"new-{self._number // 2}",
            "kind": kind,
            "value": value,
            "first_seen": "2026-06-02T00:00:00Z",
        }

    def hot(self) -> Row:
        """The identifier with the most holders of all, for a new account."""
        self._number += 2
        kind, value = self._hot
        return {"account_id": f"new-{self._number}", "kind": kind, "value": value, "first_seen": "2026-06-02T00:00:00Z"}


def _stepwise(service: Service, facts: Facts) -> dict[str, Sequence[float]]:
    """Seconds of each step: the ledger's commit, the projection, the link."""
    steps: dict[str, list[float]] = {"ledger": [], "graph": [], "links": []}
    for number in range(WARM + STEPWISE):
        row = facts.ordinary()
        marks = [time.perf_counter()]
        for step in (lambda row=row: service.record("observations", [row]), service.catch_up, service.follow):
            step()
            marks.append(time.perf_counter())
        if number >= WARM:
            for name, begin, end in zip(steps, marks, marks[1:], strict=False):
                steps[name].append(end - begin)
    return dict(steps.items())


# -- the service, from outside


@dataclass(frozen=True, slots=True)
class _Asked:
    """A service that answers on a port."""

    port: int

    def record(self, rows: Sequence[Row]) -> Row:
        return self._post("/v1/observations", "\n".join(map(json.dumps, rows)), "application/x-ndjson")

    def graphql(self, query: str) -> Row:
        return self._post("/graphql", json.dumps({"query": query}), "application/json")

    def _post(self, path: str, body: str, content: str) -> Row:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", body.encode(), {"Content-Type": content}, method="POST"
        )
        with urllib.request.urlopen(request, timeout=120) as response:  # noqa: S310 - loopback
            answer: Row = json.loads(response.read())
        return answer


def _at_rate(ask: _Asked, make: Callable[[], Row], rate: float, seconds: float) -> Times:
    """Ask at a fixed rate, whether answers come or not; an answer's time runs from when it was due."""
    start = time.perf_counter() + 0.1

    def one(number: int, row: Row) -> tuple[float, bool]:
        due = start + number / rate
        time.sleep(max(0.0, due - time.perf_counter()))
        answer = ask.record([row])
        return time.perf_counter() - due, bool(answer["linked"])

    with ThreadPoolExecutor(AT_ONCE) as pool:
        asked = [pool.submit(one, number, make()) for number in range(int(rate * seconds))]
        told = [each.result() for each in asked]
    return Times([taken for taken, _ in told], sum(linked for _, linked in told))


def show(measured: Measured, console: Console, *, rate: float) -> None:
    """The table of answers, and of the steps."""
    table = Table(title=f"One observation, {rate:.0f} a second: milliseconds to on disk, in the graph and linked")
    for column in ("what", "answers", "linked", "p50", "p95", "p99", "p95 beside ordinary"):
        table.add_column(column, justify="left" if column == "what" else "right")
    usual = measured.answers["ordinary"].at(0.95)
    for name, times in measured.answers.items():
        figures = [f"{times.at(share):.0f}" for share in (0.5, 0.95, 0.99)]
        count = len(times.seconds)
        table.add_row(name, f"{count:,}", f"{times.linked:,}", *figures, f"{times.at(0.95) / usual:.2f}")
    console.print(table)
    console.print(f"A batch of {BATCH:,}: {measured.batch:.1f} s.", highlight=False)
    total = sum(float(np.mean(each)) for each in measured.steps.values())
    for name, each in measured.steps.items():
        mean = float(np.mean(each))
        console.print(f"{name}: {1_000 * mean:.1f} ms, {mean / total:.0%}", highlight=False)
