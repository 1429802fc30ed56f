"""Publications by hand: what an engine would have found, and links and decisions as others publish them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from linkage.engine.resolve import Resolution
from linkage.identity import assign
from linkage.ledger import Ledger, results
from linkage.ledger.tables import TABLES
from linkage.model import Decision, End, Judgement, PublicationKind, Subject
from linkage.service.difference import Found
from linkage.service.publishing import publish
from linkage.service.resolving import Desk
from linkage.service.waiting import WaitingRoom

MERGE = {"round": 1, "left_size": 1, "right_size": 1, "posterior": 0.9, "evidence": "[]"}


@contextmanager
def nobody_else() -> Iterator[None]:
    """The lock of publishers where there is one publisher only."""
    yield


def desk_of(ledger: Ledger, folder: Path, gate: float | None = None) -> Desk:
    return Desk(ledger, nobody_else, WaitingRoom(folder / "waiting"), memory_limit="1GB", gate=gate)


def observe(ledger: Ledger, *letters: str) -> None:
    """Make subjects known: each letter an account with an e-mail address of its own."""
    rows = [
        {"subject_type": "account", "subject_id": one, "kind": "email", "value": f"{one}@example.com", "count": 1}
        for one in letters
    ]
    ledger.append("observations", pa.Table.from_pylist(rows, schema=TABLES["observations"].schema))


def decide(ledger: Ledger, left: str, right: str, judgement: str = "different") -> None:
    ends = (End.of(Subject.account(one)) for one in (left, right))
    told = Decision(*ends, Judgement(judgement), decided_at=datetime.now(UTC)).row
    ledger.append("decisions", pa.Table.from_pylist([told], schema=TABLES["decisions"].schema))


def found(
    ledger: Ledger,
    number: int,
    *parts: str,
    confidence: float = 0.9,
    model: str = "1",
    versions: Mapping[str, int] | None = None,
) -> Found:
    """What an engine would have found on the ledger as it is, or was: parts given by their members' letters."""
    rows: dict[str, list[dict[str, Any]]] = {
        name: [] for name in ("memberships", "evidence", "merges", "identifiers", "weakest")
    }
    for label, part in enumerate(parts):
        rows["memberships"] += [
            {"subject_type": "account", "subject_id": one, "label": label, "size": len(part), "confidence": confidence}
            for one in part
        ]
        if len(part) > 1:
            rows["evidence"].append(
                {"label": label, "kind": "device", "value": f"of {part}", "bits": 9.0, "members": 2}
            )
            rows["merges"] += [
                {"label": label, "left": f"account:{part[0]}", "right": f"account:{one}", "bits": 9.0,
                 **MERGE}
                for one in part[1:]
            ]  # fmt: skip
            rows["weakest"].append({"label": label, "weakest": '{"bits": 9.0}'})
            rows["identifiers"].append({"kind": "device", "value": f"of {part}", "holders": 2, "holder_clusters": 1})
    tables = {name: pa.Table.from_pylist(its, schema=_schema(name)) for name, its in rows.items()}
    now = datetime.now(UTC)
    return Found(f"rs_{number}", now, now, model, dict(versions or ledger.versions()), Resolution(**tables))


def _schema(name: str) -> pa.Schema:
    label = pa.field("label", pa.int64())
    if name == "weakest":
        return pa.schema([label, ("weakest", pa.string())])
    fields = [f for f in TABLES[name].schema if f.name not in {"publication_id", "cluster_id", "provisional"}]
    extra = [pa.field("size", pa.int64())] if name == "memberships" else []
    return pa.schema([*fields, *extra] if name == "identifiers" else [label, *fields, *extra])


def link(ledger: Ledger, publication_id: str, *parts: str, kind: PublicationKind = PublicationKind.LINK) -> None:
    """Publish where some subjects are now, whole clusters at a time: everybody not named stays."""
    now = held(ledger)
    concerned = {now[one] for part in parts for one in part if one in now}
    named = "".join(parts)
    assert {one for one, cluster in now.items() if cluster in concerned} <= set(named), "clusters are given whole"
    with views(ledger) as connection:
        connection.register("concerned", pa.table({"cluster_id": pa.array(sorted(concerned), pa.string())}))
        previous = connection.sql(f"FROM ({results.memberships_now()}) SEMI JOIN concerned USING (cluster_id)")
        clusters = connection.sql(f"FROM ({results.clusters_now()}) SEMI JOIN concerned USING (cluster_id)")
        current = found(ledger, 0, *parts).resolution.memberships
        published = assign(
            previous.to_arrow_table(), clusters.to_arrow_table(), current,
            publication_id=publication_id, at=datetime.now(UTC), provisional=True,
        )  # fmt: skip
    for name in ("memberships", "clusters", "lineage"):
        rows = getattr(published, name)
        if rows.num_rows:
            ledger.append(name, rows, batch_id=f"{publication_id}-{name}")
    ids = dict(zip(*(published.changed[name].to_pylist() for name in ("label", "cluster_id")), strict=True))
    moved = {row["subject_id"] for row in published.memberships.to_pylist()}
    evidence = [
        {
            "publication_id": publication_id,
            "cluster_id": ids[label],
            "kind": "phone",
            "value": f"of {part}",
            "bits": 5.0,
        }
        for label, part in enumerate(parts)
        if label in ids and moved & set(part)
    ]
    merges = [
        {"publication_id": publication_id, "cluster_id": ids[label], "left": f"account:{part[0]}",
         "right": f"account:{one}", "bits": 5.0,
         **MERGE}
        for label, part in enumerate(parts)
        if label in ids
        for one in part[1:]
        if one in moved or part[0] in moved
    ]  # fmt: skip
    for name, its in (("evidence", evidence), ("merges", merges)):
        if its:
            ledger.append(
                name, pa.Table.from_pylist(its, schema=TABLES[name].schema), batch_id=f"{publication_id}-{name}"
            )
    publish(ledger, publication_id, kind)


@contextmanager
def views(ledger: Ledger) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        ledger.snapshot().register(connection)
        yield connection


def rows_of(ledger: Ledger, sql: str) -> list[dict[str, Any]]:
    with views(ledger) as connection:
        rows: list[dict[str, Any]] = connection.sql(sql).to_arrow_table().to_pylist()
        return rows


def held(ledger: Ledger) -> dict[str, str]:
    """letter → cluster"""
    return {row["subject_id"]: row["cluster_id"] for row in rows_of(ledger, results.memberships_now())}


def provisional(ledger: Ledger) -> set[str]:
    return {row["subject_id"] for row in rows_of(ledger, results.memberships_now()) if row["provisional"]}


def parts_held(ledger: Ledger) -> dict[str, str]:
    """cluster → letters"""
    found: dict[str, str] = {}
    for one, cluster in sorted(held(ledger).items()):
        found[cluster] = found.get(cluster, "") + one
    return found


def partition(letters: Sequence[str], places: Sequence[int]) -> list[str]:
    """Parts from the number of each letter's place."""
    found: dict[int, str] = {}
    for letter, place in zip(letters, places, strict=True):
        found[place] = found.get(place, "") + letter
    return list(found.values())
