"""What a cluster would fall into without its weakest merge."""

from __future__ import annotations

from linkage.findings.cuts import weakest_cut
from linkage.model import Merge, Subject


def merge(left: str, right: str, bits: float, stated: str | None = None) -> Merge:
    return Merge(1, Subject.parse(left), Subject.parse(right), 1, 1, bits, 0.9, stated)


def test_parts_are_as_large_as_they_are_now_not_as_when_they_were_joined() -> None:
    # b and c were joined as two single accounts; d and e came to c's side later.
    cut = weakest_cut([merge("b", "c", 5), merge("a", "b", 20), merge("c", "d", 21), merge("d", "e", 22)])
    assert cut is not None
    assert (cut.merge.bits, cut.larger, cut.smaller) == (5, 3, 2)
    assert {member.id for member in cut.members} == {"a", "b"}


def test_of_equally_weak_merges_the_first_is_taken() -> None:
    cut = weakest_cut([merge("a", "b", 5), merge("b", "c", 5)])
    assert cut is not None
    assert {member.id for member in cut.members} == {"a"}


def test_what_was_stated_is_never_the_weakest() -> None:
    cut = weakest_cut([merge("a", "organisation:o", 0, "declared"), merge("a", "b", 18)])
    assert cut is not None
    assert (cut.merge.bits, cut.larger, cut.smaller) == (18, 2, 1)


def test_a_cluster_that_rests_on_no_evidence_has_no_cut() -> None:
    assert weakest_cut([merge("a", "organisation:o", 0, "declared")]) is None
    assert weakest_cut([]) is None
