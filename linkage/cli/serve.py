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
        str | None, typer.Option(help="Address to listen on; beyond loopback put a proxy that ends TLS before it.")
    ] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.", min=1, max=65535)] = None,
    demo: Annotated[bool, typer.Option("--demo", help="Let everybody on this machine in without a key.")] = False,
) -> None:
    """Serve the GraphQL API, the explorer and bulk ingest.

    GraphiQL is at /graphql for browsers; programs POST to the same address. Facts go to /v1/observations, /v1/usage
    and /v1/accounts. Callers show a key (linkage keys); where there is none yet, one for an admin is made and printed,
    this once. Stop with Ctrl-C. The managed Neo4j is started if need be, and stopped again if this started it.

    Examples:

      linkage serve

      linkage serve --host 0.0.0.0 --port 8410

      linkage serve --demo        no keys, on this machine only
    """
    import os

    from linkage.server.listening import bind
    from linkage.settings import Settings

    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    settings = Settings.load(os.environ).model_copy(update=given)
    with bind(settings.host, settings.port) as listener:
        run(settings, listener, demo=demo)


def run(settings: Settings, listener: socket.socket, *, demo: bool = False) -> None:
    """Serve the project on a socket until Ctrl-C or SIGTERM; in a `demo` whoever shows no key is an admin."""
    import asyncio
    import os
    import sys

    from linkage.cli.terminal import notes, progress
    from linkage.server.app import create_app
    from linkage.server.listening import listen
    from linkage.server.logs import write_logs
    from linkage.tracing import collect

    # Threads that write and link wait for Neo4j and the disk a hundred times a second; after each wait they, and the
    # event loop, would stand in line for the interpreter, by default 5 ms behind whoever computes.
    sys.setswitchinterval(SWITCH)
    shown = f"[{settings.host}]" if ":" in settings.host else settings.host
    write_logs(settings.log_format)
    finish = collect(os.environ)
    with progress() as report:
        app = create_app(settings, progress=report, demo=demo, traced=finish is not None)
        if not demo:
            _first_key(settings)

        def ready() -> None:
            notes.print(f"linkage serves at [bold]http://{shown}:{settings.port}/graphql[/bold]  (Ctrl-C stops it)")

        started = asyncio.run(listen(app, listener, ready=ready))
    if finish is not None:
        finish()
    if not started:
        raise app.state.error


def _first_key(settings: Settings) -> None:
    """Make a key where there is none, and print it: the only time that it is told."""
    from linkage.cli.keys import ring_of
    from linkage.cli.terminal import notes

    token = ring_of(settings).create_first()
    if token is not None:
        notes.print("No key was there. This one is an admin's; it is told this once:", highlight=False)
        notes.print(f"\n  {token}\n", highlight=False, soft_wrap=True)
        notes.print(
            "Sign in with it, or show it as `Authorization: Bearer …`. More of them: linkage keys create",
            highlight=False,
        )
