"""`linkage resolve` on files, with what an operator knows of places."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import typer
from typer.testing import CliRunner

from linkage.cli import resolve
from linkage.errors import BadReference


@pytest.fixture
def app() -> typer.Typer:
    found = typer.Typer()
    resolve.register(found)
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data set of three accounts behind one address, and reference files."""
    (tmp_path / "data").mkdir()
    rows = [f"a{n},ip,203.0.113.7,2026-01-0{n + 1}T00:00:00Z,2026-03-01T00:00:00Z" for n in range(3)]
    (tmp_path / "data" / "observations.csv").write_text(
        "\n".join(["account_id,kind,value,first_seen,last_seen", *rows]) + "\n"
    )
    (tmp_path / "known").mkdir()
    (tmp_path / "known" / "networks.csv").write_text("network,class,name\n203.0.113.0/24,vpn,ExampleVPN\n")
    return tmp_path


def _identifier(folder: Path) -> tuple[str, str]:
    (row,) = pq.read_table(folder / "out" / "identifiers.parquet").to_pylist()
    return row["sharing_class"], row["class_reason"].split(";")[0]


def test_without_reference_files_the_pattern_of_use_names_a_place(app: typer.Typer, folder: Path) -> None:
    done = CliRunner().invoke(app, [str(folder / "data"), "--out", str(folder / "out"), "--json"])
    assert json.loads(done.stdout)["reference_rows"] == {}
    assert _identifier(folder) == ("home", "3 holders stay 58 days each")


def test_members_are_counted_by_what_to_do_about_them(app: typer.Typer, folder: Path) -> None:
    (folder / "data" / "decisions.csv").write_text("left,right,judgement\na0,a1,same\na1,a2,undecided\n")
    arguments = [str(folder / "data"), "--out", str(folder / "out")]
    told = " ".join(CliRunner().invoke(app, arguments).stdout.split())
    assert "3 subjects: 2 of them in 1 clusters" in told
    assert "Of those in clusters 2 are sure enough to act on, 0 are to be looked at, 0 to be left alone." in told
    assert json.loads((folder / "out" / "resolution.json").read_text())["bands"] == {
        "act": 2, "review": 0, "abstain": 0,
    }  # fmt: skip


@pytest.mark.parametrize("by", ["option", "variable"])
def test_reference_files_name_it(app: typer.Typer, folder: Path, by: str) -> None:
    known = str(folder / "known")
    named, environ = (["--reference", known], {}) if by == "option" else ([], {"LINKAGE_REFERENCE": known})
    arguments = [str(folder / "data"), "--out", str(folder / "out"), "--json", *named]
    done = CliRunner().invoke(app, arguments, env=environ)
    assert json.loads(done.stdout)["reference_rows"] == {"networks.csv": 1}
    assert _identifier(folder) == ("vpn", "203.0.113.0/24 is in networks.csv as ExampleVPN")


def test_faults_of_reference_files_stop_it(app: typer.Typer, folder: Path) -> None:
    (folder / "known" / "networks.csv").write_text("network,class\n203.0.113.7/24,vpn\n")
    arguments = [str(folder / "data"), "--out", str(folder / "out"), "--reference", str(folder / "known")]
    refused = CliRunner().invoke(app, arguments)
    assert isinstance(refused.exception, BadReference)
    assert "networks.csv, line 2: '203.0.113.7/24' has bits set beyond its prefix of 24" in str(refused.exception)
