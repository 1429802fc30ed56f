"""docs/operations.md: its table is the settings as they are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import SecretStr

from linkage.settings import Settings

ROOT = Path(__file__).parents[2]
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
ROWS = dict(re.findall(r"^\| `(LINKAGE_[A-Z0-9_]+)` \| (.*?) \|", OPERATIONS, re.MULTILINE))
VARIABLES = {f"LINKAGE_{name.upper()}": name for name in Settings.model_fields}


def test_every_setting_has_a_row_and_every_row_is_a_setting() -> None:
    assert list(ROWS) == list(VARIABLES)


@pytest.mark.parametrize("variable", VARIABLES)
def test_the_default_told_is_the_default(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    default = getattr(Settings(), VARIABLES[variable])
    told = ROWS[variable]
    if default in (None, (), {}) or isinstance(default, SecretStr):
        assert told.startswith("unset")
    else:
        assert told == f"`{str(default).replace(str(Path.home()), '~')}`"


def test_every_code_named_is_a_code() -> None:
    from linkage import errors

    codes = {cls.code for cls in vars(errors).values() if isinstance(cls, type) and hasattr(cls, "code")}
    named = set(re.findall(r"^\| `([A-Z_]+)`", OPERATIONS, re.MULTILINE)) - set(VARIABLES)
    assert named
    assert named <= codes
