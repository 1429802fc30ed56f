"""Facts older than their kind may be kept go from ledger and graph; what is left is as if they had never been said."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from linkage.graph.connection import Connection, Graph
from linkage.service import Service
from linkage.settings import Settings
from tests.service.test_erasing import together, traces
from tests.small_service import settings_for
from tests.small_world import link


@pytest.fixture
def settings(neo4j: Connection, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return settings_for(tmp_path_factory.mktemp("project"), neo4j, retention="device=90d, usage=30d")


@pytest.fixture
def service(settings: Settings, graph: Graph) -> Iterator[Service]:
    with Service.open(settings) as opened:
        yield opened


def test_what_is_overdue_goes_and_what_is_left_is_told_anew(service: Service, settings: Settings) -> None:
    now = datetime.now(UTC)
    old, young = (now - timedelta(days=200)).isoformat(), (now - timedelta(days=2)).isoformat()
    rows = [
        {"account_id": one, "kind": "device", "value": value, "last_seen": seen}
        for one, value, seen in (
            ("a", "device-ab-old", old),
            ("b", "device-ab-old", old),
            ("a", "device-ab-both", old),
            ("a", "device-ab-both", young),
            ("lone-zq", "device-zq", old),
        )
    ]
    rows += [{"account_id": "a", "kind": "ip", "value": "203.0.113.9", "last_seen": old}]
    service.record("observations", rows)
    hours = [old[:13] + ":00:00Z", young[:13] + ":00:00Z"]
    service.record("usage", [{"account_id": "a", "window_start": hour, "requests": 5} for hour in hours])
    service.record("usage", [{"account_id": "b", "window_start": hours[0], "requests": 5}])
    link(service, "abc")
    foreseen = {one.table: one.removed for one in service.preview_retention()}
    assert foreseen == {"observations": 4, "usage": 2}
    done = {one.table: one.removed for one in service.retain() if one.removed}
    assert done.items() >= foreseen.items()
    assert service.check_graph() == []
    assert service.ledger.verify(deep=True) == []
    assert traces(settings.data, ("device-ab-old", "device-zq", "lone-zq")) == []
    assert together(service) == {frozenset("abc")}
    requests = {
        row["id"]: row["n"] for row in service.graph.read("MATCH (a:Account) RETURN a.id AS id, a.requests AS n")
    }
    assert (requests["a"], requests["b"]) == (5, 0)
    assert "lone-zq" not in requests
    assert service.retain() == []
    service.resolve()
    assert together(service) == {frozenset("abc")}
