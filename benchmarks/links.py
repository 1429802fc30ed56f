"""Links between resolutions: how far they agree with a resolution of the same facts.

A world is taken in by time, a step of one part in a hundred after the other. After each step the clusters as links left
them are laid beside those of a resolution: an account agrees where its companions are the same ones. A resolution is
published after every step, or none after the first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

from linkage.engine.facts import Facts
from linkage.engine.resolve import resolve
from linkage.ledger import results
from linkage.scenario import generate
from linkage.service import Service
from linkage.settings import Settings

#: Steps of one part in a hundred that a world is taken in by, the first being all before them.
STEPS = 10
#: When a record of each file came to be known.
_WHEN = {
    "accounts": "created_at",
    "observations": "coalesce(first_seen, last_seen)",
    "usage": "window_start",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One step: accounts in all, the share that agrees with a resolution, of all and of those that are clustered, how
    many clusters the links changed, and the share of accounts that the resolution after it moved without news of them
    or of those around them (None: there was no resolution)."""

    accounts: int
    agree: float
    agree_clustered: float
    changed: int
    churn: float | None = None


def agreement(world: Path, *, start: float, steps: int, resolve_every: int) -> Iterator[Step]:
    """Take a world in by time from the share `start` of its observations on, in steps of one part in a hundred.

    `resolve_every`: after so many steps a resolution is published; 0: none after the first.
    """
    with TemporaryDirectory(prefix="linkage-links-") as folder, project(Path(folder)) as service:
        parts = _parts(world, Path(folder), start, steps)
        service.load([next(parts)])
        service.resolve()
        service.follow_through()
        for number, part in enumerate(parts, 1):
            service.load([part])
            step = _compare(service, len(service.follow_through()))
            if resolve_every and number % resolve_every == 0:
                step = replace(step, churn=float(service.resolve(gate=False)["changes"]["churn"]))
                service.follow_through()
            yield step


@contextmanager
def project(folder: Path) -> Iterator[Service]:
    """A project of its own, with a managed Neo4j that ends with it."""
    with Service.open(Settings.load({"LINKAGE_DATA": str(folder / "data")})) as service:
        yield service


def _parts(world: Path, folder: Path, start: float, steps: int) -> Iterator[Path]:
    """The world's records until `start`, then step by step, as folders of the load format."""
    shares = [start + 0.01 * step for step in range(steps + 1)]
    with duckdb.connect() as connection:
        when = _WHEN["observations"]
        source = f"'{world}/observations.parquet'"
        ends = connection.execute(f"SELECT quantile_cont(epoch({when}), {shares}) FROM {source}").fetchall()[0][0]
        for number, (after, until) in enumerate(zip([float("-inf"), *ends[:-1]], ends, strict=True)):
            part = folder / f"step-{number}"
            part.mkdir()
            for name, moment in _WHEN.items():
                if not (world / f"{name}.parquet").exists():
                    continue
                known = f"coalesce(epoch({moment}), 0)"
                rows = connection.sql(
                    f"FROM '{world}/{name}.parquet' WHERE {known} > '{after}'::DOUBLE AND {known} <= '{until}'::DOUBLE"
                ).to_arrow_table()
                if rows.num_rows:
                    pq.write_table(rows, part / f"{name}.parquet")
            yield part


def _compare(service: Service, changed: int) -> Step:
    placed = service.clusters_of_accounts()
    snapshot = service.ledger.snapshot()
    with duckdb.connect() as connection:
        snapshot.register(connection)
        facts = Facts(
            observations=snapshot.files("observations"),
            accounts=connection.sql(results.accounts_now()).to_arrow_table(),
            usage=snapshot.files("usage"),
        )
        resolution = resolve(facts, service.model)
        connection.register("placed", placed)
        connection.register("resolved", resolution.memberships)
        rows = connection.execute(
            "SELECT p.cluster_id, r.label, r.size FROM placed AS p "
            "JOIN resolved AS r ON r.subject_type = 'account' AND r.subject_id = p.account_id"
        ).fetchnumpy()
    same = companions(rows["cluster_id"], rows["label"])
    clustered = np.asarray(rows["size"]) > 1
    return Step(len(same), float(same.mean()), float(same[clustered].mean()), changed)


def companions(left: npt.ArrayLike, right: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """By account, whether it has the same companions in both partitions."""
    _, one = np.unique(np.asarray(left, dtype=object).astype(str), return_inverse=True)
    _, other = np.unique(np.asarray(right, dtype=object).astype(str), return_inverse=True)
    _, both, count = np.unique(
        one.astype(np.int64) * (other.max() + 1) + other, return_inverse=True, return_counts=True
    )
    same: npt.NDArray[np.bool_] = (count[both] == np.bincount(one)[one]) & (count[both] == np.bincount(other)[other])
    return same


def show(habits: Sequence[str], accounts: int, seeds: Sequence[int], console: Console, *, steps: int = STEPS) -> None:
    """The table of agreement on generated worlds, each with a resolution after every step and with none."""
    table = Table(title=f"Links beside a resolution, {steps} steps of 1 %", title_justify="left")
    table.add_column("world")
    for column in (
        "resolutions",
        "accounts",
        "agree, mean",
        "worst step",
        "of the clustered",
        "clusters changed",
        "churn",
    ):
        table.add_column(column, justify="right")
    for habit, seed, (every, said) in product(habits, seeds, ((1, "every step"), (0, "none"))):
        name = f"{habit}, seed {seed}"
        with TemporaryDirectory(prefix="linkage-links-") as folder, console.status(f"{name}, resolutions: {said}"):
            world = generate(habit, accounts, seed, Path(folder)).out
            made = list(agreement(world, start=1 - steps / 100, steps=steps, resolve_every=every))
            table.add_row(
                name,
                said,
                f"{made[-1].accounts:,}",
                f"{np.mean([step.agree for step in made]):.4f}",
                f"{min(step.agree for step in made):.4f}",
                f"{np.mean([step.agree_clustered for step in made]):.4f}",
                str(sum(step.changed for step in made)),
                _share([step.churn for step in made if step.churn is not None]),
            )
    console.print(table)


def _share(each: Sequence[float]) -> str:
    return f"{np.mean(each):.3%}" if each else "none"
