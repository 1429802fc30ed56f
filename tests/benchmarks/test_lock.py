"""What the benchmarks install: versions and hashes, from whichever registry the machine is set up for."""

from __future__ import annotations

import re
from pathlib import Path

LOCK = (Path(__file__).parents[2] / "requirements-bench.lock").read_text()


def test_the_lock_holds_no_address() -> None:
    assert not re.search(r"://|--index|--find-links|@ ", LOCK)


def test_every_package_has_a_version_and_a_hash() -> None:
    packages = re.split(r"\n(?=\S)", LOCK.strip())
    assert [text for text in packages if not re.match(r"\S+==\S+.*--hash=sha256:", text, re.DOTALL)] == []
