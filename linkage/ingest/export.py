"""The published load format as JSON Schema: `python -m linkage.ingest.export schema` writes it anew."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from linkage.ingest.cells import LONGEST_ID
from linkage.ingest.columns import RECORDS, TRUTH, Column, Record, Type
from linkage.ingest.mapping import Mapping
from linkage.model import Judgement
from linkage.normalise import KINDS

_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_ID = {"type": ["string", "integer"], "minLength": 1, "maxLength": LONGEST_ID}
_TYPES: dict[Type, dict[str, Any]] = {
    Type.ID: _ID,
    Type.TEXT: {"type": "string"},
    Type.TIME: {"type": "string", "format": "date-time"},
    Type.WHOLE: {"type": "integer"},
    Type.KIND: {"type": "string", "examples": list(KINDS)},
    Type.VALUE: {"type": "string", "minLength": 1},
    Type.SUBJECT: _ID,
    Type.JUDGEMENT: {"enum": [judgement.value for judgement in Judgement]},
}


def documents() -> dict[str, dict[str, Any]]:
    """Every schema by its path below `schema/`."""
    found = {f"records/{record.name}.schema.json": _record(record) for record in RECORDS.values()}
    found[f"records/{TRUTH}.schema.json"] = _truth()
    found["mapping.schema.json"] = {"$schema": _DRAFT, **Mapping.model_json_schema()}
    return found


def as_text(document: dict[str, Any]) -> str:
    """A schema as it stands in its file."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _record(record: Record) -> dict[str, Any]:
    schema: dict[str, Any] = {
        "$schema": _DRAFT,
        "title": record.name,
        "description": f"A row of {record.name}: {record.about}.",
        "type": "object",
        "properties": {column.name: _property(column) for column in record.columns},
        "required": list(record.required),
    }
    if record.either:
        schema["anyOf"] = [{"required": [name]} for name in record.either]
    if record.attributes:
        schema["additionalProperties"] = {"description": "kept as an attribute"}
    return schema


def _property(column: Column) -> dict[str, Any]:
    found = {"description": column.about, **_TYPES[column.type]}
    if column.type is Type.WHOLE:
        found |= {"minimum": column.least, "default": column.default}
    if not column.required and isinstance(found.get("type"), str):
        found["type"] = [found["type"], "null"]
    elif not column.required and "type" in found:
        found["type"] = [*found["type"], "null"]
    return found


def _truth() -> dict[str, Any]:
    return {
        "$schema": _DRAFT,
        "title": TRUTH,
        "description": "A row of truth: which actor runs an account. Read by evaluations only, never loaded.",
        "type": "object",
        "properties": {
            "account_id": {"description": "the account", **_ID},
            "actor_id": {"description": "the same actor_id: the same actor", **_ID},
        },
        "required": ["account_id", "actor_id"],
    }


def write(folder: Path) -> None:
    """Write every schema below a folder."""
    for name, document in documents().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(as_text(document))


if __name__ == "__main__":
    write(Path(sys.argv[1]))
