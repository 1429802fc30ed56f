"""What the ledger remembers and the graph does not hold: usage over time, dendrograms, lineage, past resolutions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import duckdb

from linkage.ledger import Ledger, results

#: How a bucket of usage is called → what DuckDB's date_trunc calls it.
BUCKETS = {"hour": "hour", "day": "day", "week": "week", "month": "month"}


@contextmanager
def _views(ledger: Ledger) -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect()
    try:
        ledger.snapshot().register(connection)
        yield connection
    finally:
        connection.close()


def _rows(connection: duckdb.DuckDBPyConnection, sql: str, parameters: Sequence[object] = ()) -> list[dict[str, Any]]:
    answer = connection.execute(sql, list(parameters))
    names = [column[0] for column in answer.description or ()]
    return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]


def usage_of_cluster(ledger: Ledger, cluster_id: str, *, bucket: str = "day") -> list[dict[str, Any]]:
    """Usage of a cluster's present members over time: bucket start, model, accounts, requests and tokens."""
    with _views(ledger) as connection:
        return _rows(
            connection,
            f"""
            SELECT date_trunc('{BUCKETS[bucket]}', window_start) AS start, model,
                   count(DISTINCT account_id) AS accounts, sum(requests)::BIGINT AS requests,
                   sum(input_tokens)::BIGINT AS input_tokens, sum(output_tokens)::BIGINT AS output_tokens
            FROM usage
            WHERE account_id IN (
                SELECT subject_id FROM ({results.memberships_now()})
                WHERE cluster_id = ? AND subject_type = 'account')
            GROUP BY ALL ORDER BY ALL
            """,
            [cluster_id],
        )


def merges_of(ledger: Ledger, cluster_id: str) -> list[dict[str, Any]]:
    """How a live cluster came together, in merge order; `evidence` is a JSON list."""
    with _views(ledger) as connection:
        return _rows(connection, f"SELECT * FROM ({results.merges_now()}) WHERE cluster_id = ?", [cluster_id])


def lineage_of(ledger: Ledger, cluster_ids: Sequence[str]) -> list[dict[str, Any]]:
    """What became of clusters, and how they came from others, oldest first."""
    with _views(ledger) as connection:
        return _rows(
            connection,
            f"SELECT * FROM ({results.lineage_now()}) WHERE cluster_id IN (SELECT unnest($1)) "
            "OR successor_id IN (SELECT unnest($1))",
            [list(cluster_ids)],
        )


def resolutions(ledger: Ledger, *, limit: int = 100) -> list[dict[str, Any]]:
    """The finished resolutions, newest first; `versions` and `summary` are JSON objects."""
    with _views(ledger) as connection:
        return _rows(connection, "SELECT * FROM resolutions ORDER BY finished_at DESC LIMIT ?", [limit])
