"""`linkage neo4j`: the managed local Neo4j, for machines without one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from linkage.graph.local import LocalServer

HELP = """The managed local Neo4j.

It is used wherever LINKAGE_NEO4J_URI is not set: a real Neo4j Community on the loopback, its data in the data folder,
its password in DATA/neo4j/password. `linkage demo` and `linkage serve` start and stop it by themselves; start it here
to keep it running.
"""


def register(app: typer.Typer) -> None:
    group = typer.Typer(help=HELP, no_args_is_help=True)
    group.command("start")(start)
    group.command("stop")(stop)
    group.command("status")(status)
    app.add_typer(group, name="neo4j")


AsJson = Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")]


def start(as_json: AsJson = False) -> None:
    """Start Neo4j, or find the running one, and keep it running.

    The first start fetches Neo4j's jars into the user's cache.

    Example:

      linkage neo4j start && cypher-shell -a bolt://127.0.0.1:7687 -u neo4j -p "$(cat linkage-data/neo4j/password)"
    """
    from linkage.cli.terminal import progress

    server = _server()
    with progress() as report:
        server.start(report)
    _print(server, as_json)


def stop() -> None:
    """Stop Neo4j; everything written stays."""
    from linkage.cli.terminal import out

    out.print("Neo4j is stopped." if _server().stop() else "Neo4j was not running.")


def status(as_json: AsJson = False) -> None:
    """Say whether Neo4j runs, and where. Exit status 1 when it does not run.

    Example:

      linkage neo4j status --json | jq -r .uri
    """
    server = _server()
    _print(server, as_json)
    if not server.status().running:
        raise typer.Exit(1)


def _server() -> LocalServer:
    import os

    from linkage.graph.local import LocalServer
    from linkage.settings import Settings

    settings = Settings.load(os.environ)
    return LocalServer(settings.data, settings.cache)


def _print(server: LocalServer, as_json: bool) -> None:
    from linkage.cli.terminal import out

    now = server.status()
    if as_json:
        told = {"running": now.running, "uri": now.uri, "pid": now.pid, "kept": now.kept, "version": now.version}
        out.print_json(json.dumps({**told, "user": "neo4j", "home": str(now.home)}))
    elif now.running:
        out.print(f"Neo4j {now.version} runs at {now.uri} (process {now.pid}).", highlight=False)
        out.print(f"User neo4j, password in {now.home / 'password'}.", highlight=False, soft_wrap=True)
    else:
        out.print("Neo4j does not run. Start it: linkage neo4j start", highlight=False)
