"""`linkage mapping check`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SENZING = ROOT / "docs" / "mappings" / "senzing_truthset.toml"


def run(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from linkage.cli import main; main()", "mapping", "check", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False)


def test_a_good_mapping_is_said_to_be_good(tmp_path: Path) -> None:
    done = run(SENZING, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "is a good mapping" in done.stdout


def test_a_mapping_is_tried_on_data_without_loading_it(tmp_path: Path) -> None:
    (tmp_path / "observations.csv").write_text("account_id,kind,value\n1,phone,702-919-1300\n1,ip,none\n")
    done = run(SENZING, "--against", tmp_path, "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (file,) = json.loads(done.stdout)["files"]
    assert (file["records"], file["rejected"]) == ({"observations": 1}, 1)
    assert not (tmp_path / "linkage-data").exists()


@pytest.mark.parametrize("arguments", [(), ("--json",)])
def test_every_fault_is_printed_and_the_status_is_one(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    (tmp_path / "m.toml").write_text('colour = "red"\n[[file]]\nname = "x"\n')
    done = run("m.toml", *arguments, cwd=tmp_path)
    assert done.returncode == 1
    assert "line 1, column 1: colour" in done.stderr
    assert "line 2, column 3: file.1" in done.stderr
    assert "Traceback" not in done.stderr
