"""Faults are tried on whole processes: the command line as a user starts it, on a Neo4j of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from linkage.scenario import generate
from tests.conftest import QUICK


@dataclass
class Project:
    """A project folder and the commands run in it."""

    data: Path
    cache: Path
    running: list[subprocess.Popen[str]] = field(default_factory=list)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start `linkage …` and return at once."""
        environ = {
            **os.environ,
            "LINKAGE_DATA": str(self.data),
            "LINKAGE_CACHE": str(self.cache),
            "JAVA_TOOL_OPTIONS": " ".join(QUICK),
        }
        process = subprocess.Popen(
            [sys.executable, "-c", "from linkage.cli import main; main()", *arguments],
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.running.append(process)
        return process

    def run(self, *arguments: str) -> str:
        """Run `linkage …` to its end and return what it printed; fails where the command failed."""
        process = self.start(*arguments)
        out, err = process.communicate(timeout=600)
        assert process.returncode == 0, f"linkage {' '.join(arguments)}: {err}"
        return out

    def end(self) -> None:
        for process in self.running:
            if process.poll() is None:
                process.kill()
            process.communicate()
        self.run("neo4j", "stop")


@pytest.fixture
def project(tmp_path: Path, cache: Path) -> Iterator[Project]:
    """A project of its own, with its managed Neo4j kept running between commands."""
    started = Project(tmp_path / "data", cache)
    started.run("neo4j", "start")
    yield started
    started.end()


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A world large enough that its load can be interrupted in the middle."""
    folder = tmp_path_factory.mktemp("world")
    generate("mixed", 4_000, 3, folder)
    return folder


def eventually(holds: Callable[[], bool], what: str, *, within: float = 180.0) -> None:
    """Wait until something holds; fail with `what` where it does not in time."""
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline, f"not in {within:.0f} s: {what}"
        time.sleep(0.05)
