"""`linkage graph`: the graph made anew from the ledger, or compared with it."""

from __future__ import annotations

import json
import os
from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")]


def register(app: typer.Typer) -> None:
    group = typer.Typer(
        name="graph",
        help="The Neo4j graph, which is a projection of the ledger: nothing in it that cannot be made again.",
        no_args_is_help=True,
    )
    group.command("rebuild")(rebuild)
    group.command("check")(check)
    group.command("catch-up")(catch_up)
    app.add_typer(group)


def rebuild() -> None:
    """Empty the graph and make it anew from the ledger: facts, decisions, clusters with their ids."""
    from linkage.cli.terminal import out, progress
    from linkage.service import Service
    from linkage.settings import Settings

    with progress() as report, Service.open(Settings.load(os.environ), report) as service:
        commits = service.rebuild_graph(progress=report)
    out.print(f"The graph is made anew from {commits:,} commits of the ledger.")


def catch_up() -> None:
    """Bring into the graph what the ledger took while Neo4j was away."""
    from linkage.cli.terminal import out, progress
    from linkage.service import Service
    from linkage.settings import Settings

    with progress() as report, Service.open(Settings.load(os.environ), report) as service:
        commits = service.catch_up(progress=report)
    out.print(f"{commits:,} commits brought into the graph." if commits else "The graph has everything.")


def check(as_json: AsJson = False) -> None:
    """Compare graph and ledger, by counts and checksums; exit status 1 where they differ."""
    from linkage.cli.terminal import out, progress
    from linkage.service import Service
    from linkage.settings import Settings

    with progress() as report, Service.open(Settings.load(os.environ), report) as service:
        differences = service.check_graph(progress=report)
    if as_json:
        out.print_json(json.dumps({"differences": differences}))
    elif differences:
        out.print("The graph is not what the ledger says:")
        for line in differences:
            out.print(f"  {line}", highlight=False)
        out.print("`linkage graph catch-up` brings what is missing, `linkage graph rebuild` makes it anew.")
    else:
        out.print("The graph is what the ledger says.")
    if differences:
        raise typer.Exit(1)
