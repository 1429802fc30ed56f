"""`linkage serve`: says why it will not start, and stops cleanly."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from linkage.graph.connection import Connection


def serve(data: Path, *arguments: str, **environ: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", "from linkage.cli import main; main()", "serve", *arguments],
        env={**os.environ, "LINKAGE_DATA": str(data), **environ},
        cwd=data,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_a_demo_will_not_listen_beyond_loopback(tmp_path: Path) -> None:
    process = serve(tmp_path, "--demo", "--host", "0.0.0.0", "--port", "8499")  # noqa: S104
    _, said = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "linkage keys create" in said
    assert "Traceback" not in said


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        process = serve(tmp_path, "--port", str(taken.getsockname()[1]))
        _, said = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "cannot listen" in said


def test_a_start_that_fails_says_why(tmp_path: Path) -> None:
    (tmp_path / "model.toml").write_text("[nonsense]\n")
    process = serve(
        tmp_path,
        "--port",
        str(_free()),
        LINKAGE_MODEL=str(tmp_path / "model.toml"),
        LINKAGE_NEO4J_URI="bolt://127.0.0.1:1",
    )
    _, said = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "nonsense" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("name", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_it_is_told_to_stop(neo4j: Connection, tmp_path: Path, name: signal.Signals) -> None:
    port = _free()
    process = serve(tmp_path, "--port", str(port), LINKAGE_NEO4J_URI=neo4j.uri, LINKAGE_NEO4J_PASSWORD=neo4j.password)
    try:
        assert _healthy(port, process)
        again = serve(
            tmp_path, "--port", str(_free()), LINKAGE_NEO4J_URI="bolt://127.0.0.1:1", LINKAGE_MODEL="/nowhere"
        )
        assert "lk_" not in again.communicate(timeout=120)[1]
        process.send_signal(name)
        _, said = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 0, said
    assert f"http://127.0.0.1:{port}/graphql" in said
    assert len(re.findall(r"lk_[a-z0-9]{10}\.[A-Za-z0-9_-]{43}", said)) == 1
    assert "Traceback" not in said


def _free() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def _healthy(port: int, process: subprocess.Popen[str]) -> bool:
    for _ in range(600):
        if process.poll() is not None:
            return False
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5):
                return True
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    return False
