"""Lineage: what became of clusters, so that every id that was ever issued leads to what lives.

    born      a new id; members: its size
    grew      it kept its id and only gained members        shrank   … only lost members        changed   … both
    split     members of it are now in another cluster (successor_id); members: how many
    merged    it ended, and every member that is in a cluster is in one and the same (successor_id)
    retired   it ended, and no member of it is in a cluster

A cluster that ends has `merged`, `split` or `retired` rows and nothing else in that resolution; one that lives on
while parts of it leave has `shrank` or `changed` beside its `split` rows. Ids are never issued again, so the way
from an id to its successors cannot come back to it.
"""

from __future__ import annotations

import pyarrow as pa

#: An id with one of these in its last resolution is alive.
LIVING = frozenset({"born", "grew", "shrank", "changed"})


def events() -> str:
    """SQL of the lineage rows.

    Reads `run` (one row: publication_id, at) and `flows` (old, now, members: how many went from where to where; null
    means being alone). `now` is the id that the new cluster was given.
    """
    return """
    WITH before AS (SELECT old AS id, sum(members) AS size FROM flows WHERE old IS NOT NULL GROUP BY old),
    after AS (SELECT now AS id, sum(members) AS size FROM flows WHERE now IS NOT NULL GROUP BY now),
    stayed AS (SELECT old AS id, members FROM flows WHERE old = now),
    kept AS (
        SELECT id, after.size, after.size - coalesce(stayed.members, 0) AS gained,
               before.size - coalesce(stayed.members, 0) AS lost
        FROM before JOIN after USING (id) LEFT JOIN stayed USING (id)
    ),
    moved AS (SELECT old, now, members FROM flows WHERE old IS NOT NULL AND now IS NOT NULL AND old <> now),
    ended AS (
        SELECT id, (SELECT count(*) FROM moved WHERE moved.old = before.id) AS heirs
        FROM before ANTI JOIN after USING (id)
    ),
    happened AS (
        SELECT 'born' AS event, id AS cluster_id, NULL AS successor_id, size AS members
        FROM after ANTI JOIN before USING (id)
        UNION ALL
        SELECT CASE WHEN lost = 0 THEN 'grew' WHEN gained = 0 THEN 'shrank' ELSE 'changed' END, id, NULL, size
        FROM kept WHERE gained > 0 OR lost > 0
        UNION ALL
        SELECT CASE WHEN ended.heirs = 1 THEN 'merged' ELSE 'split' END, old, now, members
        FROM moved LEFT JOIN ended ON ended.id = moved.old
        UNION ALL
        SELECT 'retired', id, NULL, 0 FROM ended WHERE heirs = 0
    )
    SELECT publication_id, "at", event, cluster_id, successor_id, members FROM happened, run
    ORDER BY cluster_id, event, successor_id
    """


def successors(lineage: pa.Table, cluster_id: str) -> list[str]:
    """Return the live ids that an id leads to: itself while it lives, its successors' successors once it ended.

    `lineage` has the columns of the ledger's table, its rows in the order of the publications.
    Empty where all members are alone now, and for an id that was never issued. Sorted.
    """
    last: dict[str, tuple[str, list[tuple[str, str | None]]]] = {}
    names = ("cluster_id", "publication_id", "event", "successor_id")
    for former, resolution, event, successor in zip(*(lineage.column(n).to_pylist() for n in names), strict=True):
        if former not in last or last[former][0] != resolution:
            last[former] = (resolution, [])
        last[former][1].append((event, successor))
    alive: set[str] = set()
    visited: set[str] = set()
    waiting = [cluster_id]
    while waiting:
        current = waiting.pop()
        if current in visited or current not in last:
            continue
        visited.add(current)
        happened = last[current][1]
        if any(event in LIVING for event, _ in happened):
            alive.add(current)
        else:
            waiting.extend(successor for _, successor in happened if successor is not None)
    return sorted(alive)
