"""Ids stay where the members stay, and only what changed is published."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import count

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkage.identity import Published, assign, random_id, successors
from linkage.ledger.tables import CLUSTERS, LINEAGE, MEMBERSHIPS

START = datetime(2026, 1, 1, tzinfo=UTC)


class World:
    """What readers of every publication hold: the differences applied one after another."""

    def __init__(self) -> None:
        self.memberships: dict[tuple[str, str], dict] = {}
        self.clusters: dict[str, dict] = {}
        self.lineage = LINEAGE.schema.empty_table()
        self.issued: set[str] = set()
        self.rounds = 0

    def previous(self) -> tuple[pa.Table, pa.Table]:
        return (
            pa.Table.from_pylist(list(self.memberships.values()), schema=MEMBERSHIPS.schema),
            pa.Table.from_pylist(list(self.clusters.values()), schema=CLUSTERS.schema),
        )

    def resolve(self, *parts: str, confidence: float = 0.9, **options: object) -> Published:
        """Publish a resolution whose parts are given by their members' letters."""
        self.rounds += 1
        published = assign(
            *self.previous(),
            parts_of(*parts, confidence=confidence),
            publication_id=f"r{self.rounds}",
            at=START + timedelta(days=self.rounds),
            **options,  # type: ignore[arg-type]
        )
        for row in published.memberships.to_pylist():
            key = (row["subject_type"], row["subject_id"])
            if row["cluster_id"] is None:
                del self.memberships[key]
            else:
                self.memberships[key] = row
        for row in published.clusters.to_pylist():
            if row["size"]:
                self.clusters[row["cluster_id"]] = row
            else:
                del self.clusters[row["cluster_id"]]
        self.lineage = pa.concat_tables([self.lineage, published.lineage])
        self.issued |= set(published.labels["cluster_id"].to_pylist())
        return published

    def ids(self) -> dict[str, str]:
        """letters of the members → cluster id"""
        members: dict[str, str] = {}
        for (_, subject), row in sorted(self.memberships.items()):
            members[row["cluster_id"]] = members.get(row["cluster_id"], "") + subject
        return {letters: cluster for cluster, letters in members.items()}


def parts_of(*parts: str, confidence: float = 0.9) -> pa.Table:
    rows = [
        {"subject_type": "organisation" if x.isupper() else "account", "subject_id": x, "label": 10 * i}
        for i, part in enumerate(parts)
        for x in part
    ]
    table = pa.Table.from_pylist(
        rows,
        schema=pa.schema([("subject_type", pa.string()), ("subject_id", pa.string()), ("label", pa.int64())]),
    )
    return table.append_column("confidence", pa.repeat(pa.scalar(confidence), table.num_rows))


def events(published: Published) -> set[tuple[str, str, str | None, int]]:
    rows = published.lineage.to_pylist()
    return {(row["event"], row["cluster_id"], row["successor_id"], row["members"]) for row in rows}


def test_what_is_published_has_the_ledgers_columns() -> None:
    published = World().resolve("ab")
    assert published.memberships.schema == MEMBERSHIPS.schema
    assert published.clusters.schema == CLUSTERS.schema
    assert published.lineage.schema == LINEAGE.schema


def test_clusters_of_two_or_more_get_an_id_and_single_subjects_none() -> None:
    world = World()
    published = world.resolve("abC", "de", "f")
    assert set(world.ids()) == {"abC", "de"}
    assert published.labels["label"].to_pylist() == [0, 10]
    cluster = world.clusters[world.ids()["abC"]]
    assert (cluster["size"], cluster["accounts"], cluster["organisations"]) == (3, 2, 1)
    assert cluster["confidence"] == pytest.approx(0.9)
    assert cluster["created_at"] == START + timedelta(days=1)
    assert events(published) == {("born", world.ids()["abC"], None, 3), ("born", world.ids()["de"], None, 2)}


def test_the_same_subjects_again_change_nothing() -> None:
    world = World()
    world.resolve("abc", "de", "f")
    again = world.resolve("f", "ed", "cab")
    assert not (again.memberships.num_rows or again.clusters.num_rows or again.lineage.num_rows)
    assert again.labels.num_rows == 2
    assert again.changed.num_rows == 0


def test_a_cluster_that_gains_or_loses_members_keeps_its_id() -> None:
    world = World()
    world.resolve("abc", "xyz", "pqr")
    ids = world.ids()
    published = world.resolve("abcd", "xy", "pqs")
    assert world.ids() == {"abcd": ids["abc"], "xy": ids["xyz"], "pqs": ids["pqr"]}
    assert events(published) == {
        ("grew", ids["abc"], None, 4),
        ("shrank", ids["xyz"], None, 2),
        ("changed", ids["pqr"], None, 3),
    }
    left = {r["subject_id"]: r["cluster_id"] for r in published.memberships.to_pylist()}
    assert left == {"d": ids["abc"], "z": None, "r": None, "s": ids["pqr"]}


def test_the_largest_heir_of_a_split_keeps_the_id() -> None:
    world = World()
    world.resolve("abcdefg")
    former = world.ids()["abcdefg"]
    published = world.resolve("ab", "defg", "c")
    ids = world.ids()
    assert ids["defg"] == former != ids["ab"]
    assert events(published) == {
        ("shrank", former, None, 4),
        ("split", former, ids["ab"], 2),
        ("born", ids["ab"], None, 2),
    }
    assert successors(world.lineage, former) == [former]


def test_clusters_that_merge_take_the_id_of_the_largest_part() -> None:
    world = World()
    world.resolve("ab", "cde")
    ids = world.ids()
    published = world.resolve("abcde")
    assert world.ids() == {"abcde": ids["cde"]}
    assert events(published) == {("grew", ids["cde"], None, 5), ("merged", ids["ab"], ids["cde"], 2)}
    ended = next(r for r in published.clusters.to_pylist() if r["cluster_id"] == ids["ab"])
    assert (ended["size"], ended["accounts"], ended["confidence"]) == (0, 0, None)
    assert successors(world.lineage, ids["ab"]) == [ids["cde"]]


def test_a_tie_goes_to_the_older_cluster_and_then_to_the_smaller_id() -> None:
    world = World()
    world.resolve("yz", new_id=lambda: "cl_z")
    world.resolve("yz", "ab", new_id=lambda: "cl_a")
    world.resolve("abyz")
    assert world.ids() == {"abyz": "cl_z"}

    world, names = World(), iter(("cl_2", "cl_1"))
    world.resolve("yz", "ab", new_id=lambda: next(names))
    world.resolve("abyz")
    assert world.ids() == {"abyz": "cl_1"}


def test_a_cluster_whose_members_are_all_alone_is_retired_and_leads_nowhere() -> None:
    world = World()
    world.resolve("ab")
    former = world.ids()["ab"]
    published = world.resolve("a", "b")
    assert events(published) == {("retired", former, None, 0)}
    assert successors(world.lineage, former) == []
    world.resolve("ab")
    assert world.ids()["ab"] != former, "an id is never issued twice"


def test_a_subject_that_is_gone_leaves_its_cluster() -> None:
    world = World()
    world.resolve("abc")
    published = world.resolve("ab")
    assert [(r["subject_id"], r["cluster_id"]) for r in published.memberships.to_pylist()] == [("c", None)]


def test_an_id_leads_through_several_ends_to_what_lives() -> None:
    world = World()
    world.resolve("ab", "cdefgh", "ijklmnop", "qrstuvwxyz")
    ids = world.ids()
    world.resolve("abcdefgh", "ijklmnop", "qrstuvwxyz")
    world.resolve("abcdijklmnop", "efghqrstuvwxyz")
    assert successors(world.lineage, ids["ab"]) == sorted([ids["ijklmnop"], ids["qrstuvwxyz"]])
    assert successors(world.lineage, ids["cdefgh"]) == sorted([ids["ijklmnop"], ids["qrstuvwxyz"]])
    assert successors(world.lineage, "cl_never") == []


def test_confidence_is_published_when_it_moved_far_enough_and_not_before() -> None:
    world = World()
    world.resolve("ab", confidence=0.90)
    assert world.resolve("ab", confidence=0.905).memberships.num_rows == 0
    # Small steps do not add up unseen: the distance is to what was last published.
    moved = world.resolve("ab", confidence=0.915)
    assert moved.memberships.num_rows == 2
    assert moved.clusters["confidence"].to_pylist() == pytest.approx([0.915])
    assert moved.lineage.num_rows == 0


def test_what_was_provisional_is_said_again_once_a_resolution_has_seen_it() -> None:
    world = World()
    world.resolve("ab")
    linked = world.resolve("abc", provisional=True)
    assert linked.memberships.select(["subject_id", "provisional"]).to_pylist() == [
        {"subject_id": "c", "provisional": True}
    ]
    assert world.resolve("abc", provisional=True).memberships.num_rows == 0
    seen = world.resolve("abc")
    assert seen.memberships["provisional"].to_pylist() == [False]
    assert seen.clusters["told_by"].to_pylist() == ["r4"]
    assert seen.lineage.num_rows == 0
    assert world.resolve("abc").clusters.num_rows == 0


def test_the_weakest_link_goes_with_the_clusters_that_are_published() -> None:
    weakest = pa.table({"label": [0, 10], "weakest": ['{"bits": 3}', '{"bits": 4}']})
    world = World()
    world.resolve("ab", "cd", weakest=weakest)
    assert {c["weakest"] for c in world.clusters.values()} == {'{"bits": 3}', '{"bits": 4}'}
    published = world.resolve("ab", "cde", weakest=weakest)
    assert published.clusters["weakest"].to_pylist() == ['{"bits": 4}']
    assert published.changed.to_pylist() == [{"label": 10, "cluster_id": world.ids()["cde"]}]


def test_accounts_and_organisations_of_one_id_are_different_subjects() -> None:
    world = World()
    current = pa.table(
        {
            "subject_type": ["account", "organisation", "account"],
            "subject_id": ["1", "1", "2"],
            "label": [1, 1, 2],
            "confidence": [0.9, 0.8, 1.0],
        }
    )
    published = assign(*world.previous(), current, publication_id="r", at=START)
    assert published.clusters["size"].to_pylist() == [2]


def test_a_subject_named_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="account a is named twice"):
        World().resolve("ab", "ac")


def test_a_missing_column_is_named() -> None:
    with pytest.raises(ValueError, match="current lacks the columns label"):
        assign(*World().previous(), parts_of("ab").drop_columns("label"), publication_id="r", at=START)


def test_an_id_that_is_already_taken_is_not_given_again() -> None:
    world = World()
    world.resolve("ab", new_id=lambda: "cl_0")
    numbers = count()
    world.resolve("ab", "cd", new_id=lambda: f"cl_{next(numbers)}")
    assert world.ids() == {"ab": "cl_0", "cd": "cl_1"}


def test_random_ids_say_nothing_and_do_not_repeat() -> None:
    ids = {random_id() for _ in range(10_000)}
    assert len(ids) == 10_000
    assert all(len(i) == 29 and i.startswith("cl_") and i[3:].isalnum() and i.islower() for i in ids)


LETTERS = "abcdefghijklmnop"
partitions = st.lists(st.integers(0, 5), min_size=len(LETTERS), max_size=len(LETTERS)).map(
    lambda labels: (
        [
            "".join(letter for letter, label in zip(LETTERS, labels, strict=True) if label == wanted and wanted)
            for wanted in sorted(set(labels))
        ]
        + [letter for letter, label in zip(LETTERS, labels, strict=True) if not label]
    )
)


@settings(max_examples=30, deadline=None)
@given(st.lists(partitions, min_size=1, max_size=5))
def test_through_any_history_ids_stay_unique_differences_add_up_and_no_id_is_lost(history: list[list[str]]) -> None:
    world = World()
    for parts in history:
        before = dict(world.ids())
        alive_before = set(before.values())
        published = world.resolve(*parts)
        now = world.ids()

        # Partition in, partition out; ids are one to one with clusters.
        expected = {"".join(sorted(part)) for part in parts if len(part) > 1}
        assert set(now) == expected
        assert len(set(now.values())) == len(now)
        assert {c: row["size"] for c, row in world.clusters.items()} == {c: len(m) for m, c in now.items()}
        assert set(published.labels["cluster_id"].to_pylist()) == set(now.values())

        # No change, no churn: whoever has the same companions as before has the same id.
        assert all(now[members] == cluster for members, cluster in before.items() if members in now)

        # Nothing in the difference that is no difference.
        places = {letter: cluster for members, cluster in before.items() for letter in members}
        for row in published.memberships.to_pylist():
            assert places.get(row["subject_id"]) != row["cluster_id"]

        # Every id that vanished says what became of it, in the same resolution; new ones were born.
        last = published.lineage.to_pylist()
        gone = {row["cluster_id"] for row in last if row["event"] in ("merged", "split", "retired")}
        assert alive_before - set(now.values()) <= gone
        assert {row["cluster_id"] for row in last if row["event"] == "born"} == set(now.values()) - alive_before
        kinds = Counter((row["cluster_id"], row["event"], row["successor_id"]) for row in last)
        assert not kinds or max(kinds.values()) == 1

    # Every id ever issued leads to live ids, living ones to themselves.
    alive = set(world.ids().values())
    for cluster in world.issued:
        found = successors(world.lineage, cluster)
        assert set(found) <= alive
        if cluster in alive:
            assert found == [cluster]
    assert not world.resolve(*history[-1]).memberships.num_rows
