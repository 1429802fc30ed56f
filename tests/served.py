"""`linkage serve` in a process of its own, over the planted world: for what only a real server can show."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from linkage.settings import Settings

ROOT = Path(__file__).parents[1]
PATIENCE = 180.0


@dataclass(frozen=True, slots=True)
class Service:
    """Where it listens, which process it is, and what it says."""

    origin: str
    process: int
    log: Path


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def served(settings: Settings, log: Path, *options: str, **environ: str) -> Iterator[Service]:
    """The service of a project, from when it is ready until it has ended in good order."""
    assert settings.neo4j_password is not None
    origin = f"http://127.0.0.1:{_free_port()}"
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("LINKAGE_", "OTEL_"))}
    project = {
        "LINKAGE_DATA": str(settings.data),
        "LINKAGE_NEO4J_URI": str(settings.neo4j_uri),
        "LINKAGE_NEO4J_PASSWORD": settings.neo4j_password.get_secret_value(),
    }
    command = [sys.executable, "-c", "from linkage.cli import main; main()", "serve", *options]
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [*command, "--port", origin.rpartition(":")[2]],
            env={**inherited, **project, **environ},
            cwd=ROOT,
            stdout=sink,
            stderr=subprocess.STDOUT,
        )
        try:
            _await_ready(origin, process, log)
            yield Service(origin, process.pid, log)
        finally:
            process.terminate()
            process.wait(timeout=60)


def _await_ready(origin: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        assert process.poll() is None, f"the service ended: {log.read_text()}"
        try:
            with urllib.request.urlopen(f"{origin}/readyz", timeout=5):  # noqa: S310 - our own server
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise AssertionError(f"the service was not ready in {PATIENCE} s: {log.read_text()}")
