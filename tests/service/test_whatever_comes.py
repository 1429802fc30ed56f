"""Whatever is said, withdrawn, decided, taken back, resolved and restarted, in whatever order: what readers are told
holds together, and after a resolution it is what one resolution of the facts that count would say."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from linkage.engine import Facts, resolve
from linkage.errors import CallerError, NotFound
from linkage.graph.connection import Connection, Graph
from linkage.identity import successors
from linkage.ledger import results
from linkage.ledger.tables import DECISIONS, LINEAGE, TABLES
from linkage.model import Decision, Judgement, Subject
from linkage.service import Service
from linkage.service.deciding import Statement
from linkage.service.withdrawing import Order, Selection
from linkage.settings import Settings
from tests.small_service import settings_for

ACCOUNTS = "abcdefgh"
ORGANISATIONS = ("o1", "o2")
KINDS = ("device", "email", "phone", "ip")
VALUES = {
    "device": ("device-01-0123456789", "device-02-0123456789", "device-03-0123456789"),
    "email": ("one@example.com", "two@example.com"),
    "phone": ("+4930901820", "+4930901821"),
    "ip": ("198.51.100.7", "203.0.113.9"),
}
DAY = datetime(2026, 6, 1, tzinfo=UTC)
EVENTS = {"born", "grew", "shrank", "changed", "merged", "split", "retired"}

Parts = frozenset[frozenset[str]]

#: what is enough to link who has it
RING = frozenset({("device", "device-01-0123456789"), ("email", "one@example.com"), ("phone", "+4930901820")})

account = st.sampled_from(ACCOUNTS)
kind = st.sampled_from((None, *KINDS))
uses = st.sets(st.sampled_from([(kind, value) for kind in KINDS for value in VALUES[kind]]), min_size=1, max_size=3)
STEP = st.one_of(
    st.tuples(st.just("record"), st.sets(account, min_size=1, max_size=4), uses),
    st.tuples(st.just("record"), st.sets(account, min_size=2, max_size=3), st.just(RING)),
    st.tuples(st.just("describe"), account, st.integers(0, 3), st.sampled_from((None, *ORGANISATIONS))),
    st.tuples(st.just("found"), st.sampled_from(ORGANISATIONS), st.booleans()),
    st.tuples(st.just("work"), st.sets(account, min_size=1, max_size=4), st.integers(0, 40), st.integers(1, 90)),
    st.tuples(st.just("withdraw"), account, kind),
    st.tuples(st.just("reinstate"), account, kind),
    st.tuples(st.just("decide"), account, account, st.sampled_from(list(Judgement)), st.booleans()),
    st.tuples(st.just("retract"), st.integers(0, 5)),
    st.tuples(st.just("resolve")),
    st.tuples(st.just("restart")),
)


class Story:
    """A project that things happen to, and beside it, kept apart from the ledger, what was said and counts."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.open = ExitStack()
        self.service = self.open.enter_context(Service.open(settings))
        self.said: list[dict[str, Any]] = []
        self.withdrawn: list[dict[str, Any]] = []
        self.described: dict[str, dict[str, Any]] = {}
        self.founded: dict[str, dict[str, Any]] = {}
        self.worked: list[dict[str, Any]] = []
        self.decisions: list[Decision] = []
        self.retracted: set[str] = set()
        self.issued: set[str] = set()

    # -- what happens

    def record(self, accounts: Iterable[str], uses: Iterable[tuple[str, str]]) -> None:
        for who in sorted(accounts):
            for kind, value in sorted(uses):
                row = {"account_id": who, "kind": kind, "value": value, "first_seen": DAY, "last_seen": DAY}
                if row not in self.said:
                    self.said.append(row)
        given = [row for row in self.said if row["account_id"] in accounts and (row["kind"], row["value"]) in uses]
        self.service.record(
            "observations", [{**row, "first_seen": _text(DAY), "last_seen": _text(DAY)} for row in given]
        )

    def describe(self, who: str, day: int, organisation: str | None) -> None:
        """Say of an account when it was opened and by whom, or that it was another time and somebody else."""
        opened, row = DAY + timedelta(days=day), {"account_id": who, "organisation_id": organisation}
        self.described[who] = {**row, "created_at": opened}
        self.service.record("accounts", [{**row, "created_at": _text(opened)}])

    def found(self, organisation: str, is_open: bool) -> None:
        """Say of an organisation whether anybody may join it."""
        self.founded[organisation] = {"organisation_id": organisation, "attributes": json.dumps({"open": is_open})}
        self.service.record("organisations", [{"organisation_id": organisation, "open": is_open}])

    def work(self, accounts: Iterable[str], hour: int, requests: int) -> None:
        """Let accounts work in the same hour."""
        for who in sorted(accounts):
            start, row = DAY + timedelta(hours=hour), {"account_id": who, "requests": requests}
            if {**row, "window_start": start} not in self.worked:
                self.worked.append({**row, "window_start": start})
            self.service.record("usage", [{**row, "window_start": _text(start)}])

    def withdraw(self, who: str, kind: str | None) -> None:
        wanted = [row for row in self.counting() if _is_of(row, who, kind)]
        self._order(who, kind, withdrawn=True, expected=len(wanted))
        self.withdrawn += wanted

    def reinstate(self, who: str, kind: str | None) -> None:
        wanted = [row for row in self.withdrawn if _is_of(row, who, kind)]
        self._order(who, kind, withdrawn=False, expected=len(wanted))
        self.withdrawn = [row for row in self.withdrawn if row not in wanted]

    def _order(self, who: str, kind: str | None, *, withdrawn: bool, expected: int) -> None:
        order = Order(Selection(Subject.account(who), kind), withdrawn, "ann", "looked again")
        if expected:
            assert self.service.withdraw(order).observations == expected
        else:
            with pytest.raises(NotFound):
                self.service.withdraw(order)

    def decide(self, one: str, other: str, judgement: Judgement, whole: bool) -> None:
        """Decide on two accounts, or on the cluster of the first and the other account."""
        left = self.held().get(one, one) if whole else one
        try:
            effect = self.service.decide([Statement(left, other, judgement, "ann", f"{len(self.decisions)}")])
        except CallerError:  # the two are one, or nobody ever named them
            return
        self.decisions += [stated.decision for stated in effect.stated]

    def retract(self, number: int) -> None:
        if number < len(self.decisions):
            identity = self.decisions[-1 - number].id
            self.service.retract(identity, author="ann", reason="a slip")
            self.retracted.add(identity)

    def resolve(self) -> None:
        self.service.resolve(gate=False)

    def restart(self) -> None:
        self.open.close()
        self.service = self.open.enter_context(Service.open(self.settings))

    # -- what counts, by what was said here

    def counting(self) -> list[dict[str, Any]]:
        return [row for row in self.said if row not in self.withdrawn]

    def standing(self) -> list[Decision]:
        """The last decision on every pair of ends that nobody took back."""
        last = {
            frozenset((one.left.name, one.right.name)): one for one in self.decisions if one.id not in self.retracted
        }
        return list(last.values())

    def expected(self) -> Parts:
        """What one resolution makes of it."""
        now = self.counting()
        observations = pa.table(
            {
                "subject_type": pa.array(["account"] * len(now), pa.string()),
                "subject_id": pa.array([row["account_id"] for row in now], pa.string()),
                **{name: pa.array([row[name] for row in now], pa.string()) for name in ("kind", "value")},
                **{
                    name: pa.array([row[name] for row in now], pa.timestamp("us", tz="UTC"))
                    for name in ("first_seen", "last_seen")
                },
            }
        )
        decisions = pa.Table.from_pylist([one.row for one in self.standing()], schema=DECISIONS.schema)
        facts = Facts(
            observations=observations,
            accounts=_rows_of("accounts", self.described.values()),
            organisations=_rows_of("organisations", self.founded.values()),
            usage=_rows_of("usage", self.worked),
            decisions=decisions,
        )
        parts: dict[int, set[str]] = {}
        for row in resolve(facts, self.service.model).memberships.to_pylist():
            parts.setdefault(row["label"], set()).add(row["subject_id"])
        return frozenset(frozenset(part) for part in parts.values() if len(part) > 1)

    # -- what is told

    def held(self) -> dict[str, str]:
        """Account → cluster, as the ledger has it."""
        found = self._ask(f"SELECT subject_id, cluster_id FROM ({results.memberships_now()})")
        return {row["subject_id"]: row["cluster_id"] for row in found}

    def clusters(self) -> dict[str, set[str]]:
        parts: dict[str, set[str]] = {}
        for member, cluster in self.held().items():
            parts.setdefault(cluster, set()).add(member)
        return parts

    def _ask(self, sql: str) -> list[dict[str, Any]]:
        with duckdb.connect() as connection:
            self.service.ledger.snapshot().register(connection)
            rows: list[dict[str, Any]] = connection.sql(sql).to_arrow_table().to_pylist()
        return rows

    def holds_together(self, before: Mapping[str, set[str]]) -> None:
        """The graph is the ledger; ids lead somewhere; lineage tells every change since `before`; nobody is with whom
        a decision keeps him apart from."""
        clusters = self.clusters()
        self.issued |= set(clusters)
        assert self.service.check_graph() == []
        lineage = pa.Table.from_pylist(self._ask(results.lineage_now()), schema=LINEAGE.schema)
        for identity in self.issued:
            heirs = successors(lineage, identity)
            assert heirs == [identity] if identity in clusters else set(heirs) <= set(clusters)
        told = {row["cluster_id"]: row for row in lineage.to_pylist()}
        for identity in before.keys() | clusters.keys():
            if before.get(identity) != clusters.get(identity):
                assert told[identity]["event"] in EVENTS
        grown = ("born", "grew", "shrank", "changed")
        last = {row["cluster_id"]: row["members"] for row in lineage.to_pylist() if row["event"] in grown}
        assert {identity: len(members) for identity, members in clusters.items()} == {
            identity: last[identity] for identity in clusters
        }
        for one in self.standing():
            if one.judgement is Judgement.DIFFERENT:
                for members in clusters.values():
                    left, right = ({member.id for member in end.members} & members for end in (one.left, one.right))
                    assert not (left and right), one


def _rows_of(table: str, rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist([dict(row) for row in rows], schema=TABLES[table].schema)


def _text(moment: datetime) -> str:
    return moment.isoformat()


def _is_of(row: Mapping[str, Any], who: str, kind: str | None) -> bool:
    return row["account_id"] == who and kind in (None, row["kind"])


#: An example takes seconds: what fails is told as it was found, not in its shortest form.
@settings(
    max_examples=8,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(STEP, min_size=4, max_size=14))
def test_what_is_told_holds_together_and_a_resolution_makes_it_what_one_of_the_facts_would(
    neo4j: Connection, graph: Graph, tmp_path: Path, steps: list[tuple[Any, ...]]
) -> None:
    shutil.rmtree(tmp_path / "project", ignore_errors=True)
    graph.run("MATCH (n) CALL (n) { DETACH DELETE n } IN TRANSACTIONS")
    story = Story(settings_for(tmp_path / "project", neo4j))
    with story.open:
        for name, *arguments in [*steps, ("resolve",)]:
            before = story.clusters()
            getattr(story, name)(*arguments)
            story.service.follow_through()
            story.holds_together(before)
        assert frozenset(map(frozenset, story.clusters().values())) == story.expected()
        assert not any(row["provisional"] for row in story._ask(results.memberships_now()))
