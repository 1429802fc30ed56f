"""The HTTP server around the application: uvicorn in this process, on a socket that we opened ourselves."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable, Iterator

import uvicorn
from starlette.types import ASGIApp

from linkage.errors import BadSettings

#: Largest WebSocket message, in bytes.
LARGEST_MESSAGE = 2**20
#: Connections beyond this are answered 503 at once.
CONNECTIONS = 1_000
#: How long requests under way may take to end when the service stops (seconds).
GRACE = 10


class _Server(uvicorn.Server):
    failed = False

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().startup(sockets)
        except SystemExit:
            # uvicorn would end the whole process here; whoever called us has an error to tell first.
            self.failed = self.should_exit = True

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # uvicorn raises the signal once more after it has stopped, which would cut off whatever closes after it.
        yield


def bind(host: str, port: int) -> socket.socket:
    """A socket on that address; port 0: any free one. Raises `BadSettings` where it cannot be had."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise BadSettings(f"{host} is no address of this machine", next_step="Choose another with --host.") from error
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise BadSettings(
            f"cannot listen on {host}:{port}: {error.strerror}", next_step="Choose another with --host and --port."
        ) from error
    return listener


async def listen(
    app: ASGIApp,
    listener: socket.socket,
    *,
    ready: Callable[[], None] | None = None,
    stop: asyncio.Event | None = None,
) -> bool:
    """Serve until SIGINT, SIGTERM or `stop`; `ready` is called once requests are answered. False: it did not start."""
    stopped = stop or asyncio.Event()
    server = _Server(
        uvicorn.Config(
            app,
            loop="asyncio",
            http="httptools",
            ws="websockets-sansio",
            ws_max_size=LARGEST_MESSAGE,
            ws_max_queue=8,
            lifespan="on",
            limit_concurrency=CONNECTIONS,
            timeout_graceful_shutdown=GRACE,
            access_log=False,
            log_config=None,
            log_level="critical",  # errors are logged where they become answers, without what a caller sent
            server_header=False,
            proxy_headers=False,
        )
    )
    with _signals(stopped):
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        stopping = asyncio.create_task(stopped.wait())
        while not (server.started or serving.done()):
            await asyncio.wait({serving, stopping}, timeout=0.05, return_when=asyncio.FIRST_COMPLETED)
            if stopped.is_set():
                break
        if server.started and ready is not None:
            ready()
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = True
        stopping.cancel()
        await serving
    return not server.failed


@contextlib.contextmanager
def _signals(stopped: asyncio.Event) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    caught = []
    for name in (signal.SIGINT, signal.SIGTERM):
        # Only a main thread hears signals; elsewhere `stop` is the way.
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(name, stopped.set)
            caught.append(name)
    try:
        yield
    finally:
        for name in caught:
            loop.remove_signal_handler(name)
