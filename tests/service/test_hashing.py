"""Kinds that are kept as keyed hashes: they link as ever and are found by their value, and nothing holds that value."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from linkage.graph.connection import Connection, Graph
from linkage.model import Subject
from linkage.normalise.hashing import is_hashed
from linkage.service import Service
from linkage.service.erasing import Wanted
from linkage.service.withdrawing import Order, Selection
from linkage.settings import Settings
from tests.projected_ledger import served
from tests.service.test_erasing import together, traces
from tests.small_service import settings_for
from tests.small_world import link

MARKS = ("ab@example.com", "bc@example.com", "rejected-zq")


@pytest.fixture
def settings(neo4j: Connection, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Settings:
    key = tmp_path / "hash.key"
    key.write_bytes(bytes(range(32)))
    key.chmod(0o600)
    folder = tmp_path_factory.mktemp("project")
    return settings_for(folder, neo4j, hashed_kinds="email, ip", hash_key_file=str(key))


@pytest.fixture
def service(settings: Settings, graph: Graph) -> Iterator[Service]:
    with Service.open(settings) as opened:
        yield opened


def test_hashed_kinds_link_are_found_however_they_are_spelt_and_are_nowhere_in_clear(
    service: Service, settings: Settings, tmp_path: Path
) -> None:
    link(service, "abc", "de")
    assert together(service) == {frozenset("abc"), frozenset("de")}
    # Rejected: about a hashed kind, of no known kind, and in a table of a shape of its own.
    service.record("observations", [{"account_id": "x", "kind": "email", "value": "rejected-zq"}])
    service.record("observations", [{"account_id": "x", "kind": "e mail!", "value": "rejected-zq"}])
    file = tmp_path / "observations.csv"
    file.write_text('account_id,kind,value\nx,email,rejected-zq\nx,"email,rejected-zq\n')
    assert service.load([file]).rejected
    assert service.replay().taken == 0
    assert traces(settings.data, MARKS) == []
    emails = [row["value"] for row in service.graph.read("MATCH (i:Identifier:Email) RETURN i.value AS value")]
    assert len(emails) == 3
    assert all(map(is_hashed, emails))
    assert service.check_graph() == []
    with served(settings) as api:
        asked = '{ identifier(kind: "email", value: %s) { value } search(text: %s) { edges { score } } }'
        found = api.data(asked % ((json.dumps(" AB@Example.com "),) * 2))
        assert found["identifier"]["value"] in emails
    order = Order(Selection(Subject.account("a"), "email", "AB@example.com"), True, "ann", "wrong")
    assert service.withdraw(order).observations == 1
    assert service.erase(Wanted(kind="email", value="BC@example.com")).tables
    assert service.record("observations", [{"account_id": "d", "kind": "email", "value": "DE@example.com"}]).duplicate
