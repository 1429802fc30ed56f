"""The papers name only commands and make targets that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer
from typer.main import get_command

from linkage.cli import build

ROOT = Path(__file__).parents[2]
PAPERS = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "docker/README.md")] + sorted(
    (ROOT / "docs").rglob("*.md")
)
#: `linkage word word` in code spans and blocks
NAMED = re.compile(r"(?:^|[`$&(]\s*|\.venv/bin/|exec linkage )linkage ([a-z0-9-]+)(?: ([a-z-]+))?", re.MULTILINE)


def code_of(text: str) -> str:
    return "\n".join(re.findall(r"```\w*\n(.*?)```", text, re.DOTALL) + re.findall(r"`([^`\n]+)`", text))


def commands() -> dict[str, set[str]]:
    """Command → its sub-commands."""
    group = get_command(build())
    assert isinstance(group, typer.core.TyperGroup)
    return {
        name: set(command.commands) if isinstance(command, typer.core.TyperGroup) else set()
        for name, command in group.commands.items()
    }


@pytest.mark.parametrize("paper", PAPERS, ids=lambda paper: paper.name)
def test_every_command_named_exists(paper: Path) -> None:
    known = commands()
    for name, following in NAMED.findall(code_of(paper.read_text())):
        assert name in known, f"linkage {name}"
        if known[name] and following:
            assert following in known[name], f"linkage {name} {following}"


@pytest.mark.parametrize("paper", PAPERS, ids=lambda paper: paper.name)
def test_every_make_target_named_exists(paper: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z]+)", code_of(paper.read_text()))) <= targets
