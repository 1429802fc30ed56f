"""Does a fit help on habits it never saw? Fits on four worlds of other habits, and measures before and after.

    python -m benchmarks.fitting --accounts 8000 --seed 2 --out fitting

Prints the tables of docs/fitting.md. Three ways to learn are tried: from truth, from 200 decisions in each of two
worlds (as an investigator makes them: half within clusters, half on clusters that nearly joined), and without labels.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from linkage.engine import Model
from linkage.evaluate import evaluate, read_table
from linkage.scenario import generate
from linkage.service.filing import resolve_files
from linkage.service.fitting import fit_files
from linkage.service.pupils import Sources

TAUGHT = ("mixed", "hydra", "campus", "retail")
UNSEEN = ("quiet", "residential", "resellers", "patient")
DECISIONS = 200


def main() -> None:
    """Fit in three ways, and print what each makes of the worlds it did not see."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--accounts", type=int, default=8000)
    parser.add_argument("--seed", type=int, default=2)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    worlds = {name: asked.out / name for name in (*TAUGHT, *UNSEEN)}
    for name, folder in worlds.items():
        if not folder.exists():
            generate(name, asked.accounts, asked.seed, folder)
    models = {"as shipped": Model.load()}
    for way, folders in ways(worlds, asked.out).items():
        path = asked.out / f"{way.replace(' ', '-')}.toml"
        summary = fit_files(Sources(folders), path, start=Model.load(), turns=asked.turns)
        models[way] = Model.load(path)
        print(f"\n{way}: {summary['turns']} turns, answer {summary['chosen']}, log loss {summary['log_loss']}")
        for when in ("before", "after"):
            print(f"  {when}: {summary[when]}", flush=True)
    for name in UNSEEN:
        for way, model in models.items():
            print(row(name, way, measure(worlds[name], model)), flush=True)


def ways(worlds: dict[str, Path], out: Path) -> dict[str, list[Path]]:
    """What each way learns from: with decisions and without labels from copies without truth, of the first two."""
    taught = [worlds[name] for name in TAUGHT]
    bare = [without_truth(folder, out / f"{folder.name}-bare") for folder in taught]
    judged = [without_truth(folder, out / f"{folder.name}-judged") for folder in taught[:2]]
    for folder, source in zip(judged, taught, strict=False):
        pq.write_table(decisions(source), folder / "decisions.parquet")
    return {"from truth": taught, "from decisions": judged, "without labels": bare}


def without_truth(folder: Path, copy: Path) -> Path:
    """The same data set, its files by link, less its truth."""
    copy.mkdir(exist_ok=True)
    for path in folder.iterdir():
        target = copy / path.name
        if not path.name.startswith(("truth", "decisions")) and not target.exists():
            target.symlink_to(path.resolve())
    return copy


def decisions(folder: Path, seed: int = 0) -> pa.Table:
    """What somebody who looks at the clusters of the shipped model would decide, by the truth.

    Half of the pairs lie within one cluster; half in two clusters that share a value of few holders.
    """
    random = np.random.default_rng(seed)
    truth = read_table(folder / "truth.parquet")
    actor = dict(zip(truth.column("account_id").to_pylist(), truth.column("actor_id").to_pylist(), strict=True))
    with tempfile.TemporaryDirectory() as answer:
        resolve_files(folder, Path(answer), model=Model.load())
        found = pq.read_table(Path(answer) / "clusters.parquet")
    cluster = dict(zip(found.column("account_id").to_pylist(), found.column("cluster_id").to_pylist(), strict=True))
    within: list[tuple[str, str]] = []
    near: list[tuple[str, str]] = []
    for holders in sharing(folder).values():
        if 2 <= len(holders) <= 20:
            one, other = random.choice(sorted(holders), 2, replace=False)
            (within if cluster[one] == cluster[other] else near).append((str(one), str(other)))
    chosen = [pair for pairs in (within, near) for pair in draw(pairs, DECISIONS // 2, random)]
    rows = [
        {"left": a, "right": b, "judgement": "same" if actor[a] == actor[b] else "different", "author": "investigator"}
        for a, b in chosen
    ]
    return pa.Table.from_pylist(rows)


def sharing(folder: Path) -> dict[tuple[str, str], set[str]]:
    """The accounts that hold each value."""
    table = pq.read_table(folder / "observations.parquet", columns=["account_id", "kind", "value"])
    columns = [table.column(name).to_pylist() for name in ("account_id", "kind", "value")]
    holders: dict[tuple[str, str], set[str]] = {}
    for account, kind, value in zip(*columns, strict=True):
        if account and value:
            holders.setdefault((kind, value), set()).add(account)
    return holders


def draw(pairs: list[tuple[str, str]], count: int, random: np.random.Generator) -> list[tuple[str, str]]:
    """So many of the pairs, each once."""
    some = sorted(set(pairs))
    return [some[i] for i in random.permutation(len(some))[:count]]


def measure(folder: Path, model: Model) -> dict[str, float | None]:
    """What the model makes of a world, against its truth."""
    with tempfile.TemporaryDirectory() as answer:
        resolve_files(folder, Path(answer), model=model)
        clusters = read_table(Path(answer) / "clusters.parquet")
    report = evaluate(clusters, read_table(folder / "truth.parquet"), bootstrap=0)
    return {
        "precision": report.ring_b_cubed.precision.value,
        "recall": report.ring_b_cubed.recall.value,
        "f1": report.b_cubed.f1.value,
        "bystanders": report.bystanders.value,
        "calibration": report.calibration.error.value if report.calibration else None,
    }


def row(world: str, way: str, found: dict[str, Any]) -> str:
    """A line of the table in docs/fitting.md."""
    figures = " | ".join(f"{found[name]:.3f}" for name in ("precision", "recall", "f1"))
    return f"| `{world}` | {way} | {figures} | {found['bystanders']:.2%} | {found['calibration']:.3f} |"


if __name__ == "__main__":
    main()
