"""Every operation in the documentation and among the saved investigations is valid."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from graphql import parse, validate

from linkage.api.guard import price
from linkage.api.limits import Limits
from linkage.api.schema import build_schema

ROOT = Path(__file__).parents[2]
IN_DOCS = [
    pytest.param(text, id=f"{path.name}-{number}")
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
    if path.exists()
    for number, text in enumerate(re.findall(r"```graphql\n(.*?)```", path.read_text(), re.DOTALL), 1)
]
SAVED = [
    pytest.param(path.read_text(), id=path.stem) for path in sorted((ROOT / "web" / "investigations").glob("*.graphql"))
]


@pytest.mark.parametrize("document", [*IN_DOCS, *SAVED])
def test_the_operation_is_valid_and_not_too_dear(document: str) -> None:
    schema = build_schema()._schema
    assert validate(schema, parse(document)) == []
    assert price(schema, parse(document), {}, Limits()).cost <= Limits().cost
