"""What the ledger remembers and the graph does not hold: usage over time, dendrograms, lineage."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import duckdb
import pyarrow as pa

from linkage.ledger import Ledger, results
from linkage.model import Merge

#: How a bucket of usage is called → what DuckDB's date_trunc calls it.
BUCKETS = {"hour": "hour", "day": "day", "week": "week", "month": "month"}


@contextmanager
def _views(ledger: Ledger, published: int | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """Views of the ledger; of its publications those up to a version, where one is given."""
    connection = duckdb.connect()
    try:
        snapshot = ledger.snapshot()
        if published is not None:
            snapshot = ledger.snapshot(snapshot.versions | {"publications": published})
        snapshot.register(connection)
        yield connection
    finally:
        connection.close()


def _rows(
    connection: duckdb.DuckDBPyConnection, sql: str, parameters: Sequence[object] | Mapping[str, object] = ()
) -> list[dict[str, Any]]:
    answer = connection.execute(sql, parameters if isinstance(parameters, Mapping) else list(parameters))
    names = [column[0] for column in answer.description or ()]
    return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]


def usage_of_cluster(
    ledger: Ledger, cluster_id: str, *, bucket: str = "day", published: int | None = None
) -> list[dict[str, Any]]:
    """Usage of a cluster's members over time: bucket start, model, accounts, requests and tokens.

    Of its members as of a version of the publications, where one is given, else of those it has now.
    """
    with _views(ledger, published) as connection:
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


def merges_of(ledger: Ledger, cluster_ids: Sequence[str], published: int | None = None) -> dict[str, list[Merge]]:
    """How live clusters came together: for each id its merges, in their order; other ids are left out.

    As of a version of the publications, where one is given.
    """
    found: dict[str, list[Merge]] = {}
    with _views(ledger, published) as connection:
        rows = _rows(
            connection,
            results.merges_now("cluster_id IN (SELECT unnest($ids))"),
            {"ids": list(cluster_ids)},
        )
    for row in rows:
        found.setdefault(row["cluster_id"], []).append(Merge.of(row))
    return found


def lineage_of(ledger: Ledger, cluster_ids: Sequence[str]) -> list[dict[str, Any]]:
    """What became of clusters, and how they came from others, oldest first."""
    with _views(ledger) as connection:
        return _rows(
            connection,
            f"SELECT * FROM ({results.lineage_now()}) WHERE cluster_id IN (SELECT unnest($1)) "
            "OR successor_id IN (SELECT unnest($1))",
            [list(cluster_ids)],
        )


def largest_clusters(ledger: Ledger, *, limit: int = 10) -> list[dict[str, Any]]:
    """The largest live clusters: id, accounts, confidence, tokens, weakest link (JSON), and what holds them together.

    `held_by` lists kind and number of identifiers, the kinds that bring the most bits first.
    """
    with _views(ledger) as connection:
        return _rows(
            connection,
            f"""
            WITH top AS (
                SELECT * FROM ({results.clusters_now()}) ORDER BY accounts DESC, cluster_id LIMIT ?
            ), used AS (
                SELECT m.cluster_id, sum(u.input_tokens + u.output_tokens)::BIGINT AS tokens
                FROM ({results.memberships_now()}) AS m SEMI JOIN top USING (cluster_id)
                JOIN usage AS u ON u.account_id = m.subject_id AND m.subject_type = 'account'
                GROUP BY ALL
            ), kinds AS (
                SELECT cluster_id, kind, count(*) AS identifiers, sum(bits) AS bits
                FROM ({results.evidence_now()}) WHERE bits > 0 GROUP BY ALL
            ), held AS (
                SELECT cluster_id, list((kind, identifiers) ORDER BY bits DESC) AS held_by
                FROM kinds SEMI JOIN top USING (cluster_id) GROUP BY ALL
            )
            SELECT top.cluster_id, accounts, confidence, weakest, coalesce(tokens, 0) AS tokens,
                   coalesce(held_by, []) AS held_by
            FROM top LEFT JOIN used USING (cluster_id) LEFT JOIN held USING (cluster_id)
            ORDER BY accounts DESC, top.cluster_id
            """,
            [limit],
        )


def clusters_of_accounts(ledger: Ledger) -> pa.Table:
    """Where every known account is: account_id, cluster_id (of its own where it is alone), size, confidence."""
    with _views(ledger) as connection:
        placed: pa.Table = connection.sql(
            f"""
            WITH everyone AS (
                SELECT account_id FROM accounts
                UNION SELECT subject_id FROM observations WHERE subject_type = 'account'
            ), placed AS (
                SELECT m.subject_id AS account_id, m.cluster_id, c.size, m.confidence
                FROM ({results.memberships_now()}) AS m JOIN ({results.clusters_now()}) AS c USING (cluster_id)
                WHERE m.subject_type = 'account'
            )
            SELECT account_id, coalesce(cluster_id, 'alone:' || account_id) AS cluster_id,
                   coalesce(size, 1) AS size, coalesce(confidence, 1.0) AS confidence
            FROM everyone LEFT JOIN placed USING (account_id) ORDER BY account_id
            """
        ).to_arrow_table()
        return placed
