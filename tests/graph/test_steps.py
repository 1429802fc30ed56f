"""Rows of the ledger become rows of the graph: pure functions, tried without a database."""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa

from linkage.graph.changes import change_rows
from linkage.graph.kinds import LONGEST_KEY
from linkage.graph.projection import WITHDRAWALS
from linkage.graph.steps import (
    FACT_STEPS,
    PREPARING_STEPS,
    PUBLICATION_STEPS,
    about_rows,
    graph_key,
    last_rows,
    usage_rows,
    used_rows,
)
from linkage.ledger.tables import FACTS
from linkage.model import Decision, End, Judgement, Subject
from linkage.model.decision import cluster_end
from tests.graph.ledger_rows import at, small_story, table, told

SECRET = b"s" * 32


def test_every_table_of_facts_becomes_something() -> None:
    assert {*FACT_STEPS, WITHDRAWALS} == {table.name for table in FACTS}


def test_the_same_rows_make_the_same_steps() -> None:
    story = small_story()
    for name, steps in FACT_STEPS.items():
        rows = {name: story.rows(name)}
        assert [step.rows(rows, SECRET) for step in steps] == [step.rows(rows, SECRET) for step in steps]


def test_steps_of_a_publication_take_empty_tables() -> None:
    story = small_story()
    names = ("memberships", "clusters", "lineage", "evidence", "merges", "identifiers")
    tables = {name: story.rows(name).slice(0, 0) for name in names}
    tables |= {name: story.rows(name)[:1] for name in ("publications", "resolutions")}
    tables |= {"changes": change_rows(tables, 0)}
    tables["publications"] = tables["publications"].append_column("version", pa.array([0], pa.int64()))
    steps = (*PREPARING_STEPS, *PUBLICATION_STEPS)
    assert [step.name for step in steps if step.rows(tables, SECRET).num_rows] == ["resolution", "resolution"]


def test_a_use_spans_its_earliest_and_latest_sight_and_counts_all_of_them() -> None:
    same = {"subject_type": "account", "subject_id": "a", "kind": "ip", "value": "v"}
    rows = table(
        "observations",
        [
            {**same, "first_seen": at(5), "last_seen": at(6), "count": 2},
            {**same, "first_seen": None, "last_seen": at(1), "count": None},
            {**same, "first_seen": at(9), "last_seen": None, "count": 4},
            {**same},
        ],
    )
    (use,) = used_rows(rows).to_pylist()
    assert (use["first_seen"], use["last_seen"], use["count"]) == (at(1), at(9), 8)


def test_usage_counts_missing_numbers_as_nothing() -> None:
    (row,) = usage_rows(table("usage", [{"account_id": "a", "window_start": at(1), "requests": None}])).to_pylist()
    assert (row["requests"], row["first_used"], row["last_used"]) == (0, at(1), at(1))


def test_the_last_row_of_a_key_counts() -> None:
    rows = pa.table({"id": ["b", "a", "b"], "value": [1, 2, 3]})
    assert last_rows(rows, "id").to_pylist() == [{"id": "a", "value": 2}, {"id": "b", "value": 3}]


def test_keys_longer_than_indexes_take_are_told_apart_by_a_hash() -> None:
    one, other = graph_key("device", "x" * 9_000 + "1"), graph_key("device", "x" * 9_000 + "2")
    assert one != other
    assert max(len(one), len(other)) < LONGEST_KEY
    assert graph_key("ip", "203.0.113.7") == "ip:203.0.113.7"


def test_a_decision_is_about_each_subject_that_its_ends_stood_for() -> None:
    members = [Subject.account("a"), Subject.organisation("o:1")]
    said = Decision(cluster_end("cl_1", members), End.of(Subject.account("b")), Judgement.SAME, decided_at=at(1))
    about = [(row["side"], row["subject_type"], row["subject_id"]) for row in about_rows(told([said])).to_pylist()]
    assert about == [("left", "account", "a"), ("left", "organisation", "o:1"), ("right", "account", "b")]
    (made,) = FACT_STEPS["decisions"][2].rows({"decisions": told([said, said])}, SECRET).to_pylist()
    assert (made["decision_id"], made["left_size"], made["right_size"]) == (said.id, 2, 1)


def test_the_first_retraction_of_a_decision_counts() -> None:
    said = [{"decision_id": "dc_1", "author": who, "retracted_at": at(1)} for who in ("ann", "eve")]
    (step,) = FACT_STEPS["retractions"]
    (row,) = step.rows({"retractions": table("retractions", said)}, SECRET).to_pylist()
    assert row["author"] == "ann"


def test_times_before_1970_travel_whole() -> None:
    early = datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
    rows = table("observations", [{"subject_type": "account", "subject_id": "a", "kind": "ip", "value": "v"}])
    rows = rows.set_column(5, rows.schema.field(5), pa.array([early], rows.schema.field(5).type))
    uses = next(step for step in FACT_STEPS["observations"] if step.name == "uses by accounts")
    (row,) = uses.rows({"observations": rows}, SECRET).to_pylist()
    assert (row["first_seen_s"], row["first_seen_ns"]) == (-1, 999_999_000)
