"""One world of each name, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from linkage.scenario import HABITS, generate

SIZE = 6_000


@pytest.fixture(scope="session")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folder of each world by name."""
    root = tmp_path_factory.mktemp("worlds")
    return {name: generate(name, SIZE, 3, root / name).out for name in HABITS}


@pytest.fixture(params=sorted(HABITS))
def world(request: pytest.FixtureRequest, worlds: dict[str, Path]) -> Path:
    """Each world in turn."""
    return worlds[request.param]
