"""A model as a file: what differs from the shipped one, with a comment on top that says where it comes from."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.items import Table

from linkage.engine.model import Model
from linkage.errors import BadInput


def differences(model: Model, shipped: Model) -> dict[str, Any]:
    """The numbers of a model that are not those of the shipped one, in its shape; `Model.load` puts them back."""
    return _differing(model.model_dump(mode="json"), shipped.model_dump(mode="json"))


def check_place(path: Path) -> None:
    """Raise BadInput where no file can be written to `path`: better before long work than after it."""
    if path.is_dir():
        raise BadInput(f"{path} is a folder.", next_step="Name the file to write.")
    if not path.parent.is_dir():
        raise BadInput(f"There is no folder {path.parent}.", next_step="Make it, or name another file.")


def write_model(model: Model, path: Path, provenance: Sequence[str]) -> None:
    """Write what differs from the shipped model, whole or not at all; raises BadInput as `check_place` does.

    `provenance` are the lines of the comment on top.
    """
    document = tomlkit.document()
    for line in provenance:
        document.add(tomlkit.comment(line) if line else tomlkit.nl())
    document.add(tomlkit.nl())
    for name, value in {"version": model.version, **differences(model, Model.load())}.items():
        document.add(name, _table(value) if isinstance(value, dict) else tomlkit.item(value))
    check_place(path)
    handle, draft = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(tomlkit.dumps(document))
        Path(draft).chmod(0o644)
        Path(draft).replace(path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise


def _differing(mine: dict[str, Any], base: dict[str, Any]) -> dict[str, Any]:
    found = {}
    for name, value in mine.items():
        old = base.get(name)
        if value == old:
            continue
        found[name] = _differing(value, old) if isinstance(value, dict) and isinstance(old, dict) else value
    return found


def _table(values: dict[str, Any]) -> Table:
    """Tables of tables stand under a heading each; a row of numbers stands on its line."""
    table = tomlkit.table(is_super_table=all(isinstance(value, dict) for value in values.values()))
    for name, value in values.items():
        table.add(name, _table(value) if isinstance(value, dict) else tomlkit.item(value))
    return table
