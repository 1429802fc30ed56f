"""`linkage rejections list` and `replay`, after a load that refused rows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def linkage(*arguments: str | Path, cwd: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from linkage.cli import main; main()", *map(str, arguments)]
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "LINKAGE_DATA": str(cwd / "data"), "COLUMNS": "200", **settings}
    return subprocess.run(command, cwd=cwd, env=environ, capture_output=True, text=True, check=True)


@pytest.fixture
def loaded(tmp_path: Path) -> Path:
    (tmp_path / "observations.csv").write_text(
        "account_id,kind,value,count\n1,ip,10.0.0.1,1\n2,ip,999.0.0.1,1\n3,payment_method,4111111111111111,1\n"
    )
    linkage("load", "observations.csv", "--no-graph", cwd=tmp_path)
    return tmp_path


def test_rejected_rows_are_listed_with_place_and_reason(loaded: Path) -> None:
    listed = json.loads(linkage("rejections", "list", "--json", cwd=loaded).stdout)
    assert {(row["line"], row["column"], row["code"]) for row in listed} == {
        (3, "value", "BAD_VALUE"),
        (4, "value", "CARD_NUMBER"),
    }
    assert "4111111111111111" not in str(listed)
    table = linkage("rejections", "list", "--code", "BAD_VALUE", cwd=loaded).stdout
    assert "observations.csv" in table
    assert "not a public or private IPv4 or IPv6 address" in table
    assert "CARD_NUMBER" not in table


def test_a_limit_says_that_there_may_be_more(loaded: Path) -> None:
    assert "There may be more" in linkage("rejections", "list", "--limit", "1", cwd=loaded).stderr


def test_a_replay_says_how_many_rows_are_taken_now(loaded: Path) -> None:
    done = json.loads(linkage("rejections", "replay", "--json", cwd=loaded).stdout)
    assert done == {"tried": 2, "taken": 0}
    assert "0 of 2 rejected rows" in linkage("rejections", "replay", cwd=loaded).stdout


def test_without_rejections_the_list_says_so(tmp_path: Path) -> None:
    assert "Nothing was rejected" in linkage("rejections", "list", cwd=tmp_path).stdout
    assert "No such row" in linkage("rejections", "list", "--code", "BAD_TIME", cwd=tmp_path).stdout
