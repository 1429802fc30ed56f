"""Resolving a ledger, without a graph: when it is needed, and what of it is published."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from linkage.engine import Model, Reference
from linkage.ledger import Ledger, results
from linkage.service import loading, resolving
from tests.publications import desk_of

MODEL = Model.load()


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """Three accounts behind one address."""
    (tmp_path / "data").mkdir()
    _observe(tmp_path, until="2026-03-01")
    ledger = Ledger(str(tmp_path / "ledger"))
    loading.load(ledger, [tmp_path / "data"])
    return ledger


def _observe(folder: Path, until: str) -> None:
    rows = [f"a{n},ip,203.0.113.7,2026-01-0{n + 1}T00:00:00Z,{until}T00:00:00Z" for n in range(3)]
    text = "\n".join(["account_id,kind,value,first_seen,last_seen", *rows])
    (folder / "data" / "observations.csv").write_text(f"{text}\n")


def _networks(folder: Path, rows: str) -> Reference:
    (folder / "networks.csv").write_text(f"network,class,name\n{rows}\n")
    return Reference.load(folder)


def _published(ledger: Ledger) -> dict[str, tuple[str, str]]:
    """Class and reason of each identifier as last published."""
    with duckdb.connect() as connection:
        ledger.snapshot().register(connection)
        rows = connection.sql(
            f"SELECT value, sharing_class, class_reason FROM ({results.identifiers_now()})"
        ).fetchall()
    return {value: (name, reason) for value, name, reason in rows}


def _resolve(ledger: Ledger, reference: Reference | None = None) -> None:
    resolving.resolve(desk_of(ledger, Path(ledger.place.url).parent), MODEL, reference)


def test_other_reference_files_are_a_reason_to_resolve_again(ledger: Ledger, tmp_path: Path) -> None:
    _resolve(ledger)
    assert not resolving.is_needed(ledger, MODEL)
    known = _networks(tmp_path, "203.0.113.0/24,vpn,ExampleVPN")
    assert resolving.is_needed(ledger, MODEL, known)
    _resolve(ledger, known)
    assert not resolving.is_needed(ledger, MODEL, known)
    assert _published(ledger) == {"203.0.113.7": ("vpn", "203.0.113.0/24 is in networks.csv as ExampleVPN; "
                                                  "−4.0 bits: known as VPN exit")}  # fmt: skip
    renamed = _networks(tmp_path, "203.0.113.0/24,vpn,OtherVPN")
    _resolve(ledger, renamed)
    assert "OtherVPN" in _published(ledger)["203.0.113.7"][1]


def test_figures_of_a_reason_that_move_alone_publish_nothing(ledger: Ledger, tmp_path: Path) -> None:
    _resolve(ledger)
    before = _published(ledger)
    assert before["203.0.113.7"] == ("home", "3 holders stay 58 days each")
    _observe(tmp_path, until="2026-03-05")
    assert loading.load(ledger, [tmp_path / "data"]).accepted == 3
    assert resolving.is_needed(ledger, MODEL)
    _resolve(ledger)
    assert _published(ledger) == before
