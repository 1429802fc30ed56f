"""The HTTP server around the application."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable

from granian.constants import Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server
from starlette.types import ASGIApp

from linkage.errors import BadSettings


def check_free(host: str, port: int) -> None:
    """Raise `BadSettings` where the port is taken or the host is none of this machine's."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise BadSettings(
                f"cannot listen on {host}:{port}: {error.strerror}", next_step="Choose another with --host and --port."
            ) from error


async def listen(
    app: ASGIApp, host: str, port: int, *, ready: Callable[[], None] | None = None, stop: asyncio.Event | None = None
) -> None:
    """Serve until SIGINT or SIGTERM, or until `stop` is set; `ready` is called once requests are answered."""
    check_free(host, port)
    stopped = stop or asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(name, stopped.set)
    server = Server(
        app,
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        websockets=True,
        backlog=1024,
        http1_settings=HTTP1Settings(header_read_timeout=15_000),
        log_enabled=False,
    )
    serving = asyncio.create_task(server.serve())
    watching = asyncio.create_task(_ready(host, port, ready)) if ready else None
    waiting = asyncio.create_task(stopped.wait())
    try:
        await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            serving.result()
    finally:
        server.stop()  # type: ignore[no-untyped-call]
        for task in (waiting, watching):
            if task is not None:
                task.cancel()
        await asyncio.gather(serving, return_exceptions=True)


async def _ready(host: str, port: int, ready: Callable[[], None]) -> None:
    while True:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection(host, port)
            writer.close()
            ready()
            return
        await asyncio.sleep(0.1)
