"""A model as a file: only what differs, whole or not at all, and read back as it was."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from linkage.engine import Model, model_file
from linkage.engine.model import Curve
from linkage.engine.model_file import differences, write_model
from linkage.errors import BadInput


def changed() -> Model:
    """The shipped model with one purity, one curve more, and a name of its own."""
    model = Model.load()
    ip = model.kinds["ip"].model_copy(update={"purity": 0.123})
    curves = {**model.confidence.curves, "own": Curve(at=(0, 0.5, 1), bits=(2, 0, -1.25))}
    return model.model_copy(
        update={
            "version": "mine",
            "kinds": {**model.kinds, "ip": ip},
            "confidence": model.confidence.model_copy(update={"curves": curves}),
        }
    )


def test_a_model_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    write_model(changed(), tmp_path / "mine.toml", ["where it comes from", "", "and what # it is"])
    assert Model.load(tmp_path / "mine.toml") == changed()
    assert (tmp_path / "mine.toml").read_text().startswith("# where it comes from\n\n# and what # it is\n")


def test_only_what_differs_is_written(tmp_path: Path) -> None:
    write_model(changed(), tmp_path / "mine.toml", [])
    assert tomllib.loads((tmp_path / "mine.toml").read_text()) == {
        "version": "mine",
        "kinds": {"ip": {"purity": 0.123}},
        "confidence": {"curves": {"own": {"at": [0, 0.5, 1], "bits": [2, 0, -1.25]}}},
    }
    assert differences(Model.load(), Model.load()) == {}


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("as it was")

    def full(_: object) -> str:
        raise OSError("no space")

    monkeypatch.setattr(model_file.tomlkit, "dumps", full)
    with pytest.raises(OSError, match="no space"):
        write_model(changed(), path, [])
    assert path.read_text() == "as it was"
    assert [found.name for found in tmp_path.iterdir()] == ["mine.toml"]


@pytest.mark.parametrize("place", [".", "none/mine.toml"])
def test_a_place_for_no_file_is_told(tmp_path: Path, place: str) -> None:
    with pytest.raises(BadInput):
        write_model(changed(), tmp_path / place, [])
