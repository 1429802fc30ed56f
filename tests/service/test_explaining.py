"""The thread through a cluster, the merge that joined two members, and the answer in words."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from linkage.model import Costs, Evidence, Explanation, Identifier, Merge, Subject
from linkage.service.explaining import (
    LONGEST_CHAIN,
    Finding,
    joined_at,
    key,
    missing,
    subject,
    thread,
    told,
    why,
    why_not,
)

A, B, C, D = (("Account", name) for name in "abcd")


def edge(member: tuple[str, str], identifier: str, bits: float) -> dict[str, Any]:
    return {"type": member[0], "id": member[1], "identifier": identifier, "bits": bits}


def test_the_thread_goes_from_member_to_member_over_what_they_share() -> None:
    edges = [edge(A, "card", 9), edge(B, "card", 9), edge(B, "device", 9), edge(C, "device", 9)]
    assert thread(edges, A, C) == [A, B, C]


def test_a_strong_detour_is_better_than_a_weak_short_cut() -> None:
    edges = [edge(A, "nat", 0.01), edge(D, "nat", 0.01)]
    edges += [edge(A, "card", 20), edge(B, "card", 20), edge(B, "device", 20), edge(D, "device", 20)]
    assert thread(edges, A, D) == [A, B, D]


def test_where_there_is_no_thread_there_is_none() -> None:
    assert thread([edge(A, "card", 9), edge(B, "device", 9)], A, B) == []
    assert thread([edge(A, "card", 9)], A, D) == []


def test_a_thread_that_nobody_would_follow_is_left_out() -> None:
    members = [("Account", str(number)) for number in range(LONGEST_CHAIN + 3)]
    edges = [
        edge(member, f"v{at}", 9)
        for number in range(len(members) - 1)
        for at, member in ((number, members[number]), (number, members[number + 1]))
    ]
    assert thread(edges, members[0], members[-1]) == []
    assert len(thread(edges, members[0], members[5])) == 6


def merge(left: str, right: str, number: int) -> Merge:
    return Merge(number, Subject.parse(left), Subject.parse(right), 1, 1, 20.0, 0.9)


def test_two_members_were_joined_by_the_first_merge_after_which_they_are_one() -> None:
    merges = [merge("a", "b", 1), merge("c", "d", 1), merge("b", "c", 2), merge("a", "e", 3)]

    def joined(left: str, right: str) -> Merge | None:
        return joined_at(merges, Subject.parse(left), Subject.parse(right))

    assert joined("a", "b") is merges[0]
    assert joined("a", "d") is merges[2]
    assert joined("e", "d") is merges[3]
    assert joined("a", "x") is None
    assert joined_at([], Subject.parse("a"), Subject.parse("b")) is None


def test_three_strong_steps_are_better_than_two_over_an_office() -> None:
    edges = [edge(A, "office", 6), edge(B, "office", 6), edge(B, "card", 17), edge(D, "card", 17)]
    edges += [edge(A, "d1", 17), edge(C, "d1", 17), edge(C, "d2", 17), edge(B, "d2", 17)]
    assert thread(edges, A, D) == [A, C, B, D]


@pytest.mark.parametrize("subject_", [Subject.account("a"), Subject.organisation("o")])
def test_a_subject_is_the_same_after_its_way_through_the_graph(subject_: Subject) -> None:
    assert subject(key(subject_)) == subject_


def finding(*, linked: bool, in_cluster: bool) -> Finding:
    place = {"cluster": {"id": "c1", "size": 5}, "membership": {"confidence": 0.7}} if in_cluster else None
    piece = Evidence(Identifier("device", "dev-d1fdf6df51"), 20.0 if linked else 3.0, 20.0, 2, 2, "private")
    left, right = ("Account", "a"), ("Account", "b")
    found = Explanation(subject(left), subject(right), (piece,), -15.0, 0.8)
    decisions = [{"judgement": "same", "author": "ann", "reason": "known to us"}]
    return Finding(left, right, {left: {}, right: {}}, found, place, place, decisions, (), Costs(20, 2, 1))


def test_sentences_tell_the_merge_where_what_the_two_share_was_not_enough() -> None:
    said = told(finding(linked=False, in_cluster=True), merge("a", "b", 2))
    assert any(line.startswith("All the same they are held to be one actor's") for line in said)
    assert any(
        "The step that brought them together: Account a and account b became one on 20.0" in line for line in said
    )
    assert said[-1] == "A person decided that they are one actor's (ann: known to us)."
    plain = told(finding(linked=True, in_cluster=True), merge("a", "b", 2))
    assert not any("brought them together" in line or "All the same" in line for line in plain)


def test_how_sure_each_place_is_and_what_to_do_about_it_is_told() -> None:
    said = told(finding(linked=True, in_cluster=True))
    assert said[-3:-1] == [
        f"That account {name} is its cluster's actor's is held to have a probability of 70.0 %: "
        "for a person to look at (review)."
        for name in "ab"
    ]
    assert not any("is held to have" in line for line in told(finding(linked=True, in_cluster=False)))


def test_who_looked_and_could_not_decide_is_told_with_what_no_longer_counts() -> None:
    said: list[dict[str, Any]] = [
        {
            "judgement": "undecided",
            "author": "bob",
            "reason": "no papers",
            "decided_at": datetime(2026, 6, 9, tzinfo=UTC),
        },
        {"judgement": "same", "author": "ann", "reason": None, "decided_at": datetime(2026, 6, 4, tzinfo=UTC)},
        {"judgement": "different", "author": None, "reason": None, "decided_at": None},
    ]
    lines = told(replace(finding(linked=False, in_cluster=False), decisions=said))
    assert lines[-3:] == [
        "A person looked and could not decide, on 9 June 2026 (bob: no papers).",
        "Before that, a person decided that they are one actor's, on 4 June 2026 (ann); it no longer counts.",
        # Without a time nobody knows whether it came before.
        "A person decided that they are different actors'.",
    ]
    # The latest word is not that they are different: nothing speaks against a link.
    assert not any(
        "different" in line for line in missing(replace(finding(linked=False, in_cluster=False), decisions=said))
    )


def test_why_and_why_not_say_what_decided() -> None:
    assert "they came into one cluster of 5" in why(finding(linked=False, in_cluster=True))
    assert why(finding(linked=True, in_cluster=True)).startswith(
        "account a and account b are linked by what they share"
    )
    assert "no resolution has put them into one cluster yet" in why(finding(linked=True, in_cluster=False))
    assert why_not(finding(linked=True, in_cluster=True)).startswith("They are linked.")
    apart = why_not(finding(linked=False, in_cluster=False))
    assert "The evidence adds up to 3.0 bits; a link needs 17.0: 14.0 bits are missing." in apart
    assert "Their device counts 3.0 of 20.0 bits" in apart
