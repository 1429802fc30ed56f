"""`linkage demo`: a world generated, loaded, resolved and explained, then served."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from linkage.evaluate import Estimate
    from linkage.service import Service

WORLD = "mixed"


def register(app: typer.Typer) -> None:
    app.command("demo")(demo)


def demo(
    accounts: Annotated[int, typer.Option(help="Accounts of the world.", min=1_000)] = 20_000,
    seed: Annotated[int, typer.Option(help="Seed of the world.")] = 1,
    data: Annotated[Path, typer.Option(help="Folder of the demo; remove it to start anew.")] = Path("linkage-demo"),
    port: Annotated[int, typer.Option(help="Port of the service.")] = 8410,
    serve: Annotated[bool, typer.Option(help="Serve at the end, until Ctrl-C.")] = True,
) -> None:
    """See it work: a synthetic world with its truth, on a real Neo4j, explored in GraphiQL.

    Everything lies in one folder; a second start finds it there and is quick.
    """
    from linkage.cli.serve import run
    from linkage.cli.terminal import out, progress
    from linkage.server.listening import bind
    from linkage.service import Service
    from linkage.settings import Settings

    settings = Settings.load(os.environ).model_copy(update={"data": data, "port": port, "ledger_url": None})
    world = data / f"world-{accounts}-{seed}"
    with bind(settings.host, port) as listener, progress() as report, Service.open(settings, report) as service:
        if not (world / "truth.parquet").exists():
            from linkage.scenario import generate

            generate(WORLD, accounts, seed, world, progress=report)
        service.load([world], progress=report)
        if service.needs_resolution():
            service.resolve(progress=report)
        service.catch_up(progress=report)
        out.print(f"\n[bold]The largest clusters[/bold] among {accounts:,} accounts\n")
        out.print(_clusters_table(service, world))
        out.print("", *_accuracy(service, world), *_questions(service, data), "", sep="\n", highlight=False)
        if serve:
            run(settings, listener, demo=True)


def _clusters_table(service: Service, world: Path) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    actors = _actors(service, world)
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("cluster", no_wrap=True)
    for column in ("accounts", "tokens", "sure", "weakest link"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("held together by")
    table.add_column("in truth", no_wrap=True)
    for cluster in service.largest_clusters(limit=10):
        weakest = json.loads(cluster["weakest"] or "{}")
        table.add_row(
            cluster["cluster_id"],
            f"{cluster['accounts']:,}",
            f"{cluster['tokens'] / 1e6:,.1f} M",
            f"{cluster['confidence']:.0%}",
            f"{weakest['bits']:.0f} bits" if "bits" in weakest else "",
            ", ".join(f"{count:,} {kind}" for kind, count in cluster["held_by"][:3]),
            actors.get(cluster["cluster_id"], ""),
        )
    return table


def _actors(service: Service, world: Path) -> dict[str, str]:
    """What the truth says of each cluster: the share of its commonest actor, and that actor's style."""
    import duckdb

    with duckdb.connect() as connection:
        connection.register("placed", service.clusters_of_accounts())
        rows = connection.execute(
            """
            SELECT cluster_id, max_by(style, members), max(members) / sum(members)
            FROM (SELECT cluster_id, actor_id, any_value(style) AS style, count(*) AS members
                  FROM placed JOIN read_parquet(?) USING (account_id) GROUP BY ALL)
            GROUP BY cluster_id
            """,
            [str(world / "truth.parquet")],
        ).fetchall()
    return {cluster: f"{share:.0%} {style}" for cluster, style, share in rows}


def _accuracy(service: Service, world: Path) -> list[str]:
    from linkage.evaluate import evaluate, read_table

    report = evaluate(service.clusters_of_accounts(), read_table(world / "truth.parquet"), bootstrap=0)
    ring = report.ring_b_cubed
    return [
        f"Against the truth: {report.rings} rings of {report.ring_accounts:,} accounts in a world of "
        f"{report.accounts:,}.",
        f"  ring B³ precision {_share(ring.precision)}, recall {_share(ring.recall)}, F1 {_share(ring.f1)}",
        f"  ordinary accounts drawn into a cluster of five or more: {_share(report.bystanders)}",
    ]


def _questions(service: Service, data: Path) -> list[str]:
    """What to ask of the largest cluster on the command line, in a second terminal."""
    return [
        f"How it came to be, and what speaks against it: LINKAGE_DATA={data} linkage how {cluster['cluster_id']}"
        for cluster in service.largest_clusters(limit=1)
    ]


def _share(estimate: Estimate) -> str:
    return "–" if estimate.value is None else f"{estimate.value:.1%}"
