"""Jars come whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from linkage.errors import LocalServerFailed
from linkage.graph import jars
from linkage.graph.jars import VERSION, by_mvn, ensure_jars
from linkage.model.progress import Progress, silent


def by_magic(lib: Path, progress: Progress) -> None:
    for number in range(200):
        (lib / f"{number}.jar").touch()


def by_half(lib: Path, progress: Progress) -> None:
    (lib / "1.jar").touch()


def by_interruption(lib: Path, progress: Progress) -> None:
    (lib / "1.jar").touch()
    raise KeyboardInterrupt


def by_nothing(lib: Path, progress: Progress) -> None:
    raise OSError("no way out")


def test_jars_are_fetched_once(tmp_path: Path) -> None:
    lib = ensure_jars(tmp_path, fetchers=[by_magic])
    assert lib == tmp_path / f"neo4j-{VERSION}" / "lib"
    assert ensure_jars(tmp_path, fetchers=[by_nothing]) == lib


def test_the_next_way_is_tried_where_one_fails(tmp_path: Path) -> None:
    assert len(list(ensure_jars(tmp_path, fetchers=[by_nothing, by_half, by_magic]).iterdir())) == 200


def test_every_way_that_failed_is_told(tmp_path: Path) -> None:
    with pytest.raises(LocalServerFailed) as caught:
        ensure_jars(tmp_path, fetchers=[by_nothing, by_half])
    assert caught.value.details == ("nothing: no way out", "half: only 1 jars came")
    assert "LINKAGE_NEO4J_URI" in str(caught.value.next_step)


def test_an_interrupted_fetch_leaves_nothing_half_done(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        ensure_jars(tmp_path, fetchers=[by_interruption])
    assert [path.name for path in tmp_path.iterdir()] == [f"neo4j-{VERSION}.lock"]
    assert ensure_jars(tmp_path, fetchers=[by_magic]).is_dir()


def test_a_failing_maven_is_told_with_its_own_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    maven = tmp_path / "mvn"
    maven.write_text("#!/bin/sh\necho '[ERROR] there is no registry'\nexit 1\n")
    maven.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(LocalServerFailed, match=r"status 1.*there is no registry"):
        by_mvn(tmp_path, silent)


def test_maven_is_asked_first_where_there_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert [fetch.__name__ for fetch in jars._fetchers()] == ["by_jgo"]
    (tmp_path / "mvn").touch(0o755)
    assert [fetch.__name__ for fetch in jars._fetchers()] == ["by_mvn", "by_jgo"]
