"""A subject, or an identifier, erased: from the ledger in all of its files, from the graph, from what lies beside them.

First the clusters of those concerned are made anew without it, as with a withdrawal, and published: whoever stays keeps
cluster and history. Then the files of the ledger are written anew, the graph forgets, and what old versions held is
removed. What is to be erased is written down before anything is touched and goes last: an erasure that was cut off is
taken up again from its beginning, and what was done already is done to nothing.

Loading the same files again brings nothing back: the ledger still knows that it took them. Said anew, in another file
or call, it is a new fact.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from linkage.engine import steps
from linkage.errors import BadInput, NotFound
from linkage.graph.forgetting import Forgotten
from linkage.ledger import Ledger, Snapshot
from linkage.ledger.erasure import Erased, concerned
from linkage.ledger.parquet import columns
from linkage.ledger.stored import BATCH, ROW
from linkage.ledger.tables import DECISIONS, OBSERVATIONS, WITHDRAWALS
from linkage.model import End, PublicationKind, Subject
from linkage.normalise import Context, kind_of
from linkage.normalise.text import show_all
from linkage.service.erased import Erasure, edits
from linkage.service.replaying import Bars, carry_out, opened, plan, suppose

#: What is left of it where Neo4j is not ours, and where somebody uses ours.
LEFT_EXTERNAL = (
    "Neo4j's own files: the nodes are deleted, but store files and transaction logs may hold their bytes until they "
    "are written over. Rotate and prune the transaction logs (db.checkpoint, db.tx_log.rotation.retention_policy), "
    "copy the store without what is unused (neo4j-admin database copy), and remove older backups and dumps."
)
LEFT_MANAGED = (
    "The files of the managed Neo4j, which somebody uses: the nodes are deleted, and the files are emptied when it is "
    "next started. Restart the service (and `linkage neo4j stop` where it was started by hand)."
)
#: What nobody can reach from here.
OUTSIDE = (
    "Copies that were given out before are outside: files of `linkage resolve --out`, printed or exported answers, "
    "backups of the data folder, the files that were loaded. Look for it there."
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be erased: a subject, or an identifier with whoever used it (however it is spelt)."""

    subject: Subject | None = None
    kind: str | None = None
    value: str | None = None

    def __post_init__(self) -> None:
        whole = self.kind is not None and self.value is not None
        if (self.subject is None) != whole or (self.kind is None) != (self.value is None):
            raise BadInput("an erasure is of a subject, or of an identifier by its kind and value")


@dataclass(frozen=True, slots=True)
class Erasing:
    """What an erasure does, or would do: rows by table; `left`: where something is left that we cannot reach."""

    erasure_id: str | None
    tables: Sequence[Erased]
    left: Sequence[str] = ()


def find(ledger: Ledger, wanted: Wanted, *, context: Context) -> Erasure:
    """What goes: the subject with the identifiers that nobody else used, or the identifier."""
    erasure_id = f"er_{secrets.token_hex(16)}"
    with duckdb.connect() as connection:
        ledger.snapshot().register(connection)
        connection.execute(f"CREATE TEMP VIEW used AS {steps.all_observations()}")
        if wanted.subject is None:
            assert wanted.kind is not None and wanted.value is not None  # noqa: S101 - seen to by Wanted
            kind = kind_of(wanted.kind)
            value = kind.normalise(wanted.value, context) or wanted.value
            pair = (kind.name, value)
            return Erasure(erasure_id, (), (pair,), tuple(sorted({value, *_spellings(connection, [pair])})))
        subject = wanted.subject
        pairs = connection.execute(
            "SELECT kind, value FROM used GROUP BY ALL "
            "HAVING bool_and(subject_type = $1 AND subject_id = $2) ORDER BY ALL",
            [subject.type.value, subject.id],
        ).fetchall()
        # What is masked for nobody names nobody.
        telling = [(kind, value) for kind, value in pairs if kind_of(kind).mask is not show_all]
        texts = {subject.id, *(value for _, value in telling), *_spellings(connection, telling)}
        texts.update(_names(connection, subject))
    return Erasure(erasure_id, (str(subject),), tuple(pairs), tuple(sorted(texts)))


def _spellings(connection: duckdb.DuckDBPyConnection, pairs: Sequence[tuple[str, str]]) -> list[str]:
    """How values were written where they came from."""
    wanted = pa.table({"kind": [kind for kind, _ in pairs], "value": [value for _, value in pairs]}) if pairs else None
    if wanted is None:
        return []
    connection.register("wanted", wanted)
    found = connection.execute(
        "SELECT DISTINCT raw FROM observations SEMI JOIN wanted USING (kind, value) WHERE raw IS NOT NULL"
    ).fetchall()
    return [text.strip() for (text,) in found]


def _names(connection: duckdb.DuckDBPyConnection, subject: Subject) -> list[str]:
    """What a subject is called and nobody else is."""
    table, name = {"account": ("accounts", "display_name"), "organisation": ("organisations", "name")}[subject.type]
    found = connection.execute(
        f"SELECT {name} FROM {table} WHERE {name} IS NOT NULL GROUP BY 1 HAVING bool_and({subject.type.value}_id = $1)",
        [subject.id],
    ).fetchall()
    return [text for (text,) in found]


def preview(ledger: Ledger, erasure: Erasure) -> list[Erased]:
    """How many rows of each table would go or say less; writes nothing."""
    snapshot = ledger.snapshot()
    found = []
    for table, edit in edits(erasure).items():
        with duckdb.connect() as connection:
            snapshot.register(connection)
            found.append(concerned(connection, table, snapshot.sql(table), edit))
    return [one for one in found if one.removed or one.changed]


def leave(ledger: Ledger, erasure: Erasure, *, bars: Bars) -> None:
    """Publish the clusters of those concerned as they are without it; call it alone among publishers."""
    going = [Subject.parse(text) for text in erasure.subjects]
    with opened(ledger) as (connection, snapshot):
        rows = _withdrawn(connection, erasure)
        suppose(connection, snapshot, "withdrawals", rows)
        _suppose_decisions(connection, snapshot, erasure)
        pairs = zip(rows["subject_type"].to_pylist(), rows["subject_id"].to_pylist(), strict=True)
        subjects = sorted({*going, *(Subject.parse(f"{type_}:{identity}") for type_, identity in pairs)})
        planned = plan(connection, snapshot, subjects, at=datetime.now(UTC), bars=bars, leaving=going)
    carry_out(ledger, planned, PublicationKind.WITHDRAWAL)


def _withdrawn(connection: duckdb.DuckDBPyConnection, erasure: Erasure) -> pa.Table:
    """The observations that go, as if they were withdrawn."""
    edit = edits(erasure)["observations"]
    for name, rows in edit.lists.items():
        connection.register(name, rows)
    names = columns(OBSERVATIONS.schema.names, "t")
    found = connection.sql(
        f"SELECT {names}, true, NULL::VARCHAR, NULL::VARCHAR, NULL::TIMESTAMPTZ FROM observations AS t "
        f"WHERE {edit.condition}"
    ).to_arrow_table()
    made: pa.Table = found.rename_columns(WITHDRAWALS.schema.names).cast(WITHDRAWALS.schema)
    return made


def _suppose_decisions(connection: duckdb.DuckDBPyConnection, snapshot: Snapshot, erasure: Erasure) -> None:
    """Let the views of decisions hold them as they are without it."""
    change = edits(erasure)["decisions"].change
    stored = connection.sql(f"FROM {snapshot.sql('decisions', stored=True)}").to_arrow_table()
    kept = [new for row in stored.to_pylist() if (new := change(row)) is not None]
    connection.register("decisions_left", pa.Table.from_pylist(kept, schema=stored.schema))
    names = columns(DECISIONS.schema.names)
    connection.execute(
        f"CREATE OR REPLACE TEMP VIEW decisions_rows AS SELECT {names}, {BATCH}, {ROW} FROM decisions_left"
    )
    connection.execute(f"CREATE OR REPLACE TEMP VIEW decisions AS SELECT {names} FROM decisions_rows")


@dataclass(frozen=True, slots=True)
class Named:
    """What the ledger names before it is erased: decisions that go (`lost`), those that stay and say less (`told`), and
    subjects, by type and id, that are perhaps named nowhere else."""

    lost: Sequence[str]
    told: Sequence[str]
    subjects: frozenset[tuple[str, str]]


def named(ledger: Ledger, erasure: Erasure) -> Named:
    """What is named now that may be named no more."""
    changes = edits(erasure)
    snapshot = ledger.snapshot()
    rows = snapshot.table("decisions").to_pylist()
    after = [(row, changes["decisions"].change(row)) for row in rows]
    lost = [row for row, new in after if new is None]
    subjects = {(end.type.value, end.id) for row in lost for side in ("left", "right") for end in _members(row, side)}
    with duckdb.connect() as connection:
        snapshot.register(connection)
        for table, edit in changes.items():
            for name, listed in edit.lists.items():
                connection.register(name, listed)
            column = _NAMING.get(table)
            if column is not None:
                sql = f"SELECT DISTINCT {column} FROM {table} AS t WHERE {edit.condition}"
                subjects.update((type_, identity) for type_, identity in connection.execute(sql).fetchall() if identity)
    told = [row["decision_id"] for row, new in after if new is not None and new != row]
    return Named([row["decision_id"] for row in lost], told, frozenset(subjects))


#: Table → the subjects that its rows name, besides what they are about.
_NAMING = {"observations": "subject_type, subject_id", "accounts": "'organisation', organisation_id"}


def _members(row: dict[str, Any], side: str) -> tuple[Subject, ...]:
    return End.read(row[side], row[f"{side}_members"]).members


#: Every subject that the ledger names, as the graph has them.
_KNOWN = """
    SELECT subject_type, subject_id FROM observations UNION SELECT subject_type, subject_id FROM memberships
    UNION SELECT 'account', account_id FROM accounts UNION SELECT 'account', account_id FROM usage
    UNION SELECT 'organisation', organisation_id FROM accounts UNION SELECT 'organisation', organisation_id
    FROM organisations
    UNION SELECT split_part(member, ':', 1), substr(member, strpos(member, ':') + 1) FROM (
        SELECT unnest(coalesce(from_json(left_members, '["VARCHAR"]'), ["left"])
                      || coalesce(from_json(right_members, '["VARCHAR"]'), ["right"])) AS member FROM decisions)
"""


def unknown(ledger: Ledger, subjects: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Which of some subjects the ledger does not name any more."""
    with duckdb.connect() as connection:
        ledger.snapshot().register(connection)
        known = set(connection.execute(_KNOWN).fetchall())
    return sorted(set(subjects) - known)


def forgotten(ledger: Ledger, erasure: Erasure, before: Named) -> Forgotten:
    """What the graph is to forget, once the ledger has."""
    snapshot = ledger.snapshot()
    told = {table: _of_decisions(snapshot.table(table), before.told) for table in ("decisions", "retractions")}
    going = {(subject.type.value, subject.id) for subject in map(Subject.parse, erasure.subjects)}
    lists = edits(erasure)["decisions"].lists
    texts = {str(text) for name in ("gone_texts", "gone_parts") for text in lists[name]["text"].to_pylist()}
    return Forgotten(
        subjects=sorted({*going, *unknown(ledger, before.subjects)}),
        identifiers=erasure.identifiers,
        lost=before.lost,
        texts=sorted(texts),
        sentence=erasure.document,
        **told,
    )


def _of_decisions(rows: pa.Table, ids: Sequence[str]) -> pa.Table:
    return rows.filter(pc.is_in(rows["decision_id"], value_set=pa.array(ids, pa.string())))


def demand(found: Sequence[Erased], wanted: Wanted) -> None:
    """Raise `NotFound` where there is nothing to erase."""
    if not found:
        what = wanted.subject or wanted.kind
        raise NotFound(f"nothing is held of that {what}" if wanted.subject is None else f"nothing is held of {what}")


@dataclass(frozen=True, slots=True)
class Desk:
    """The folder of erasures that are under way, one file each, readable by its owner only."""

    folder: Path

    def begin(self, erasure: Erasure) -> None:
        """Write down what is to be erased, on disk when this returns."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = self.folder / f".{erasure.erasure_id}"
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(erasure.written())
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self.folder / f"{erasure.erasure_id}.json")
        self._settle()

    def under_way(self) -> Iterator[Erasure]:
        """The erasures that did not come to their end, the drafts of those that never began left out."""
        for path in sorted(self.folder.glob("er_*.json")):
            yield Erasure.read(path.read_text())

    def end(self, erasure: Erasure) -> None:
        """It is through: forget what it was of."""
        (self.folder / f"{erasure.erasure_id}.json").unlink(missing_ok=True)
        for draft in self.folder.glob(".er_*"):
            draft.unlink(missing_ok=True)
        self._settle()

    def _settle(self) -> None:
        descriptor = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
