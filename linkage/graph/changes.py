"""What became of clusters as rows of the feed: numbered for ever, each with the evidence that brought members in.

The number of a change is made of the version of its publication in the ledger and of its place inside, which follows
from the rows alone: whoever projects the publication again gives the same numbers. Inside a publication ids are born
before anything is said to lead to them.

Most publications are a handful of rows, so nothing is set up that takes longer than these; a resolution's million is
sorted by Arrow, and only what causes its changes becomes Python objects.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

#: Numbers that one publication may use.
SPAN = 10**9
#: So many identifiers are named as the cause of a change.
NAMED = 3
#: The order inside a publication.
EVENTS = ("born", "grew", "shrank", "changed", "split", "merged", "retired")
#: Events in which members come in, so that evidence can be their cause.
GATHERING = ("born", "grew", "changed", "merged")

COLUMNS = (
    "number",
    "event",
    "cluster_id",
    "successor_id",
    "members",
    "publication_id",
    "kind",
    "evidence",
)


#: Events whose cause is what brought those in who came, and not all that holds the cluster together.
JOINING = ("grew", "changed", "merged")

#: (kind, value) → bits, of one cluster.
Pieces = dict[tuple[str, str], float]


def change_rows(tables: Mapping[str, pa.Table], version: int) -> pa.Table:
    """The changes of one publication, in their order. Reads publications, lineage, memberships, evidence, merges."""
    kinds = dict(zip(*_texts(tables["publications"], "publication_id", "kind"), strict=True))
    rows = _in_order(tables["lineage"])
    rows = rows.filter(pc.is_in(rows["publication_id"], value_set=pa.array(kinds, pa.string())))
    causes = _causes(tables)
    events, clusters, successors, publications = _texts(rows, "event", "cluster_id", "successor_id", "publication_id")
    evidence = [
        causes.get(successor or cluster) if event in GATHERING else None
        for event, cluster, successor in zip(events, clusters, successors, strict=True)
    ]
    first = version * SPAN + 1
    number = pa.array(np.arange(first, first + rows.num_rows), pa.int64())
    told = [pa.array(map(kinds.__getitem__, publications), pa.string()), pa.array(evidence, pa.string())]
    same = [rows[name] for name in ("event", "cluster_id", "successor_id", "members", "publication_id")]
    return pa.table([number, *same, *told], names=list(COLUMNS))


def _texts(rows: pa.Table, *names: str) -> list[list[Any]]:
    return [rows[name].to_pylist() for name in names]


def _in_order(lineage: pa.Table) -> pa.Table:
    place = pc.index_in(lineage["event"], value_set=pa.array(EVENTS))
    placed = lineage.append_column("place", place)
    # Nulls would come last.
    successors = pa.array([identity or "" for identity in lineage["successor_id"].to_pylist()], pa.string())
    placed = placed.append_column("successor", successors)
    return placed.sort_by([("place", "ascending"), ("cluster_id", "ascending"), ("successor", "ascending")])


def _causes(tables: Mapping[str, pa.Table]) -> dict[str, str]:
    """For each cluster the strongest identifiers of the merges of those who came; without any, of the whole cluster."""
    brought = _brought(tables["merges"], _newcomers(tables["lineage"], tables["memberships"]))
    strongest = {
        cluster: sorted(((-bits, kind, value) for (kind, value), bits in pieces.items()))[:NAMED]
        for cluster, pieces in brought.items()
    }
    for cluster, kind, value, bits in _strongest(tables["evidence"], brought):
        strongest.setdefault(cluster, []).append((-bits, kind, value))
    return {cluster: _told(pieces) for cluster, pieces in strongest.items() if pieces}


def _newcomers(lineage: pa.Table, memberships: pa.Table) -> set[tuple[str, str]]:
    """Cluster and subject (`account:ID`) of those who came to clusters that others were in."""
    joining = lineage.filter(pc.is_in(lineage["event"], value_set=pa.array(JOINING)))
    joined = pc.coalesce(joining["successor_id"], joining["cluster_id"])
    came = memberships.filter(pc.is_in(memberships["cluster_id"], value_set=joined))
    columns = _texts(came, "cluster_id", "subject_type", "subject_id")
    return {(cluster, f"{type_}:{identity}") for cluster, type_, identity in zip(*columns, strict=True)}


def _brought(merges: pa.Table, newcomers: Collection[tuple[str, str]]) -> dict[str, Pieces]:
    """By cluster what spoke for the merges of its newcomers, each piece at its most bits."""
    found: dict[str, Pieces] = {}
    clusters = pa.array({cluster for cluster, _ in newcomers}, pa.string())
    merges = merges.filter(pc.is_in(merges["cluster_id"], value_set=clusters))
    for cluster, left, right, evidence in zip(*_texts(merges, "cluster_id", "left", "right", "evidence"), strict=True):
        if evidence is None or ((cluster, left) not in newcomers and (cluster, right) not in newcomers):
            continue
        for piece in json.loads(evidence) or ():
            pieces = found.setdefault(cluster, {})
            pair, bits = (piece.get("kind"), piece.get("value")), piece.get("bits") or 0.0
            if pair[1] and bits > 0:
                pieces[pair] = max(float(bits), pieces.get(pair, 0.0))
    return found


def _strongest(evidence: pa.Table, without: Collection[str]) -> Iterator[tuple[str, str, str, float]]:
    """Cluster, kind, value and bits of what holds clusters together most, strongest first, but for some clusters."""
    rows = evidence.filter(pc.greater(evidence["bits"], pa.scalar(0.0)))
    rows = rows.filter(pc.invert(pc.is_in(rows["cluster_id"], value_set=pa.array(without, pa.string()))))
    rows = rows.sort_by(
        [("cluster_id", "ascending"), ("bits", "descending"), ("kind", "ascending"), ("value", "ascending")]
    )
    cluster = pc.rank(rows["cluster_id"], tiebreaker="min").to_numpy()
    rows = rows.filter(pa.array(np.arange(1, len(cluster) + 1) - cluster < NAMED))
    yield from zip(*_texts(rows, "cluster_id", "kind", "value", "bits"), strict=True)


def _told(pieces: list[tuple[float, str, str]]) -> str:
    named = [{"kind": kind, "value": value, "bits": _rounded(-bits)} for bits, kind, value in pieces]
    return json.dumps(named, ensure_ascii=False, separators=(",", ":"))


def _rounded(bits: float) -> float:
    """Two digits, halves up."""
    return math.floor(100 * bits + 0.5) / 100
