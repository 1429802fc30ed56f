"""The command line as a process: statuses, streams, words."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from linkage.cli import COMMANDS


def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from linkage.cli import main; main()", *arguments],
        env={**os.environ, "COLUMNS": "120", **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_teaches(command: str) -> None:
    answer = run(command, "--help")
    assert answer.returncode == 0
    assert "Usage:" in answer.stdout


def test_help_does_not_wait_for_the_engine() -> None:
    script = (
        "import sys; from linkage.cli import build; build(); print('duckdb' in sys.modules, 'numba' in sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert answer.stdout.split() == ["False", "False"]


def test_an_unknown_command_is_wrong_usage() -> None:
    answer = run("lod")
    assert answer.returncode == 2
    assert "No such command" in answer.stderr


def test_a_missing_file_is_failed_work_and_tells_the_next_step(tmp_path: Path) -> None:
    answer = run("load", str(tmp_path / "nowhere.csv"), LINKAGE_DATA=str(tmp_path / "data"))
    assert answer.returncode == 1
    assert "does not exist" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_bad_settings_are_told_all_at_once(tmp_path: Path) -> None:
    answer = run("graph", "check", LINKAGE_PORT="x", LINKAGE_PHONE_REGION="nowhere", LINKAGE_DATA=str(tmp_path))
    assert answer.returncode == 1
    assert "port" in answer.stderr
    assert "phone_region" in answer.stderr


def test_a_data_set_without_a_folder_for_the_answer_is_wrong_usage(tmp_path: Path) -> None:
    answer = run("resolve", str(tmp_path))
    assert answer.returncode == 2
    assert "--out" in answer.stderr


def test_an_error_of_ours_leaves_its_trace_in_a_file(tmp_path: Path) -> None:
    script = "import linkage.cli as cli\ncli.build = lambda: 1 / 0\ncli.main()"
    answer = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 1
    assert "Traceback" not in answer.stderr
    (trace,) = tmp_path.glob("linkage-*.log")
    assert "ZeroDivisionError" in trace.read_text()
