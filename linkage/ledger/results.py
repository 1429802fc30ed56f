"""SQL texts for what holds now: the last word on every subject, cluster and identifier.

They read the views that `Snapshot.register` makes. A publication counts only once its row stands in `publications`,
which is written last: what an interrupted run left behind is never seen. Publications follow each other in the order
of their rows there; facts in the order in which the ledger took them.
"""

from __future__ import annotations

from linkage.ledger.parquet import columns, quoted
from linkage.ledger.stored import BATCH, ROW
from linkage.ledger.tables import (
    ACCOUNTS,
    CLUSTERS,
    DECISIONS,
    EVIDENCE,
    IDENTIFIERS,
    LINEAGE,
    MEMBERSHIPS,
    MERGES,
    OBSERVATIONS,
    ORGANISATIONS,
    PUBLICATIONS,
    RESOLUTIONS,
    RETRACTIONS,
    REVIEWS,
    WITHDRAWALS,
    LedgerTable,
)

#: The condition that leaves nothing out; another one narrows what is asked for by its key, before anything is ranked.
ALL = "true"


def accounts_now(only: str = ALL) -> str:
    """Accounts by their last row."""
    return _last_said(ACCOUNTS, "account_id", only)


def organisations_now(only: str = ALL) -> str:
    """Organisations by their last row."""
    return _last_said(ORGANISATIONS, "organisation_id", only)


def observations_now() -> str:
    """Observations without those that are withdrawn."""
    same = " AND ".join(f"o.{quoted(name)} IS NOT DISTINCT FROM w.{quoted(name)}" for name in OBSERVATIONS.schema.names)
    return (
        f"SELECT {columns(OBSERVATIONS.schema.names, 'o')} FROM {OBSERVATIONS.name}_rows AS o "
        f"WHERE NOT EXISTS (FROM ({withdrawn_now()}) AS w WHERE {same})"
    )


def withdrawn_now() -> str:
    """The observations that are withdrawn, and stay so whoever says them again; each with who said so last."""
    return f"FROM ({_last_said(WITHDRAWALS, columns(OBSERVATIONS.schema.names))}) WHERE withdrawn"


def decisions_now() -> str:
    """The last decision on every pair of ends that was not retracted, whichever of the two was named first.

    Last by when it was decided, since old files may be loaded after new ones. One without a time was decided when it
    was taken: after all that the ledger held of the pair by then.
    """
    left, right = quoted("left"), quoted("right")
    pair = f"least({left}, {right}), greatest({left}, {right})"
    held = f"max(decided_at) OVER (PARTITION BY {pair} ORDER BY {BATCH}, {ROW})"
    return (
        f"SELECT {columns(DECISIONS.schema.names)} "
        f"FROM (SELECT *, coalesce(decided_at, {held}) AS said FROM {DECISIONS.name}_rows) AS d "
        f"WHERE NOT EXISTS (FROM {RETRACTIONS.name} AS r WHERE r.decision_id = d.decision_id) "
        f"QUALIFY row_number() OVER (PARTITION BY {pair} ORDER BY said DESC NULLS LAST, {BATCH} DESC, {ROW} DESC) = 1"
    )


def retractions_now() -> str:
    """What took each decision back: the first that did."""
    return (
        f"SELECT {columns(RETRACTIONS.schema.names)} FROM {RETRACTIONS.name}_rows "
        f"QUALIFY row_number() OVER (PARTITION BY decision_id ORDER BY {BATCH}, {ROW}) = 1"
    )


def memberships_now(only: str = ALL) -> str:
    """Where every subject of a live cluster now is, and since which publication; `only`: of these subjects."""
    return _last_published(MEMBERSHIPS, "subject_type, subject_id", "cluster_id IS NOT NULL", only)


def clusters_now(only: str = ALL) -> str:
    """The live clusters, each as last published; `only`: of these."""
    return _last_published(CLUSTERS, "cluster_id", "size > 0", only)


def clusters_ever(only: str = ALL) -> str:
    """All clusters that ever were, each as last published, those that ended too (size 0)."""
    return _last_published(CLUSTERS, "cluster_id", "true", only)


def identifiers_now() -> str:
    """The identifiers that are shared, each as last published."""
    return _last_published(IDENTIFIERS, "kind, value", "holders > 1")


def evidence_now(only: str = ALL) -> str:
    """What holds the live clusters together: the evidence that was told since each was last told anew."""
    return _of_live_clusters(EVIDENCE, only)


def merges_now(only: str = ALL) -> str:
    """How the live clusters came together: the merges that were told since each was last told anew."""
    return _of_live_clusters(MERGES, only)


def lineage_now() -> str:
    """Everything that became of clusters, oldest first."""
    return (
        f"SELECT {columns(LINEAGE.schema.names, 'l')} FROM lineage_rows AS l "
        f"JOIN ({publications_in_order()}) AS p USING (publication_id) ORDER BY p.place, l.{BATCH}, l.{ROW}"
    )


def publications_in_order() -> str:
    """The publications with their place in time: publication_id, place."""
    return (
        f"SELECT publication_id, min(({BATCH}, {ROW})) AS place FROM {PUBLICATIONS.name}_rows GROUP BY publication_id"
    )


def last_resolution() -> str:
    """The row of the last published resolution; none where there was none."""
    return (
        f"SELECT {columns(RESOLUTIONS.schema.names, 'r')} FROM resolutions AS r "
        f"JOIN ({publications_in_order()}) AS p ON p.publication_id = r.resolution_id ORDER BY p.place DESC LIMIT 1"
    )


def last_reading() -> str:
    """The row of the resolution that read the facts last and came to an end: published, or given to a person."""
    return (
        f"SELECT {columns(RESOLUTIONS.schema.names)} FROM {RESOLUTIONS.name}_rows "
        f"WHERE resolution_id IN (SELECT publication_id FROM {PUBLICATIONS.name} UNION SELECT resolution_id "
        f"FROM {REVIEWS.name}) ORDER BY {BATCH} DESC, {ROW} DESC LIMIT 1"
    )


def reviews_now() -> str:
    """How each resolution stands that waited for a person."""
    return _last_said(REVIEWS, "resolution_id")


def _last_said(table: LedgerTable, key: str, only: str = ALL) -> str:
    return (
        f"SELECT {columns(table.schema.names)} FROM {table.name}_rows WHERE {only} "
        f"QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY {BATCH} DESC, {ROW} DESC) = 1"
    )


def _last_published(table: LedgerTable, key: str, alive: str, only: str = ALL) -> str:
    return (
        f"SELECT {columns(table.schema.names)} FROM (SELECT t.*, p.place FROM {table.name}_rows AS t "
        f"JOIN ({publications_in_order()}) AS p USING (publication_id) WHERE {only} "
        f"QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY p.place DESC, {BATCH} DESC, {ROW} DESC) = 1) "
        f"WHERE {alive}"
    )


def _of_live_clusters(table: LedgerTable, only: str) -> str:
    return (
        f"WITH published AS ({publications_in_order()}) "
        f"SELECT {columns(table.schema.names, 't')} FROM {table.name}_rows AS t "
        f"JOIN published AS p USING (publication_id) JOIN ({clusters_now(only)}) AS c USING (cluster_id) "
        f"JOIN published AS told ON told.publication_id = c.told_by "
        f"WHERE {only} AND p.place >= told.place ORDER BY p.place, t.{BATCH}, t.{ROW}"
    )
