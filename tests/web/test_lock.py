"""The page's packages: pinned, checked against their hashes, from whichever registry the machine is set up for."""

from __future__ import annotations

import json
import re
from pathlib import Path

WEB = Path(__file__).parents[2] / "web"
PACKAGES = {
    name: package for name, package in json.loads((WEB / "package-lock.json").read_text())["packages"].items() if name
}


def test_the_lock_holds_no_download_address() -> None:
    assert [name for name, package in PACKAGES.items() if "resolved" in package] == []


def test_every_package_has_a_hash() -> None:
    assert [name for name, package in PACKAGES.items() if not package.get("integrity")] == []


def test_direct_dependencies_are_pinned_to_one_version() -> None:
    manifest = json.loads((WEB / "package.json").read_text())
    wanted = manifest["dependencies"] | manifest["devDependencies"]
    assert [name for name, version in wanted.items() if not re.fullmatch(r"\d+\.\d+\.\d+", version)] == []
