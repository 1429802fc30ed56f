"""Packages of JavaScript: pinned, checked against their hashes, from whichever registry the machine is set up for."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
#: The page's, and those of the clients that tests send to the service.
FOLDERS = [ROOT / "web", ROOT / "tests" / "outside" / "clients"]
pytestmark = pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)


def packages(folder: Path) -> dict[str, Any]:
    lock = json.loads((folder / "package-lock.json").read_text())
    return {name: package for name, package in lock["packages"].items() if name}


def test_the_lock_holds_no_download_address(folder: Path) -> None:
    assert [name for name, package in packages(folder).items() if "resolved" in package] == []


def test_every_package_has_a_hash(folder: Path) -> None:
    assert packages(folder)
    assert [name for name, package in packages(folder).items() if not package.get("integrity")] == []


def test_direct_dependencies_are_pinned_to_one_version(folder: Path) -> None:
    manifest = json.loads((folder / "package.json").read_text())
    wanted = manifest["dependencies"] | manifest.get("devDependencies", {})
    assert [name for name, version in wanted.items() if not re.fullmatch(r"\d+\.\d+\.\d+", version)] == []
