"""The tables of the ledger: their columns are the contract between the stages.

Facts are written once and never changed. A fact is its content: the same row said twice is one fact, so
loading a file again adds nothing. What is published is appended as differences, under the id of the publication, and
counts only once the row of that publication stands in `publications`, which is written last.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

TEXT = pa.string()
WHOLE = pa.int64()
REAL = pa.float64()
TIME = pa.timestamp("us", tz="UTC")
FLAG = pa.bool_()


@dataclass(frozen=True, slots=True)
class LedgerTable:
    """A table of the ledger: its name, its columns, and what it holds."""

    name: str
    about: str
    schema: pa.Schema


def _table(name: str, about: str, /, **columns: pa.DataType) -> LedgerTable:
    return LedgerTable(name, about, pa.schema(list(columns.items())))


_OBSERVED: dict[str, pa.DataType] = {
    "subject_type": TEXT,
    "subject_id": TEXT,
    "kind": TEXT,
    "value": TEXT,
    "raw": TEXT,
    "first_seen": TIME,
    "last_seen": TIME,
    "count": WHOLE,
    "source": TEXT,
}
OBSERVATIONS = _table(
    "observations",
    "subject × identifier: who used which value, when, how often; `raw` only where it differs from `value`",
    **_OBSERVED,
)
USAGE = _table(
    "usage",
    "requests and tokens of an account in an hour, per model and endpoint",
    account_id=TEXT,
    window_start=TIME,
    model=TEXT,
    endpoint=TEXT,
    requests=WHOLE,
    input_tokens=WHOLE,
    output_tokens=WHOLE,
)
ACCOUNTS = _table(
    "accounts",
    "accounts as the provider describes them; the last row of an account counts; attributes as a JSON object",
    account_id=TEXT,
    created_at=TIME,
    status=TEXT,
    organisation_id=TEXT,
    country=TEXT,
    plan=TEXT,
    display_name=TEXT,
    attributes=TEXT,
)
ORGANISATIONS = _table(
    "organisations",
    "organisations as the provider describes them; the last row counts; attributes as a JSON object",
    organisation_id=TEXT,
    name=TEXT,
    domain=TEXT,
    country=TEXT,
    registration_number=TEXT,
    attributes=TEXT,
)
DECISIONS = _table(
    "decisions",
    "what people said of two ends: `account:ID`, `organisation:ID`, or a group, `cluster:ID` or `part:ID:MEMBER`, with "
    "the members that it had then as a JSON list; the id is a hash of the rest",
    decision_id=TEXT,
    left=TEXT,
    right=TEXT,
    left_members=TEXT,
    right_members=TEXT,
    judgement=TEXT,
    author=TEXT,
    reason=TEXT,
    decided_at=TIME,
)
RETRACTIONS = _table(
    "retractions",
    "decisions that were taken back; the one before it on the same ends counts again",
    decision_id=TEXT,
    author=TEXT,
    reason=TEXT,
    retracted_at=TIME,
)
WITHDRAWALS = _table(
    "withdrawals",
    "observations that are taken back (`withdrawn`), or count again: of one observation, all columns equal, the last "
    "row counts",
    **_OBSERVED,
    withdrawn=FLAG,
    author=TEXT,
    reason=TEXT,
    said_at=TIME,
)
REJECTIONS = _table(
    "rejections",
    "rows that were not taken, with place and reason; `raw` as a JSON object, card numbers masked",
    rejection_id=TEXT,
    batch_id=TEXT,
    record=TEXT,
    file=TEXT,
    line=WHOLE,
    column=TEXT,
    code=TEXT,
    reason=TEXT,
    raw=TEXT,
    mapping=TEXT,
    rejected_at=TIME,
)
REPLAYS = _table(
    "replays",
    "rejections that were taken after all, by `linkage rejections replay`",
    rejection_id=TEXT,
    replayed_at=TIME,
)
RESOLUTIONS = _table(
    "resolutions",
    "one row a finished run of the engine; `versions` (table → ledger version read) and `summary` are JSON; it holds "
    "once `publications` names it",
    resolution_id=TEXT,
    started_at=TIME,
    finished_at=TIME,
    model_version=TEXT,
    versions=TEXT,
    summary=TEXT,
)
REVIEWS = _table(
    "reviews",
    "how a resolution stands that waits for a person: waiting, approved, refused, overtaken; the last row counts",
    resolution_id=TEXT,
    state=TEXT,
    author=TEXT,
    reason=TEXT,
    at=TIME,
)
PUBLICATIONS = _table(
    "publications",
    "one row a change to what is published, written last: a resolution, a fact linked since, a decision or a "
    "withdrawal applied",
    publication_id=TEXT,
    kind=TEXT,
    at=TIME,
)
MEMBERSHIPS = _table(
    "memberships",
    "difference of a publication: where a subject now is; a null cluster_id: it left and is alone. `provisional`: not "
    "yet seen by a resolution",
    publication_id=TEXT,
    subject_type=TEXT,
    subject_id=TEXT,
    cluster_id=TEXT,
    confidence=REAL,
    provisional=FLAG,
)
CLUSTERS = _table(
    "clusters",
    "difference of a publication: clusters born or changed; size 0: ended. `weakest` is a JSON object; `told_by` is "
    "the publication from which on evidence and merges of the cluster hold",
    publication_id=TEXT,
    cluster_id=TEXT,
    size=WHOLE,
    accounts=WHOLE,
    organisations=WHOLE,
    confidence=REAL,
    created_at=TIME,
    weakest=TEXT,
    told_by=TEXT,
)
LINEAGE = _table(
    "lineage",
    "what became of clusters: born, grew, shrank, changed, merged, split, retired; an ended or split id names each "
    "successor",
    publication_id=TEXT,
    at=TIME,
    event=TEXT,
    cluster_id=TEXT,
    successor_id=TEXT,
    members=WHOLE,
)
EVIDENCE = _table(
    "evidence",
    "what holds the clusters born or changed together: identifiers with their bits, as counted at the merge",
    publication_id=TEXT,
    cluster_id=TEXT,
    kind=TEXT,
    value=TEXT,
    bits=REAL,
    full_bits=REAL,
    members=WHOLE,
    holders=WHOLE,
    holder_clusters=WHOLE,
    reason=TEXT,
)
MERGES = _table(
    "merges",
    "the dendrogram of the clusters born or changed: left and right parts by one member each, in merge order",
    publication_id=TEXT,
    cluster_id=TEXT,
    round=WHOLE,
    left=TEXT,
    right=TEXT,
    left_size=WHOLE,
    right_size=WHOLE,
    bits=REAL,
    posterior=REAL,
    evidence=TEXT,
)
IDENTIFIERS = _table(
    "identifiers",
    "difference of a publication: shared identifiers with their holders in subjects and in clusters, and their class",
    publication_id=TEXT,
    kind=TEXT,
    value=TEXT,
    holders=WHOLE,
    holder_clusters=WHOLE,
    sharing_class=TEXT,
    class_bits=REAL,
    class_reason=TEXT,
)

#: What the provider and its people said: the source of truth.
FACTS = (OBSERVATIONS, USAGE, ACCOUNTS, ORGANISATIONS, DECISIONS, RETRACTIONS, WITHDRAWALS)
#: What was refused.
REFUSED = (REJECTIONS, REPLAYS)
#: What was published; `publications` last.
RESULTS = (MEMBERSHIPS, CLUSTERS, LINEAGE, EVIDENCE, MERGES, IDENTIFIERS, RESOLUTIONS, REVIEWS, PUBLICATIONS)

TABLES: dict[str, LedgerTable] = {table.name: table for table in (*FACTS, *REFUSED, *RESULTS)}

#: Tables in which a later row overrules an earlier one: their order is kept exactly, see `linkage.ledger.stored`.
ORDERED = frozenset(TABLES) - {"observations", "usage", "rejections", "replays", "evidence", "merges", "lineage"}

#: Columns with few different texts: written as dictionaries.
FEW_TEXTS = frozenset(
    {
        "subject_type",
        "kind",
        "source",
        "model",
        "endpoint",
        "status",
        "country",
        "plan",
        "judgement",
        "state",
        "author",
        "record",
        "file",
        "code",
        "column",
        "mapping",
        "batch_id",
        "resolution_id",
        "publication_id",
        "told_by",
        "model_version",
        "event",
        "sharing_class",
    }
)
