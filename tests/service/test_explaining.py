"""The thread through a cluster, and the merge that joined two members."""

from __future__ import annotations

from typing import Any

from linkage.service.explaining import LONGEST_CHAIN, joined_at, thread

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


def merge(left: str, right: str, number: int) -> dict[str, Any]:
    return {"left": left, "right": right, "round": number}


def test_two_members_were_joined_by_the_first_merge_after_which_they_are_one() -> None:
    merges = [merge("a", "b", 1), merge("c", "d", 1), merge("b", "c", 2), merge("a", "e", 3)]
    assert joined_at(merges, "a", "b") is merges[0]
    assert joined_at(merges, "a", "d") is merges[2]
    assert joined_at(merges, "e", "d") is merges[3]
    assert joined_at(merges, "a", "x") is None
    assert joined_at([], "a", "b") is None
