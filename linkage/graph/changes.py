"""What became of clusters as rows of the feed: numbered for ever, each with the evidence that brought members in.

The number of a change is made of the version of its publication in the ledger and of its place inside, which follows
from the rows alone: whoever projects the publication again gives the same numbers. Inside a publication ids are born
before anything is said to lead to them.
"""

from __future__ import annotations

import duckdb
import pyarrow as pa

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


def change_rows(tables: dict[str, pa.Table], version: int) -> pa.Table:
    """The changes of one publication, in their order. Reads publications, lineage, memberships, evidence, merges."""
    with duckdb.connect() as connection:
        for name in ("publications", "lineage", "memberships", "evidence", "merges"):
            connection.register(name, tables[name])
        rows: pa.Table = connection.sql(_numbered(version * SPAN)).to_arrow_table()
        return rows


def _numbered(first: int) -> str:
    events = ", ".join(f"'{event}'" for event in EVENTS)
    gathering = ", ".join(f"'{event}'" for event in GATHERING)
    return f"""
    WITH {_causes()}
    SELECT {first} + row_number() OVER (
               ORDER BY list_position([{events}], event), l.cluster_id, successor_id NULLS FIRST) AS number,
           event, l.cluster_id, successor_id, members, p.publication_id, p.kind,
           CASE WHEN event IN ({gathering}) THEN c.evidence END AS evidence
    FROM lineage AS l JOIN publications AS p USING (publication_id)
    LEFT JOIN causes AS c ON c.cluster_id = coalesce(l.successor_id, l.cluster_id)
    ORDER BY number
    """


def _causes() -> str:
    """For each cluster the strongest identifiers of the merges of those who came; without any, of the whole cluster."""
    piece = """'[{"kind": "VARCHAR", "value": "VARCHAR", "bits": "DOUBLE"}]'"""
    return f"""
    newcomers AS (
        SELECT subject_type || ':' || subject_id AS subject, cluster_id FROM memberships
        SEMI JOIN (SELECT coalesce(successor_id, cluster_id) AS cluster_id FROM lineage
                   WHERE event IN ('grew', 'changed', 'merged')) AS l USING (cluster_id)
    ),
    bringing AS (
        SELECT DISTINCT m.cluster_id, m.evidence FROM merges AS m JOIN newcomers AS n
          ON n.cluster_id = m.cluster_id AND (n.subject = m."left" OR n.subject = m."right")
    ),
    brought AS (
        SELECT cluster_id, unnest(from_json(evidence, {piece}), recursive := true) FROM bringing
    ),
    pieces AS (
        SELECT cluster_id, kind, value, max(bits) AS bits FROM brought WHERE value <> '' AND bits > 0 GROUP BY ALL
        UNION ALL
        SELECT cluster_id, kind, value, bits FROM evidence ANTI JOIN brought USING (cluster_id) WHERE bits > 0
    ),
    strongest AS (
        FROM pieces QUALIFY row_number() OVER (PARTITION BY cluster_id ORDER BY bits DESC, kind, value) <= {NAMED}
    ),
    causes AS (
        SELECT cluster_id, CAST(to_json(list({{'kind': kind, 'value': value, 'bits': round(bits, 2)}}
                                             ORDER BY bits DESC, kind, value)) AS VARCHAR) AS evidence
        FROM strongest GROUP BY cluster_id
    )
    """
