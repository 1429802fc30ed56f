"""A ledger at an object store's URL does what one in a folder does, through the storage's own reads and writes."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from linkage.ledger import Appended, Ledger
from linkage.ledger import ledger as ledger_module
from linkage.ledger.place import Place
from linkage.ledger.store import store_files
from tests.ledger.facts import observations, values


class Store(Place):
    """A folder reached only as a store is: by URL, through the storage library."""

    def __init__(self, url: str) -> None:
        self.local = False
        self.url = url


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(ledger_module, "Place", Store)
    return (tmp_path / "ledger").as_uri()


def test_a_store_takes_and_gives_what_a_folder_does(url: str) -> None:
    ledger = Ledger(url)
    assert ledger.versions() == {}
    assert ledger.append("observations", observations([1, 2]), batch_id="b1") == Appended(2, 0, 1)
    assert Ledger(url).append("observations", observations([2, 3])) == Appended(1, 1, 2)
    assert ledger.append("observations", observations([9]), batch_id="b1").repeated
    assert values(ledger.snapshot().table("observations")) == ["v1", "v2", "v3"]
    for _ in range(2):
        rows = [[v for b in c.batches for v in b.column("value").to_pylist()] for c in ledger.changes("observations")]
        assert rows == [["v1", "v2"], ["v3"]]
        assert ledger.verify(deep=True) == []
        ledger.compact(retention_hours=0)
    assert ledger.append("observations", observations([1, 2, 3, 4])).duplicate == 3


def test_duckdb_reads_a_store_through_the_ledgers_own_storage(url: str) -> None:
    ledger = Ledger(url)
    ledger.append("observations", observations(range(10)))
    with duckdb.connect() as connection:
        for _ in range(2):
            ledger.snapshot().register(connection)
        assert connection.execute("SELECT count(*) FROM observations").fetchone() == (10,)


def test_files_are_found_by_their_urls(tmp_path: Path) -> None:
    (tmp_path / "a b.txt").write_text("x")
    files = store_files(tmp_path.as_uri())
    path = f"file://{tmp_path}/a b.txt"
    assert files.exists(path)
    assert files.cat_file(path) == b"x"
    assert files.glob(path) == [f"{tmp_path}/a b.txt"]
    assert files._strip_protocol([path]) == [f"{tmp_path}/a b.txt".strip("/")]
