from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkage.model import Decision, End, Evidence, Explanation, Identifier, Judgement, Merge, Subject, SubjectType
from linkage.model.decision import cluster_end, part_end
from linkage.model.identifier import opaque_id

A, B, C = (Subject.account(name) for name in "abc")


def test_a_subject_reads_back_from_its_text() -> None:
    assert Subject.parse("organisation:acme") == Subject(SubjectType.ORGANISATION, "acme")
    assert Subject.parse(str(Subject.account("a"))) == Subject.account("a")


def test_a_bare_id_is_an_account_even_with_a_colon_in_it() -> None:
    # the ids of some sources carry their system's name in front: CUSTOMERS:1001
    assert Subject.parse("CUSTOMERS:1001") == Subject.account("CUSTOMERS:1001")


@given(st.text(min_size=1))
def test_any_account_survives_the_way_through_text(account_id: str) -> None:
    assert Subject.parse(str(Subject.account(account_id))) == Subject.account(account_id)


def test_what_is_empty_cannot_be_built() -> None:
    with pytest.raises(ValueError, match="needs an id"):
        Subject.account("")
    with pytest.raises(ValueError, match="a kind and a value"):
        Identifier("ip", "")
    with pytest.raises(ValueError, match="account:a is on both"):
        Decision(End.of(A), End.of(A), Judgement.SAME)


def test_an_identifier_reads_back_from_its_key_though_its_value_has_colons() -> None:
    address = Identifier("ip", "2001:db8::/64")
    assert Identifier.of_key(address.key) == address


def test_an_opaque_id_depends_on_the_secret() -> None:
    assert opaque_id("ip:1.2.3.4", b"a" * 32) != opaque_id("ip:1.2.3.4", b"b" * 32)
    assert "1.2.3.4" not in opaque_id("ip:1.2.3.4", b"a" * 32)


def test_the_bits_shown_add_up_to_the_total() -> None:
    pieces = tuple(
        Evidence(Identifier("ip", value), bits, 5.0, 2, 2, "", datetime.now(UTC))
        for value, bits in (("a", 3.0), ("b", -1.0), ("c", 0.0))
    )
    explanation = Explanation(Subject.account("a"), Subject.account("b"), pieces, prior_bits=-2.0, threshold=0.5)
    assert explanation.total_bits == 2.0
    assert explanation.posterior == 0.5
    assert explanation.linked


def test_overwhelming_evidence_does_not_overflow() -> None:
    piece = Evidence(Identifier("decision", "x"), 1e6, 1e6, 2, 2, "")
    left, right = Subject.account("a"), Subject.account("b")
    assert Explanation(left, right, (piece,), -10, 0.8).posterior == 1.0


def test_a_merge_reads_its_evidence_and_what_was_stated() -> None:
    row = {
        "round": 3,
        "left": "account:a",
        "right": "b",
        "left_size": 2,
        "right_size": 1,
        "bits": 17.2,
        "posterior": 0.9,
    }
    pieces = '[{"kind": "ip", "value": "203.0.113.7", "bits": 17.2, "full_bits": 18, "holder_clusters": 2}]'
    merge = Merge.of({**row, "evidence": pieces})
    assert (str(merge.right), merge.stated, merge.evidence[0].bits) == ("account:b", None, 17.2)
    stated = Merge.of({**row, "bits": None, "evidence": '[{"stated": "declared"}]'})
    assert (stated.stated, stated.bits, stated.evidence) == ("declared", 0.0, ())


def test_nobody_is_on_both_sides_of_a_decision() -> None:
    with pytest.raises(ValueError, match="account:b is on both"):
        Decision(cluster_end("cl_1", [A, B]), cluster_end("cl_2", [B, C]), Judgement.DIFFERENT)
    whole = cluster_end("cl_1", [A, B])
    assert Decision(whole.without([B]), End.of(B), Judgement.DIFFERENT).subjects == (A, B)
    with pytest.raises(ValueError, match="cluster:cl_1 stands for nobody"):
        whole.without([A, B])


def test_a_decision_is_the_same_one_wherever_it_is_read_and_another_if_anything_in_it_differs() -> None:
    at = datetime(2026, 5, 3, tzinfo=UTC)
    said = Decision(cluster_end("cl_1", [B, A]), End.of(C), Judgement.SAME, "ann", "a card", at)
    assert Decision.of(said.row) == said
    elsewhere = said.row["decided_at"].astimezone(timezone(timedelta(hours=2)))
    assert Decision.of({**said.row, "decided_at": elsewhere}).id == said.id
    changes = {"judgement": Judgement.DIFFERENT, "author": None, "reason": "", "decided_at": None, "right": End.of(A)}
    others = [replace(said, left=End.of(B))] + [replace(said, left=End.of(B), **{k: v}) for k, v in changes.items()]
    assert len({said.id, *(other.id for other in others)}) == 1 + len(others)


def test_an_end_knows_its_cluster() -> None:
    assert part_end("cl_1", Subject.organisation("x:y"), [A]).cluster == "cl_1"
    assert cluster_end("cl_1", [A]).cluster == "cl_1"
    assert End.of(Subject.account("cluster:cl_1")).cluster is None
