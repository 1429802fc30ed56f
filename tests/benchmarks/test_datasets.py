"""Stored data sets, with their mapping."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from benchmarks.datasets import Dataset, stored

Said = Callable[[Dataset], set[tuple[str, str, str]]]


def test_a_stored_data_set_is_read_with_the_mapping_of_its_name(tmp_path: Path, said: Said) -> None:
    folder = tmp_path / "chicago_ece_sites"
    folder.mkdir()
    (folder / "observations.csv").write_text(
        "account_id,kind,value,count\n1,org_name,Ellington,1\n1,email,2013-01-01,1\n"
    )
    (folder / "truth.csv").write_text("account_id,actor_id\n1,224\n")
    with stored(tmp_path) as found:
        (dataset,) = list(found)
        assert dataset.name == "chicago_ece_sites"
        assert [kind for _, kind, _ in said(dataset)] == ["organisation_name"]


def test_a_folder_without_data_sets_gives_none(tmp_path: Path) -> None:
    with stored(tmp_path / "nowhere") as found:
        assert list(found) == []
