"""The examples of docs/identity.md are one story; it is told here to a real service, and every answer is as printed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from typer.testing import CliRunner

from linkage.api import links
from linkage.cli import build
from linkage.graph.connection import Connection, Graph
from linkage.server.app import create_app
from linkage.settings import Settings
from tests.small_service import Api, name_project, settings_for

PAPER = Path(__file__).parents[2] / "docs" / "identity.md"
BLOCK = re.compile(r"^```(graphql|json|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
#: what differs from run to run, by how the paper writes it
NAME = re.compile(r"\b(?:cl|dc|rs|pb|ln)_[A-Z]\w*")


@pytest.fixture
def settings(neo4j: Connection, graph: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    made = settings_for(tmp_path / "project", neo4j)
    monkeypatch.setattr(links, "PATIENCE", 60.0)  # the answers are to be the same on a slow machine
    name_project(made, monkeypatch)
    return made


@pytest.fixture
def api(settings: Settings) -> Iterator[Api]:
    with TestClient(
        create_app(settings, demo=True), base_url="http://127.0.0.1", raise_server_exceptions=False
    ) as opened:
        yield Api(opened)


class Reader:
    """Knows what the names of the paper stand for in this run: each is told by the first answer that holds it."""

    def __init__(self) -> None:
        self.known: dict[str, str] = {}

    def spell(self, text: str) -> str:
        """A text of the paper as the service takes it."""
        return NAME.sub(lambda found: self.known[found[0]], text)

    def compare(self, printed: Any, answer: Any, where: str) -> None:
        """See that an answer is the one printed."""
        if isinstance(printed, dict) and isinstance(answer, dict):
            assert printed.keys() == answer.keys(), where
            for key, value in printed.items():
                self.compare(value, answer[key], f"{where}.{key}")
        elif isinstance(printed, list) and isinstance(answer, list):
            assert len(printed) == len(answer), (where, answer)
            for number, (one, other) in enumerate(zip(printed, answer, strict=True)):
                self.compare(one, other, f"{where}[{number}]")
        elif isinstance(printed, str) and isinstance(answer, str):
            self._compare_texts(printed, answer, where)
        else:
            assert printed == answer, where

    def _compare_texts(self, printed: str, answer: str, where: str) -> None:
        pattern, names = "", []
        for plain, name in zip(NAME.split(printed), [*NAME.findall(printed), None], strict=True):
            pattern += re.escape(plain)
            if name in self.known:
                pattern += re.escape(self.known[name])
            elif name is not None:
                pattern += "([a-z]{2}_[a-z0-9]+)"
                names.append(name)
        found = re.fullmatch(pattern, answer)
        assert found is not None, (where, printed, answer, self.known)
        self.known.update(zip(names, found.groups(), strict=True))
        assert len(set(self.known.values())) == len(self.known), self.known


def test_the_story_goes_as_it_is_told(api: Api) -> None:
    reader = Reader()
    asked: dict[str, Any] | None = None
    answers = 0
    for kind, text in BLOCK.findall(PAPER.read_text()):
        if kind == "console":
            for line in text.splitlines():
                result = CliRunner().invoke(build(), reader.spell(line.removeprefix("$ linkage ")).split())
                assert result.exit_code == 0, (line, result.output)
        elif kind == "graphql":
            asked = api.data(reader.spell(text))
        else:
            reader.compare(json.loads(text), asked, "data")
            answers += 1
    assert answers >= 8
