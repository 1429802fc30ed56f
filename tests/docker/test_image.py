"""The Dockerfile: what it copies exists and reaches the builder, what it sets is known, nothing secret is in it."""

from __future__ import annotations

import re
from fnmatch import fnmatch
from pathlib import Path

import pytest

from linkage.settings import Settings

ROOT = Path(__file__).parents[2]
LINES = re.sub(r"\\\n\s*", "", (ROOT / "docker" / "Dockerfile").read_text()).splitlines()
SETTINGS = {f"LINKAGE_{name.upper()}" for name in Settings.model_fields}
#: made by a former stage, not copied from the project
BUILT = {"linkage/server/static"}


def instructions(name: str) -> list[str]:
    return [line.removeprefix(f"{name} ") for line in LINES if line.startswith(f"{name} ")]


def copied_sources() -> list[str]:
    copies = [copy.split() for copy in instructions("COPY") if not copy.startswith("--from=")]
    return [source.rstrip("/") for copy in copies for source in copy[:-1]]


@pytest.mark.parametrize("source", copied_sources())
def test_every_copied_source_exists(source: str) -> None:
    assert (ROOT / source).exists()


@pytest.mark.parametrize("source", copied_sources())
def test_every_copied_source_passes_the_ignore_file(source: str) -> None:
    rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    assert rules[0] == "*", "the ignore file is an allow-list"
    allowed = [rule.removeprefix("!").rstrip("/") for rule in rules if rule.startswith("!")]
    assert any(source == rule or source.startswith(f"{rule}/") for rule in allowed)


@pytest.mark.parametrize("private", ["docker/.env", "linkage-data/secret.key", ".git/config", ".venv/pyvenv.cfg"])
def test_private_files_do_not_reach_the_builder(private: str) -> None:
    rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    allowed = [rule.removeprefix("!") for rule in rules if rule.startswith("!")]
    assert not any(fnmatch(private, rule) or private.startswith(rule) for rule in allowed)


def test_the_environment_names_only_settings_that_exist() -> None:
    named = {name for line in instructions("ENV") for name in re.findall(r"\b(LINKAGE_[A-Z_]+)=", line)}
    assert named
    assert named <= SETTINGS


def test_no_secret_is_baked_in() -> None:
    baked = " ".join(instructions("ENV") + instructions("ARG"))
    assert not re.search(r"PASSWORD|API_KEY|SECRET|TOKEN", baked)


def test_every_package_is_checked_against_its_hash() -> None:
    installs = [line for line in instructions("RUN") if "pip install" in line]
    assert len(installs) == 2
    assert "--require-hashes -r requirements.lock" in installs[0]
    assert "--no-deps --no-build-isolation ." in installs[1]


def test_it_runs_as_an_ordinary_user() -> None:
    last_stage = LINES[max(index for index, line in enumerate(LINES) if line.startswith("FROM ")) :]
    users = [line.split()[1] for line in last_stage if line.startswith("USER ")]
    assert users == ["10001:10001"]


def test_it_says_how_it_is() -> None:
    assert any("/healthz" in check for check in instructions("HEALTHCHECK"))
