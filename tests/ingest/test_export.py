"""schema/: the published load format is what the code says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from linkage.ingest import export

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", export.documents())
def test_the_published_schema_is_the_codes(name: str) -> None:
    published = (ROOT / "schema" / name).read_text()
    assert published == export.as_text(export.documents()[name]), (
        "write it anew: python -m linkage.ingest.export schema"
    )


def test_every_published_schema_is_the_codes(tmp_path: Path) -> None:
    export.write(tmp_path)
    written = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.json")}
    published = {str(path.relative_to(ROOT / "schema")) for path in (ROOT / "schema").rglob("*.schema.json")}
    assert written == published
    assert all(json.loads(path.read_text())["$schema"] for path in tmp_path.rglob("*.json"))
