"""What people decide: into the ledger, and at once into the clusters concerned.

A decision is a fact: it is appended, never edited, and binds every resolution from then on. Until the next one, the
clusters of those it is about are made anew from their own merges (`replaying`) and published as provisional. Whoever
writes holds the lock of publishers, so that what is published is a difference to what holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from linkage.engine.decisions import decide_among
from linkage.engine.replay import replay
from linkage.errors import BadInput, CallerError, NotFound
from linkage.findings.changes import changes, sentence
from linkage.findings.words import listed
from linkage.identity import successors
from linkage.ledger import Ledger, Snapshot, results
from linkage.ledger.tables import DECISIONS, RETRACTIONS
from linkage.model import Decision, End, Judgement, Merge, PublicationKind, Subject
from linkage.model.decision import CLUSTER, PART, cluster_end, part_end
from linkage.service import history
from linkage.service.replaying import Bars, Plan, Touched, carry_out, opened, plan, standing, suppose, unnamed
from linkage.service.signing import check_signature, signature_faults

#: So many decisions in one call.
MOST = 500
#: So many subjects that the ends of one call stand for: each decision keeps its own.
MOST_SUBJECTS = 200_000
#: What a bare id of a cluster begins with.
_CLUSTER_ID = "cl_"


@dataclass(frozen=True, slots=True)
class Statement:
    """What somebody says: of two ends by name, `cl_…` and `cluster:cl_…` are clusters, a bare id is an account's."""

    left: str
    right: str
    judgement: Judgement
    author: str
    reason: str


@dataclass(frozen=True, slots=True)
class Recorded:
    """A decision of the ledger and how it stands.

    `counts`: it is the last word on its ends, and nobody took it back. `contradicts`: decisions that count too and that
    it cannot be reconciled with.
    """

    decision: Decision
    counts: bool = True
    retracted_at: datetime | None = None
    retracted_by: str | None = None
    retraction: str | None = None
    contradicts: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Stated:
    """A decision that is made: `repeated`, it stands already and is not written again; earlier decisions that stay and
    that it contradicts; and the one on the same ends that it takes the place of."""

    decision: Decision
    repeated: bool
    contradicts: Sequence[Decision]
    replaces: Decision | None


@dataclass(frozen=True, slots=True)
class Effect:
    """What a change of decisions does, or did, to clusters.

    `publication_id`: under which it was published; none where nothing was.
    """

    stated: Sequence[Stated]
    changes: Sequence[str]
    touched: Sequence[Touched]
    summary: str
    publication_id: str | None = None


# -- what callers ask ----------------------------------------------------------------------------------------


def preview(ledger: Ledger, statements: Sequence[Statement], *, bars: Bars) -> Effect:
    """What would happen now; writes nothing."""
    with opened(ledger) as (connection, snapshot):
        made = _read(connection, statements)
        return _unnamed(_weigh(connection, snapshot, made, bars)[1])


def decide(ledger: Ledger, statements: Sequence[Statement], *, bars: Bars) -> Effect:
    """Record decisions and apply them to the clusters concerned; what is said already is not written again."""
    with opened(ledger) as (connection, snapshot):
        made = _read(connection, statements)
        planned, effect = _weigh(connection, snapshot, made, bars)
    return _carry_out(ledger, planned, effect)


def preview_undoing(
    ledger: Ledger, cluster_id: str, sides: tuple[Subject, Subject], statement: Statement, *, bars: Bars
) -> Effect:
    """What undoing the merge that brought the two together would do now; writes nothing."""
    with opened(ledger) as (connection, snapshot):
        made = [_undoing(ledger, connection, cluster_id, sides, statement)]
        return _unnamed(_weigh(connection, snapshot, made, bars)[1])


def undo(
    ledger: Ledger, cluster_id: str, sides: tuple[Subject, Subject], statement: Statement, *, bars: Bars
) -> Effect:
    """Undo the merge that brought the two together: the parts that it joined are different from now on."""
    with opened(ledger) as (connection, snapshot):
        made = [_undoing(ledger, connection, cluster_id, sides, statement)]
        planned, effect = _weigh(connection, snapshot, made, bars)
    return _carry_out(ledger, planned, effect)


def preview_retraction(ledger: Ledger, decision_id: str, *, bars: Bars) -> Effect:
    """What taking a decision back would do now; writes nothing."""
    with opened(ledger) as (connection, snapshot):
        row = _retraction(decision_id, "", "")
        return _unnamed(_weigh_retraction(connection, snapshot, decision_id, row, bars)[1])


def retract(ledger: Ledger, decision_id: str, author: str, reason: str, *, bars: Bars) -> Effect:
    """Take a decision back; the one before it on the same ends counts again, if nobody took that back."""
    check_signature(author, reason)
    row = _retraction(decision_id, author, reason)
    with opened(ledger) as (connection, snapshot):
        known = connection.execute(f"SELECT 1 FROM {RETRACTIONS.name} WHERE decision_id = ?", [decision_id]).fetchone()
        planned, effect = _weigh_retraction(connection, snapshot, decision_id, row, bars)
    if not known:
        ledger.append("retractions", row)
    carry_out(ledger, planned, PublicationKind.DECISION)
    return replace(effect, publication_id=planned.publication_id if planned.rows else None)


def find(ledger: Ledger, *, about: str | None = None, only_contradicting: bool = False) -> list[Recorded]:
    """The decisions of the ledger, newest first: all, those about a subject or about a cluster and its members, those
    that contradict others as they stand."""
    with opened(ledger) as (connection, _):
        contradictions = contradicting(connection)
        where, parameters = _about(connection, about)
        rows = _rows(
            connection,
            f"""
            SELECT d.*, r.author AS retracted_by, r.reason AS retraction, r.retracted_at,
                   d.decision_id IN (SELECT decision_id FROM ({results.decisions_now()})) AS counts
            FROM decisions AS d LEFT JOIN ({results.retractions_now()}) AS r USING (decision_id)
            WHERE {where} ORDER BY d.decided_at DESC NULLS LAST, d.decision_id
            """,
            parameters,
        )
    found = [
        Recorded(
            Decision.of(row),
            row["counts"],
            row["retracted_at"],
            row["retracted_by"],
            row["retraction"],
            contradictions.get(row["decision_id"], ()),
        )
        for row in rows
    ]
    return [one for one in found if one.contradicts or not only_contradicting]


def contradictions(ledger: Ledger) -> dict[str, list[str]]:
    """The decisions that contradict each other as they stand: each with those that it cannot be reconciled with."""
    with opened(ledger) as (connection, _):
        return contradicting(connection)


def counting(ledger: Ledger, ids: Iterable[str]) -> set[str]:
    """Which of the decisions count."""
    with opened(ledger) as (connection, _):
        rows = connection.execute(
            f"SELECT decision_id FROM ({results.decisions_now()}) WHERE decision_id IN (SELECT unnest(?))", [list(ids)]
        ).fetchall()
    return {identity for (identity,) in rows}


# -- what they say -------------------------------------------------------------------------------------------


def _read(connection: duckdb.DuckDBPyConnection, statements: Sequence[Statement]) -> list[Decision]:
    """The statements as decisions with those that their ends stand for now; all that is wrong is told together."""
    if not 1 <= len(statements) <= MOST:
        raise BadInput(f"one call may hold 1 to {MOST} decisions")
    now = datetime.now(UTC)
    ends = _Ends.read(connection, [name for statement in statements for name in (statement.left, statement.right)])
    made: list[Decision] = []
    faults: list[CallerError] = []
    for number, statement in enumerate(statements):
        wrong = signature_faults(statement.author, statement.reason)
        faults += [BadInput(fault) for fault in wrong]
        try:
            left, right = ends.pair(statement.left, statement.right)
            # A microsecond apart, so that of two on the same ends the later one counts.
            said_at = now + timedelta(microseconds=number)
            if not wrong:
                made.append(_decision(left, right, statement, said_at))
        except CallerError as error:
            faults.append(error)
    if sum(len(one.subjects) for one in made) > MOST_SUBJECTS:
        faults.append(
            BadInput(
                f"the decisions of one call may be about {MOST_SUBJECTS:,} subjects, and these are about more",
                next_step="Name members in place of large clusters, or make several calls.",
            )
        )
    if len(faults) == 1:
        raise faults[0]
    if faults:
        raise BadInput("these decisions cannot be taken as they stand", details=[str(fault) for fault in faults])
    return made


def _decision(left: End, right: End, statement: Statement, at: datetime) -> Decision:
    return Decision(left, right, statement.judgement, statement.author.strip(), statement.reason.strip(), at)


@dataclass(frozen=True, slots=True)
class _Ends:
    """What the ends of some decisions stand for now: the members of clusters, and the subjects that are known."""

    connection: duckdb.DuckDBPyConnection
    clusters: Mapping[str, Sequence[Subject]]
    known: frozenset[Subject]

    @classmethod
    def read(cls, connection: duckdb.DuckDBPyConnection, names: Sequence[str]) -> _Ends:
        """Look all of them up at once."""
        wanted = {name.removeprefix(CLUSTER) for name in names if _is_cluster(name)}
        clusters: dict[str, list[Subject]] = {}
        if wanted:
            rows = connection.execute(
                f"SELECT cluster_id, subject_type || ':' || subject_id FROM ({results.memberships_now()}) "
                "WHERE cluster_id IN (SELECT unnest(?))",
                [list(wanted)],
            ).fetchall()
            for cluster_id, member in rows:
                clusters.setdefault(cluster_id, []).append(Subject.parse(member))
        subjects = {Subject.parse(name) for name in names if name and not _is_cluster(name)}
        return cls(connection, clusters, _known(connection, subjects))

    def pair(self, left: str, right: str) -> tuple[End, End]:
        """Two ends; a cluster stands for its members without those whom the other end is."""
        one, other = self._end(left), self._end(right)
        if one.name == other.name:
            raise BadInput(f"a decision is about two ends, and both are {one.name}")
        try:
            if one.grouped:
                one = one.without(other.members)
            elif other.grouped:
                other = other.without(one.members)
            Decision(one, other, Judgement.UNDECIDED)
        except ValueError as error:
            raise BadInput(str(error)) from error
        return one, other

    def _end(self, name: str) -> End:
        if not name:
            raise BadInput("an end of a decision needs a name")
        if _is_cluster(name):
            cluster_id = name.removeprefix(CLUSTER)
            if cluster_id not in self.clusters:
                raise self._no_cluster(cluster_id)
            return cluster_end(cluster_id, self.clusters[cluster_id])
        subject = Subject.parse(name)
        if subject not in self.known:
            raise NotFound(f"there is no {subject.type} {subject.id!r}", next_step="Check its id.")
        return End.of(subject)

    def _no_cluster(self, cluster_id: str) -> NotFound:
        """Why nobody is in a cluster: it ended, or there never was one."""
        lineage = self.connection.sql(results.lineage_now()).to_arrow_table()
        heirs = successors(lineage, cluster_id)
        if heirs:
            return NotFound(
                f"cluster {cluster_id} ended", next_step=f"It lives on in {listed(heirs)}: name one of these."
            )
        if cluster_id in lineage["cluster_id"].to_pylist():
            return NotFound(
                f"cluster {cluster_id} ended, and none of its members is in a cluster",
                next_step="Name the accounts themselves.",
            )
        return NotFound(f"there is no cluster {cluster_id!r}", next_step="Check its id.")


def _is_cluster(name: str) -> bool:
    return name.startswith((CLUSTER, _CLUSTER_ID))


def _known(connection: duckdb.DuckDBPyConnection, subjects: Iterable[Subject]) -> frozenset[Subject]:
    """Which of the subjects any fact or publication names; the small tables are asked first."""
    waiting, found = set(subjects), set[Subject]()
    typed = "SELECT subject_type, subject_id FROM {}"
    own = "SELECT 'account', account_id FROM {}"
    for rows in (
        typed.format("memberships"),
        own.format("accounts"),
        "SELECT 'organisation', organisation_id FROM accounts",
        "SELECT 'organisation', organisation_id FROM organisations",
        typed.format("observations"),
        own.format("usage"),
    ):
        if not waiting:
            break
        here = connection.execute(
            f"SELECT DISTINCT type || ':' || id FROM ({rows}) AS t(type, id) "
            "WHERE id IN (SELECT unnest($1)) AND type || ':' || id IN (SELECT unnest($2))",
            [[subject.id for subject in waiting], [str(subject) for subject in waiting]],
        ).fetchall()
        found |= {Subject.parse(text) for (text,) in here}
        waiting -= found
    return frozenset(found)


def _undoing(
    ledger: Ledger,
    connection: duckdb.DuckDBPyConnection,
    cluster_id: str,
    sides: tuple[Subject, Subject],
    statement: Statement,
) -> Decision:
    """The decision that undoes the merge that brought the two sides together."""
    check_signature(statement.author, statement.reason)
    parts = parts_of(history.merges_of(ledger, [cluster_id]).get(cluster_id, []), *sides)
    if parts is not None:
        ends = [part_end(cluster_id, side, members) for side, members in zip(sides, parts, strict=True)]
        return _decision(ends[0], ends[1], statement, datetime.now(UTC))
    names = [f"{PART}{cluster_id}:{side}" for side in sides]
    before = _on_same_ends(connection, [(names[0], names[1])])
    undone = next((said for said in before.values() if said.judgement is Judgement.DIFFERENT), None)
    if undone is not None:
        return _decision(undone.left, undone.right, statement, datetime.now(UTC))
    raise NotFound(
        f"no merge of cluster {cluster_id} brought {sides[0]} and {sides[1]} together",
        next_step=f"See its merges: linkage how {cluster_id}.",
    )


def parts_of(merges: Sequence[Merge], left: Subject, right: Subject) -> tuple[list[Subject], list[Subject]] | None:
    """The parts that were joined by the merge that brought two members together, as they were then; None: none did."""
    part: dict[Subject, list[Subject]] = {}
    for merge in merges:
        one, other = part.setdefault(merge.left, [merge.left]), part.setdefault(merge.right, [merge.right])
        if one is other:
            continue
        holding = (part.get(left), part.get(right))
        if holding[0] is one and holding[1] is other:
            return list(one), list(other)
        if holding[0] is other and holding[1] is one:
            return list(other), list(one)
        if len(one) < len(other):
            one, other = other, one
        one.extend(other)
        part.update(dict.fromkeys(other, one))
    return None


# -- what it does --------------------------------------------------------------------------------------------


def _weigh(
    connection: duckdb.DuckDBPyConnection, snapshot: Snapshot, made: Sequence[Decision], bars: Bars
) -> tuple[Plan, Effect]:
    """What decisions do to clusters, where they are new."""
    before = _on_same_ends(connection, [(one.left.name, one.right.name) for one in made])
    known = [before.get(_pair(one.left.name, one.right.name)) for one in made]
    told = [_repeats(one, there) for one, there in zip(made, known, strict=True)]
    said = [there if again and there else one for one, there, again in zip(made, known, told, strict=True)]
    new = [one for one, again in zip(made, told, strict=True) if not again]
    suppose(connection, snapshot, "decisions", _as_rows(new))
    subjects = [subject for one in said for subject in one.subjects]
    planned = plan(connection, snapshot, subjects, at=datetime.now(UTC), bars=bars)
    against = [_against(one.id, planned.contradicted) for one in said]
    decisions = _by_id(connection, {identity for ids in against for identity in ids})
    stated = [
        Stated(
            decision=one,
            repeated=again,
            contradicts=[decisions[identity] for identity in ids],
            replaces=there if not again else None,
        )
        for one, again, ids, there in zip(said, told, against, known, strict=True)
    ]
    clauses = changes(planned.flows)
    effect = Effect(stated, clauses, planned.touched, sentence(clauses) if clauses else _nothing(stated))
    return planned, effect


def _weigh_retraction(
    connection: duckdb.DuckDBPyConnection, snapshot: Snapshot, decision_id: str, row: pa.Table, bars: Bars
) -> tuple[Plan, Effect]:
    """What taking back a decision does to clusters; `row` is its retraction."""
    taken_back = _by_id(connection, [decision_id]).get(decision_id)
    if taken_back is None:
        raise NotFound(f"there is no decision {decision_id!r}", next_step="linkage decisions lists them.")
    suppose(connection, snapshot, "retractions", row)
    planned = plan(connection, snapshot, taken_back.subjects, at=datetime.now(UTC), bars=bars)
    clauses = changes(planned.flows)
    later = (
        "Nothing changes now: what the decision kept apart is not joined before the next resolution weighs it again."
        if taken_back.judgement is Judgement.DIFFERENT
        else "Nothing changes."
    )
    return planned, Effect((), clauses, planned.touched, sentence(clauses) if clauses else later)


def _carry_out(ledger: Ledger, planned: Plan, effect: Effect) -> Effect:
    new = [one.decision for one in effect.stated if not one.repeated]
    if new:
        ledger.append("decisions", _as_rows(new))
    carry_out(ledger, planned, PublicationKind.DECISION)
    return replace(effect, publication_id=planned.publication_id if planned.rows else None)


def _unnamed(effect: Effect) -> Effect:
    """The effect of what was not done."""
    return replace(effect, touched=unnamed(effect.touched))


def _nothing(stated: Sequence[Stated]) -> str:
    if all(one.repeated for one in stated):
        return "Nothing changes: it was said before."
    if len(stated) > 1:
        return "Nothing changes in clusters."
    (one,) = stated
    if one.contradicts and one.decision.judgement is Judgement.SAME:
        return f"Nothing changes: {_counted(len(one.contradicts))} that they are different."
    return {
        Judgement.SAME: "Nothing changes: they are in one cluster already.",
        Judgement.DIFFERENT: "Nothing changes now: no cluster holds both. They are kept apart from now on.",
        Judgement.UNDECIDED: "Nothing changes.",
    }[one.decision.judgement]


def _counted(decisions: int) -> str:
    return "an earlier decision says" if decisions == 1 else f"{decisions:,} earlier decisions say"


# -- decisions that are there --------------------------------------------------------------------------------


def contradicting(connection: duckdb.DuckDBPyConnection) -> dict[str, list[str]]:
    """Decisions that count, with those that count too and contradict them."""
    decided, subjects = decide_among(None, standing(connection))
    nothing = np.zeros(0, np.int32)
    found: dict[str, list[str]] = {}
    for number, others in replay(subjects, decided, nothing, nothing).contradictions.items():
        one = str(decided.told[number].id)
        for other in (str(decided.told[other].id) for other in others):
            found.setdefault(one, []).append(other)
            found.setdefault(other, []).append(one)
    return found


def _against(identity: str, contradicted: Mapping[str, Sequence[str]]) -> list[str]:
    """What a decision contradicts: those that forbid it, those that it forbids."""
    return [*contradicted.get(identity, ()), *(one for one, others in contradicted.items() if identity in others)]


def _repeats(one: Decision, there: Decision | None) -> bool:
    """Whether a decision that counts says the same, by the same person, for the same reason."""
    if there is None:
        return False
    sides = {(end.name, end.members) for end in (there.left, there.right)}
    return sides == {(end.name, end.members) for end in (one.left, one.right)} and (
        (there.judgement, there.author, there.reason) == (one.judgement, one.author, one.reason)
    )


def _on_same_ends(
    connection: duckdb.DuckDBPyConnection, pairs: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], Decision]:
    """The decisions that count on these pairs of ends."""
    names = [name for pair in pairs for name in pair]
    rows = _rows(
        connection,
        f'SELECT * FROM ({results.decisions_now()}) WHERE "left" IN (SELECT unnest($1)) '
        'AND "right" IN (SELECT unnest($1))',
        [names],
    )
    found = {_pair(row["left"], row["right"]): Decision.of(row) for row in rows}
    wanted = {_pair(*pair) for pair in pairs}
    return {pair: decision for pair, decision in found.items() if pair in wanted}


def _pair(left: str, right: str) -> tuple[str, str]:
    return (left, right) if left <= right else (right, left)


def _by_id(connection: duckdb.DuckDBPyConnection, ids: Iterable[str]) -> dict[str, Decision]:
    rows = _rows(connection, "SELECT * FROM decisions WHERE decision_id IN (SELECT unnest(?))", [list(ids)])
    return {row["decision_id"]: Decision.of(row) for row in rows}


def _about(connection: duckdb.DuckDBPyConnection, about: str | None) -> tuple[str, list[object]]:
    """The condition on decisions `d` that they are about a subject, or a cluster or any of its members now."""
    if about is None:
        return "true", []
    group = _is_cluster(about)
    cluster_id = about.removeprefix(CLUSTER) if group else ""
    if group:
        members = f"SELECT subject_type || ':' || subject_id FROM ({results.memberships_now()}) WHERE cluster_id = $2"
    else:
        members = "SELECT CAST($1 AS VARCHAR)"
    sides = " OR ".join(
        f'list_has_any(coalesce(from_json(d.{side}_members, \'["VARCHAR"]\'), [d."{side}"]), '
        f'(SELECT list(member) FROM ({members}) AS m(member))) OR d."{side}" = $1'
        for side in ("left", "right")
    )
    parameters: list[object] = [f"{CLUSTER}{cluster_id}", cluster_id] if group else [str(Subject.parse(about))]
    return sides, parameters


def _rows(connection: duckdb.DuckDBPyConnection, sql: str, parameters: Sequence[object]) -> list[dict[str, Any]]:
    answer = connection.execute(sql, list(parameters))
    names = [column[0] for column in answer.description or ()]
    return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]


def _as_rows(decisions: Sequence[Decision]) -> pa.Table:
    return pa.Table.from_pylist([decision.row for decision in decisions], schema=DECISIONS.schema)


def _retraction(decision_id: str, author: str, reason: str) -> pa.Table:
    row = {
        "decision_id": decision_id,
        "author": author.strip(),
        "reason": reason.strip(),
        "retracted_at": datetime.now(UTC),
    }
    return pa.Table.from_pylist([row], schema=RETRACTIONS.schema)
