"""The saved investigations: each is valid for the schema, filled with what it needs, and tells its story."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLSchema, OperationDefinitionNode, build_schema, parse, validate
from graphql.execution.values import get_variable_values

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "web" / "investigations"
OPERATIONS = sorted(FOLDER.glob("*.graphql"))
SAVED = [path for path in OPERATIONS if path.name[0].isdigit()]
CLUES = set(
    re.findall(r"'(\w+)'", re.search(r"CLUES = \[(.*?)\]", (FOLDER / "../explorer/clues.ts").read_text())[1])  # type: ignore[index]
)


@cache
def schema() -> GraphQLSchema:
    return build_schema((ROOT / "schema" / "schema.graphql").read_text())


def operation_of(path: Path) -> OperationDefinitionNode:
    (operation,) = [node for node in parse(path.read_text()).definitions if isinstance(node, OperationDefinitionNode)]
    return operation


def variables_of(path: Path) -> dict[str, Any]:
    file = path.with_suffix(".json")
    return json.loads(file.read_text()) if file.exists() else {}


def filled(value: Any) -> Any:
    """The value with each placeholder filled as the page would."""
    if isinstance(value, str):
        return re.sub(r"^\{(\w+)\}$", lambda found: "2026-03-01T00:00:00Z" if found[1] == "now" else "x", value)
    if isinstance(value, list):
        return [filled(inner) for inner in value]
    if isinstance(value, dict):
        return {key: filled(inner) for key, inner in value.items()}
    return value


@pytest.mark.parametrize("path", OPERATIONS, ids=lambda path: path.stem)
def test_it_is_valid_for_the_schema(path: Path) -> None:
    assert [fault.message for fault in validate(schema(), parse(path.read_text()))] == []


@pytest.mark.parametrize("path", SAVED, ids=lambda path: path.stem)
def test_its_variables_are_those_that_it_declares_and_needs(path: Path) -> None:
    operation, given = operation_of(path), variables_of(path)
    declared = {node.variable.name.value for node in operation.variable_definitions or ()}
    assert given.keys() <= declared
    coerced = get_variable_values(schema(), operation.variable_definitions or (), filled(given))
    assert not isinstance(coerced, list), coerced


@pytest.mark.parametrize("path", SAVED, ids=lambda path: path.stem)
def test_the_page_knows_every_placeholder(path: Path) -> None:
    assert set(re.findall(r'"\{(\w+)\}"', json.dumps(variables_of(path)))) <= CLUES


@pytest.mark.parametrize("path", SAVED, ids=lambda path: path.stem)
def test_it_opens_with_title_summary_and_story(path: Path) -> None:
    head = [line for line in path.read_text().splitlines() if line.startswith("#")]
    title, gap, summary, second_gap, *story = (line.removeprefix("#").strip() for line in head)
    assert 0 < len(title) < 50
    assert not gap
    assert not second_gap
    assert 0 < len(summary) < 120
    assert story


def test_they_are_numbered_without_a_gap() -> None:
    assert [int(path.name[:2]) for path in SAVED] == list(range(1, len(SAVED) + 1))


def test_each_has_an_operation_name_of_its_own() -> None:
    # The page keeps one tab for each operation name.
    names = [operation.name.value for operation in map(operation_of, SAVED) if operation.name]
    assert len(set(names)) == len(SAVED)


def test_the_first_runs_as_it_stands() -> None:
    # It is what the editor holds when the page opens.
    assert all(node.default_value for node in operation_of(SAVED[0]).variable_definitions or ())


def test_every_variables_file_belongs_to_an_investigation() -> None:
    assert {file.stem for file in FOLDER.glob("*.json")} <= {path.stem for path in SAVED}
