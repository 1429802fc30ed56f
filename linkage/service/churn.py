"""How much of a resolution's change nobody told: memberships of subjects that the ledger knew before.

Two figures. `share` is what the gate looks at: of the subjects that were known at the last resolution and are in a
cluster before or after, the share whose place changes. `churn` is narrower: accounts whose place changes although
nothing new was said of them or of anybody in the clusters that they leave and come to.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from linkage.ledger import Ledger

#: Tables of facts → the subjects that their rows speak of, as SQL of (subject_type, subject_id).
SUBJECTS = {
    "observations": ("subject_type, subject_id",),
    "withdrawals": ("subject_type, subject_id",),
    "accounts": ("'account', account_id", "'organisation', organisation_id"),
    "organisations": ("'organisation', organisation_id",),
    "usage": ("'account', account_id",),
    "decisions": tuple(
        f"split_part({end}, ':', 1), substr({end}, strpos({end}, ':') + 1)" for end in ('"left"', '"right"')
    ),
}


@dataclass(frozen=True, slots=True)
class Background:
    """The subjects that were known at the last resolution, and those of whom anything was said since."""

    known: pa.Table
    news: pa.Table


def background(ledger: Ledger, versions: str | None) -> Background | None:
    """Read it from the facts; `versions` are those that the last resolution read, as JSON. None: there was none."""
    if versions is None:
        return None
    read: dict[str, int] = json.loads(versions)
    with duckdb.connect() as connection:
        ledger.place.attach(connection)
        known = connection.sql(_known(ledger, read)).to_arrow_table()
        _gather_news(ledger, connection, read)
        return Background(known, connection.sql("SELECT DISTINCT * FROM news").to_arrow_table())


def changes_of_known(connection: duckdb.DuckDBPyConnection, before: Background | None) -> dict[str, Any]:
    """The figures. Reads `moved` (subject_type, subject_id, before, after), `held`, `placed` and `named_labels` of the
    connection."""
    if before is None:
        return {"known": 0, "clustered": 0, "share": 0.0, "churned": 0, "churn": 0.0}
    connection.register("known", before.known)
    connection.register("news", before.news)
    connection.execute(
        """
        CREATE TEMP TABLE clustered AS
        SELECT subject_type, subject_id FROM (
            SELECT subject_type, subject_id FROM held
            UNION SELECT p.subject_type, p.subject_id FROM placed AS p JOIN named_labels USING (label)
        ) SEMI JOIN known USING (subject_type, subject_id)
        """
    )
    connection.execute("CREATE TEMP TABLE known_moved AS FROM moved SEMI JOIN known USING (subject_type, subject_id)")
    known = _one(connection, "SELECT count(*) FROM known_moved")
    clustered = _one(connection, "SELECT count(*) FROM clustered")
    accounts = _one(connection, "SELECT count(*) FROM clustered WHERE subject_type = 'account'")
    churned = _one(connection, _churned()) if known else 0
    return {
        "known": known,
        "clustered": clustered,
        "share": round(known / clustered, 6) if clustered else 0.0,
        "churned": churned,
        "churn": round(churned / accounts, 6) if accounts else 0.0,
    }


def _known(ledger: Ledger, read: dict[str, int]) -> str:
    """Every subject that the facts of the last resolution spoke of."""
    snapshot = ledger.snapshot({name: version for name, version in read.items() if name in SUBJECTS})
    texts = [
        f"SELECT {subject} FROM {snapshot.sql(table)}"
        for table, subjects in SUBJECTS.items()
        for subject in subjects
        if table != "decisions"
    ]
    return f"SELECT DISTINCT * FROM ({' UNION ALL '.join(texts)}) AS t (subject_type, subject_id)"


def _gather_news(ledger: Ledger, connection: duckdb.DuckDBPyConnection, read: dict[str, int]) -> None:
    """`news`: the subjects of whom anything was said since."""
    connection.execute("CREATE TEMP TABLE news (subject_type VARCHAR, subject_id VARCHAR)")
    for table, subjects in SUBJECTS.items():
        said = ledger.appended_since(table, read.get(table))
        for subject in subjects if said is not None else ():
            connection.execute(f"INSERT INTO news SELECT DISTINCT {subject} FROM {said}")


def _churned() -> str:
    """Known accounts that move though nothing new was said of them, nor of anybody where they leave and come."""
    return """
    WITH stirred AS (
        SELECT h.cluster_id FROM held AS h SEMI JOIN news USING (subject_type, subject_id)
        UNION
        SELECT l.cluster_id FROM placed AS p SEMI JOIN news USING (subject_type, subject_id)
        JOIN named_labels AS l USING (label)
    )
    SELECT count(*) FROM known_moved AS m ANTI JOIN news USING (subject_type, subject_id)
    WHERE subject_type = 'account' AND (before IS NULL OR before NOT IN (FROM stirred))
      AND (after IS NULL OR after NOT IN (FROM stirred))
    """


def _one(connection: duckdb.DuckDBPyConnection, sql: str) -> int:
    return int(connection.execute(sql).fetchall()[0][0])
