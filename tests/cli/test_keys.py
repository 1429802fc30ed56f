"""`linkage keys` and `linkage audit`, as a person types them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from linkage.access.keys import FORM, KeyRing
from linkage.cli import build
from linkage.errors import AuditDamaged, BadInput, LinkageError, NotFound
from linkage.settings import project_secret


@pytest.fixture(autouse=True)
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LINKAGE_DATA", str(tmp_path))


def run(*words: str) -> Result:
    return CliRunner().invoke(build(), list(words))


def told(*words: str) -> LinkageError:
    error = run(*words).exception
    assert isinstance(error, LinkageError)
    return error


def test_a_key_is_printed_once_and_nowhere_else(tmp_path: Path) -> None:
    made = run("keys", "create", "sign-up service", "--role", "service", "--expires", "90d")
    token = made.stdout.strip()
    assert FORM.fullmatch(token)
    key = KeyRing(tmp_path, project_secret(tmp_path)).check(token)
    assert key is not None
    assert key.expires_at is not None
    listed = run("keys", "list")
    assert "sign-up service" in listed.output
    secret = token.partition(".")[2]
    written = "".join(path.read_text(errors="replace") for path in tmp_path.rglob("*") if path.is_file())
    assert secret not in listed.output + run("keys", "list", "--json").output + written


def test_a_key_is_revoked_and_rotated_by_its_id(tmp_path: Path) -> None:
    first = json.loads(run("keys", "create", "ann", "--role", "analyst", "--json").stdout)
    second = json.loads(run("keys", "rotate", first["id"], "--json").stdout)
    run("keys", "revoke", second["id"])
    rows = json.loads(run("keys", "list", "--json").stdout)
    assert [(row["label"], row["standing"]) for row in rows] == [("ann", "revoked"), ("ann", "revoked")]
    assert rows[1]["replaces"] == first["id"]
    assert all("digest" not in row for row in rows)


@pytest.mark.parametrize(
    "words",
    [
        ("keys", "create", "ann", "--role", "god"),
        ("keys", "create", "ann", "--role", "viewer", "--expires", "soon"),
        ("keys", "create", "ann", "--role", "viewer", "--expires", "2020-01-01"),
        ("keys", "create", " ", "--role", "viewer"),
        ("audit", "verify", "--must-hold", "x"),
    ],
)
def test_what_makes_no_sense_is_told_and_makes_no_key(words: tuple[str, ...]) -> None:
    assert isinstance(told(*words), BadInput)
    assert "There is no key" in run("keys", "list").output


def test_a_key_that_is_not_there_is_told() -> None:
    assert isinstance(told("keys", "revoke", "nobody"), NotFound)


def test_what_is_done_to_keys_is_in_the_audit_under_the_system_s_user() -> None:
    key = json.loads(run("keys", "create", "ann", "--role", "viewer", "--json").stdout)
    run("keys", "revoke", key["id"])
    records = [json.loads(line) for line in run("audit", "list").stdout.splitlines()]
    assert [record["asked"] for record in records] == [["keys create"], ["keys revoke"], ["audit list"]]
    assert all(record["caller"].startswith("cli:") for record in records)
    assert [record.get("ids") for record in records] == [{"keys": [key["id"]]}, {"keys": [key["id"]]}, None]
    again = [json.loads(line) for line in run("audit", "list", "--last", "1").stdout.splitlines()]
    assert [record["asked"] for record in again] == [["audit list"]]
    assert run("audit", "list", "--about", key["id"], "--caller", "nobody").stdout == ""


def test_an_audit_that_stands_gives_a_place_to_ask_for_again(tmp_path: Path) -> None:
    run("keys", "create", "ann", "--role", "viewer")
    verified = run("audit", "verify")
    assert "as it was written: 1." in verified.output
    place = verified.output.splitlines()[-1]
    assert re.fullmatch(r"1:[0-9a-f]{64}", place)
    assert run("audit", "verify", "--must-hold", place).exit_code == 0
    (path,) = (tmp_path / "audit").glob("*.jsonl")
    path.write_bytes(path.read_bytes().replace(b"viewer", b"admin_").replace(b"keys create", b"keys revoke"))
    error = told("audit", "verify")
    assert isinstance(error, AuditDamaged)
    assert "line 1" in str(error)
