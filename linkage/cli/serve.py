"""`linkage serve`: the API and the explorer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import socket

    from linkage.settings import Settings


#: Seconds that a thread may compute while others wait for their turn.
SWITCH = 0.0005


def register(app: typer.Typer) -> None:
    app.command("serve")(serve)


def serve(
    host: Annotated[
        str | None, typer.Option(help="Address to listen on; beyond loopback only with LINKAGE_API_KEY set.")
    ] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.", min=1, max=65535)] = None,
) -> None:
    """Serve the GraphQL API, the explorer and bulk ingest.

    GraphiQL is at /graphql for browsers; programs POST to the same address. Facts go to /v1/observations, /v1/usage
    and /v1/accounts. Stop with Ctrl-C. The managed Neo4j is started if need be, and stopped again if this started it.

    Examples:

      linkage serve

      LINKAGE_API_KEY=… linkage serve --host 0.0.0.0 --port 8410
    """
    import os

    from linkage.server.listening import bind
    from linkage.settings import Settings

    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    settings = Settings.load(os.environ).model_copy(update=given)
    with bind(settings.host, settings.port) as listener:
        run(settings, listener)


def run(settings: Settings, listener: socket.socket) -> None:
    """Serve the project on a socket until Ctrl-C or SIGTERM."""
    import asyncio
    import sys

    from linkage.cli.terminal import notes, progress
    from linkage.server.app import create_app
    from linkage.server.listening import listen

    # Threads that write and link wait for Neo4j and the disk a hundred times a second; after each wait they, and the
    # event loop, would stand in line for the interpreter, by default 5 ms behind whoever computes.
    sys.setswitchinterval(SWITCH)
    shown = f"[{settings.host}]" if ":" in settings.host else settings.host
    with progress() as report:
        app = create_app(settings, progress=report)

        def ready() -> None:
            notes.print(f"linkage serves at [bold]http://{shown}:{settings.port}/graphql[/bold]  (Ctrl-C stops it)")

        started = asyncio.run(listen(app, listener, ready=ready))
    if not started:
        raise app.state.error
