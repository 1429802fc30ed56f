"""What people decided: the last word on a pair counts, `undecided` binds nobody, and `different` is never crossed."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from itertools import combinations, permutations
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkage.engine import Facts, Resolution, resolve
from linkage.engine.decisions import Told, arrange, teaching_pairs
from linkage.engine.forest import JOINED, REFUSED, Marks, apart, declare_pairs, find, plant
from linkage.ledger.tables import DECISIONS
from tests.engine.conftest import accounts, clusters, day, decided, observed

Link = Callable[[str, str], list[tuple[object, ...]]]
CAUTION = ("same", "undecided", "different")


class Said(NamedTuple):
    """One decision; `day` is None where nobody wrote down when."""

    left: str
    right: str
    judgement: str
    day: int | None

    @property
    def pair(self) -> tuple[str, str]:
        one, other = sorted((self.left, self.right))
        return one, other


def table(said: Sequence[Said]) -> pa.Table:
    rows = [
        {
            "left": one.left,
            "right": one.right,
            "judgement": one.judgement,
            "decided_at": None if one.day is None else day(one.day),
        }
        for one in said
    ]
    return pa.Table.from_pylist(rows, schema=DECISIONS.schema)


def standing(said: Sequence[Said]) -> dict[tuple[str, str], Said]:
    """The last word on each pair: the latest, an undated one first of all, the most cautious of several at once."""
    last: dict[tuple[str, str], Said] = {}
    for one in said:
        before = last.get(one.pair)
        if before is None or _rank(one) > _rank(before):
            last[one.pair] = one
    return last


def _rank(one: Said) -> tuple[int, int]:
    return -1 if one.day is None else one.day, CAUTION.index(one.judgement)


class Oracle:
    """The decisions one by one over plain sets: what joins, and what is refused."""

    def __init__(self, said: Sequence[Said]) -> None:
        last = standing(said).values()
        self.apart = {one.pair for one in last if one.judgement == "different"}
        self.refused: set[tuple[str, str]] = set()
        where = {name: frozenset([name]) for one in said for name in one.pair}
        for one in sorted(last, key=lambda one: (_rank(one)[0], one.pair)):
            left, right = where[one.pair[0]], where[one.pair[1]]
            if one.judgement != "same" or left == right:
                continue
            if any(pair in self.apart for pair in combinations(sorted(left | right), 2)):
                self.refused.add(one.pair)
                continue
            where.update(dict.fromkeys(left | right, left | right))
        self.clusters = {cluster for cluster in where.values() if len(cluster) > 1}


def conflicts(resolution: Resolution) -> set[tuple[str, str]]:
    found = [sorted((one["left"], one["right"])) for one in resolution.summary["conflicts"]]
    return {(one.removeprefix("account:"), other.removeprefix("account:")) for one, other in found}


NAMES = st.sampled_from("abcdef")
SAID = st.builds(Said, NAMES, NAMES, st.sampled_from(CAUTION), st.one_of(st.none(), st.integers(0, 4)))


@given(st.lists(SAID.filter(lambda one: one.left != one.right), max_size=14), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_decisions_join_and_are_refused_as_one_by_one_over_sets_whatever_the_order_of_rows(
    said: list[Said], shuffling: object
) -> None:
    expected = Oracle(said)
    shuffled = list(said)
    shuffling.shuffle(shuffled)  # type: ignore[attr-defined]
    resolution = resolve(Facts(decisions=table(shuffled)))
    assert clusters(resolution) == expected.clusters
    assert conflicts(resolution) == expected.refused
    assert all(one["kept"] == "different" for one in resolution.summary["conflicts"])


@given(
    st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)).filter(lambda pair: pair[0] != pair[1]), max_size=10),
    st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)).filter(lambda pair: pair[0] != pair[1]), max_size=30),
)
@settings(max_examples=300, deadline=None)
def test_no_order_of_joining_ever_crosses_a_different(
    different: list[tuple[int, int]], same: list[tuple[int, int]]
) -> None:
    kept, given_ = (np.array(pairs, np.int32).reshape(-1, 2) for pairs in (different, same))
    forest = plant(12, apart(kept[:, 0], kept[:, 1]))
    outcome = declare_pairs(given_[:, 0].copy(), given_[:, 1].copy(), forest)
    where = [frozenset([number]) for number in range(12)]
    for (left, right), what in zip(same, outcome.tolist(), strict=True):
        both = where[left] | where[right]
        crosses = any({a, b} <= both for a, b in different)
        assert (what == REFUSED) is (where[left] != where[right] and crosses)
        if what == JOINED:
            for member in both:
                where[member] = both
    assert all((find(forest.parent, a) == find(forest.parent, b)) is (where[a] == where[b]) for a, b in same)
    assert not any(where[a] == where[b] for a, b in different)


@pytest.mark.parametrize("order", list(permutations([("a", "b", "same"), ("b", "c", "same"), ("a", "c", "different")])))
def test_same_by_way_of_a_third_never_crosses_a_different_in_whatever_order_they_were_said(
    order: Sequence[tuple[str, str, str]], strong: Link
) -> None:
    # Even what the two share cannot join them.
    resolution = resolve(Facts(observations=observed(strong("a", "c")), decisions=decided(order)))
    (conflict,) = resolution.summary["conflicts"]
    first, later = [pair[:2] for pair in order if pair[2] == "same"]
    assert clusters(resolution) == {frozenset(first)}
    assert conflicts(resolution) == {later}
    assert (conflict["stated"], conflict["kept"]) == ("decision", "different")


def test_undecided_binds_nobody(strong: Link) -> None:
    said = decided([("a", "b", "undecided"), ("c", "d", "undecided")])
    resolution = resolve(Facts(observations=observed([*strong("a", "b"), ("c", "ip", "1")]), decisions=said))
    assert clusters(resolution) == {frozenset("ab")}
    without = resolve(Facts(observations=observed([*strong("a", "b"), ("c", "ip", "1"), ("d", "ip", "2")])))
    assert resolution.memberships == without.memberships
    assert resolution.merges == without.merges
    assert resolution.summary["conflicts"] == []


@pytest.mark.parametrize(("judgement", "linked"), [("same", False), ("different", True)])
def test_undecided_takes_back_what_was_said_before_of_the_pair(judgement: str, linked: bool, strong: Link) -> None:
    # Said again by somebody else, the sides the other way round. Facts link a and b, not c and d.
    pair = ("a", "b") if linked else ("c", "d")
    facts = observed([*strong("a", "b"), ("c", "ip", "1"), ("d", "ip", "2")])
    taken_back = decided([(*pair, judgement), (pair[1], pair[0], "undecided")])
    assert clusters(resolve(Facts(observations=facts, decisions=taken_back))) == {frozenset("ab")}
    restated = decided([(*pair, "undecided"), (*pair, judgement)])
    expected = set() if linked else {frozenset("ab"), frozenset("cd")}
    assert clusters(resolve(Facts(observations=facts, decisions=restated))) == expected


def test_undecided_of_one_pair_leaves_the_decisions_on_others(strong: Link) -> None:
    said = decided([("a", "b", "same"), ("b", "c", "same"), ("a", "c", "undecided")])
    assert clusters(resolve(Facts(decisions=said))) == {frozenset("abc")}


def test_of_two_words_said_at_once_the_more_cautious_counts_whichever_stands_first(strong: Link) -> None:
    for judgements, expected in (
        (("same", "undecided"), set()),
        (("same", "different"), set()),
        (("different", "undecided"), set()),
    ):
        for order in (judgements, judgements[::-1]):
            said = [Said("a", "b", judgement, 1) for judgement in order]
            assert clusters(resolve(Facts(decisions=table(said)))) == expected
    both = [Said("a", "b", "different", 1), Said("a", "b", "undecided", 1)]
    linked = Facts(observations=observed(strong("a", "b")), decisions=table(both))
    assert clusters(resolve(linked)) == set()


def test_a_word_without_a_time_is_older_than_any_with_one() -> None:
    said = [Said("a", "b", "different", None), Said("a", "b", "same", 0)]
    assert clusters(resolve(Facts(decisions=table(said)))) == {frozenset("ab")}


class Group(NamedTuple):
    """One side of a decision: a name, and the subjects that it stood for then; a name of one letter is a subject."""

    name: str
    members: frozenset[str]

    @property
    def listed(self) -> str | None:
        return None if len(self.name) == 1 else json.dumps([f"account:{member}" for member in sorted(self.members)])


class Grouped(NamedTuple):
    """A decision about groups."""

    left: Group
    right: Group
    judgement: str
    day: int

    @property
    def pair(self) -> tuple[str, str]:
        one, other = sorted(end.name if end.listed else f"account:{end.name}" for end in (self.left, self.right))
        return one, other


def groups_table(said: Sequence[Grouped]) -> pa.Table:
    rows = [
        {
            "decision_id": f"dc_{number}",
            "left": one.left.name,
            "right": one.right.name,
            "left_members": one.left.listed,
            "right_members": one.right.listed,
            "judgement": one.judgement,
            "decided_at": day(one.day),
        }
        for number, one in enumerate(said)
    ]
    return pa.Table.from_pylist(rows, schema=DECISIONS.schema)


class GroupOracle:
    """Decisions on groups, pair by pair over plain sets: what joins, which of them is refused in part or whole."""

    def __init__(self, said: Sequence[Grouped]) -> None:
        last = {one.pair: one for one in said}.values()
        self.apart = [(one.left.members, one.right.members - one.left.members) for one in last if one[2] == "different"]
        self.refused: set[tuple[str, str]] = set()
        self.where = {name: frozenset([name]) for one in said for end in one[:2] for name in end.members}
        for one in last:
            if one.judgement == "same":
                hub, *others = [*sorted(one.left.members), *sorted(one.right.members - one.left.members)]
                for other in others:
                    if not self._join(self.where[hub] | self.where[other]):
                        self.refused.add((one.left.name, one.right.name))

    def _join(self, both: frozenset[str]) -> bool:
        if both not in self.where.values() and any(both & one and both & other for one, other in self.apart):
            return False
        self.where.update(dict.fromkeys(both, both))
        return True

    @property
    def clusters(self) -> set[frozenset[str]]:
        return {cluster for cluster in self.where.values() if len(cluster) > 1}


MEMBERS = st.frozensets(st.sampled_from("abcdefgh"), min_size=1, max_size=4)
ENDS = st.one_of(
    st.sampled_from("abcdefgh").map(lambda name: Group(name, frozenset([name]))),
    st.builds(Group, st.sampled_from(["cluster:cl_1", "cluster:cl_2", "part:cl_1:account:a"]), MEMBERS),
)


@given(st.lists(st.tuples(ENDS, ENDS, st.sampled_from(CAUTION)), max_size=9))
@settings(max_examples=120, deadline=None)
def test_decisions_on_groups_join_and_keep_apart_as_pair_by_pair_over_sets(
    drawn: list[tuple[Group, Group, str]],
) -> None:
    said = [Grouped(*one, number) for number, one in enumerate(drawn)]
    said = [one for one in said if one.left.name != one.right.name]
    oracle = GroupOracle(said)
    resolution = resolve(Facts(decisions=groups_table(said)))
    assert clusters(resolution) == oracle.clusters
    refused = {(one["left"], one["right"]) for one in resolution.summary["conflicts"]}
    assert refused == {tuple(name if ":" in name else f"account:{name}" for name in pair) for pair in oracle.refused}
    ids = {f"dc_{number}" for number in range(len(said))}
    assert all({one["decision"], *one["forbidden_by"]} <= ids for one in resolution.summary["conflicts"])


@given(
    st.lists(st.tuples(*[st.frozensets(st.integers(0, 11), min_size=1, max_size=5)] * 2), max_size=5),
    st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)).filter(lambda pair: pair[0] != pair[1]), max_size=30),
)
@settings(max_examples=300, deadline=None)
def test_no_order_of_joining_ever_brings_members_of_two_groups_together(
    groups: list[tuple[frozenset[int], frozenset[int]]], same: list[tuple[int, int]]
) -> None:
    sides = [(one, other - one) for one, other in groups]
    entries = [(subject, 2 * n + side) for n, two in enumerate(sides) for side in (0, 1) for subject in two[side]]
    subject, mark = np.array(entries, np.int32).reshape(-1, 2).T
    pairs = np.array(same, np.int32).reshape(-1, 2)
    forest = plant(12, Marks(subject.copy(), mark.copy()))
    outcome = declare_pairs(pairs[:, 0].copy(), pairs[:, 1].copy(), forest)
    where = [frozenset([number]) for number in range(12)]
    for (left, right), what in zip(same, outcome.tolist(), strict=True):
        both = where[left] | where[right]
        crosses = any(both & one and both & other for one, other in sides)
        assert (what == REFUSED) is (where[left] != where[right] and crosses)
        if what == JOINED:
            for member in both:
                where[member] = both
    # A cluster carries each mark of its members once, however it grew.
    for root in {find(forest.parent, number) for number in range(12)}:
        carried, entry = [], forest.head[root]
        while entry >= 0:
            carried.append(int(forest.mark[entry]))
            entry = forest.following[entry]
        assert sorted(carried) == sorted({m for s, m in entries if s in where[root]})


def test_different_groups_stay_apart_in_the_rounds_whatever_their_members_share(strong: Link) -> None:
    said = [Grouped(Group("cluster:cl_1", frozenset("ab")), Group("cluster:cl_2", frozenset("cd")), "different", 0)]
    facts = observed([row for pair in ("ab", "cd", "ac", "ad", "bc", "bd") for row in strong(*pair)])
    resolution = resolve(Facts(observations=facts, decisions=groups_table(said)))
    assert not any(len(one & set("ab")) and len(one & set("cd")) for one in clusters(resolution))
    assert resolution.summary["conflicts"] == []


def test_a_membership_that_a_decision_forbids_is_a_conflict_that_names_it() -> None:
    facts = accounts([{"account_id": "a", "organisation_id": "o"}, {"account_id": "b", "organisation_id": "o"}])
    said = [Grouped(Group("a", frozenset("a")), Group("b", frozenset("b")), "different", 0)]
    resolution = resolve(Facts(accounts=facts, decisions=groups_table(said)))
    (conflict,) = resolution.summary["conflicts"]
    assert (conflict["left"], conflict["right"], conflict["stated"]) == ("account:b", "organisation:o", "declared")
    assert conflict["forbidden_by"] == ["dc_0"]


def test_what_is_learnt_of_a_decision_on_groups_grows_with_its_subjects_not_with_their_pairs() -> None:
    told = [Told("s", "cluster:1", "cluster:2", "same"), Told("d", "cluster:1", "cluster:3", "different")]
    decision, side = [0] * 5 + [1] * 5, [0, 0, 0, 1, 1] * 2
    decided_ = arrange(told, np.array(decision), np.array(side), np.array([0, 1, 2, 3, 4, 0, 1, 2, 5, 6]))
    assert teaching_pairs(decided_) == [
        *((0, other, "same") for other in (1, 2, 3, 4)),
        *((one, 5, "different") for one in (0, 1, 2)),
        (0, 6, "different"),
    ]
