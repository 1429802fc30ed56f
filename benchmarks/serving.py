"""`linkage serve` in a process of its own, and what benchmarks ask of it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Served:
    """A service that answers on a port, and its process."""

    port: int
    process: subprocess.Popen[bytes]


@contextmanager
def serving(folder: str, *options: str, environ: Mapping[str, str] | None = None) -> Iterator[Served]:
    """Serve the project in `FOLDER/data` until this is left."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    command = [sys.executable, "-c", "from linkage.cli import main; main()", "serve", *options, "--port", str(port)]
    service = subprocess.Popen(  # noqa: S603 - our own command
        command,
        env={**os.environ, "LINKAGE_DATA": f"{folder}/data", **(environ or {})},
        stdout=subprocess.DEVNULL,
    )
    try:
        while not _ready(port):
            if service.poll() is not None:
                raise RuntimeError("the service did not start")
            time.sleep(0.2)
        yield Served(port, service)
    finally:
        service.terminate()
        service.wait(120)


def _ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as response:
            return bool(response.status == 200)
    except OSError:
        return False
