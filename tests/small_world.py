"""Rings of accounts whose clusters are plain to see: for tests of what people decide about them."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from linkage.graph.connection import Connection
from linkage.service import Service
from linkage.settings import Settings
from tests.small_service import settings_for


def link(service: Service, *rings: str) -> None:
    """Record, resolve and project what makes one cluster of each ring: neighbours share an address and a device. The
    accounts x, y and z stand alone."""
    rows = [
        {"account_id": account, "kind": kind, "value": value}
        for ring in rings
        for left, right in pairwise(ring)
        for account in (left, right)
        for kind, value in (("email", f"{left}{right}@example.com"), ("device", f"device-{left}{right}"))
    ]
    service.record("observations", rows)
    service.record("accounts", [{"account_id": one} for one in "xyz"])
    service.resolve()
    service.catch_up()


def linked_project(folder: Path, neo4j: Connection, *rings: str) -> Settings:
    """The settings of a project in that folder, whose clusters are these rings."""
    made = settings_for(folder, neo4j)
    with Service.open(made) as service:
        link(service, *rings)
    return made


def clusters(service: Service) -> set[str]:
    """The clusters as the ledger has them, which are those of the graph."""
    found: dict[str, str] = {}
    for row in service.clusters_of_accounts().to_pylist():
        found[row["cluster_id"]] = found.get(row["cluster_id"], "") + row["account_id"]
    service.catch_up()
    assert service.check_graph() == []
    return {"".join(sorted(members)) for members in found.values() if len(members) > 1}


def where(service: Service, account: str) -> str:
    """The cluster that an account is in."""
    found = {row["account_id"]: row["cluster_id"] for row in service.clusters_of_accounts().to_pylist()}
    return str(found[account])
