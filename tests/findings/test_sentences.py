"""Explanations in sentences: nothing that was counted is left out, and nothing shows a whole value."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkage.findings import sentences
from linkage.findings.cuts import weakest_cut
from linkage.model import Evidence, Explanation, Identifier, Merge, MergePiece, Subject
from linkage.model.explanation import DIFFERENCE, SIGN_UP

A, B = Subject.account("a1"), Subject.account("a2")
CARD = Identifier("payment_method", "fp_9kynge4kzp56n09lu")


def at(day: int) -> datetime:
    return datetime(2026, 5, day, tzinfo=UTC)


def piece(identifier: Identifier, bits: float, full: float | None = None, reason: str = "private", holders: int = 2):  # type: ignore[no-untyped-def]
    return Evidence(identifier, bits, bits if full is None else full, holders, 2, reason, at(3), at(9), at(3), at(9))


def explanation(*evidence: Evidence) -> Explanation:
    return Explanation(A, B, evidence, -15.0, 0.8)


def told(*evidence: Evidence) -> str:
    return " ".join(sentences.explained(explanation(*evidence)))


def test_a_piece_tells_who_used_what_when_who_else_and_what_it_does_to_the_odds() -> None:
    assert (
        "Both accounts used the payment method fp***lu between 3 and 9 May 2026; nobody else ever did. "
        "This multiplies the odds by about 40,000 (15.3 bits)."
    ) in told(piece(CARD, 15.3))


def test_different_periods_and_others_are_told() -> None:
    use = Evidence(CARD, 12.0, 12.0, 5, 3, "private", at(3), at(9), None, None)
    assert "(a1 between 3 and 9 May 2026, a2 at an unknown time); 3 others did too." in told(use)


def test_what_was_discounted_says_why() -> None:
    use = piece(CARD, 12.0, 15.6, "private, 2 holders in 2 clusters; 19 days between the two uses")
    assert "Alone it would count 15.6 bits; it was discounted: 19 days between the two uses." in told(use)
    hub = piece(Identifier("ip", "203.0.113.7"), 0.0, -3.0, "0 bits: mobile, 48,211 holders in 30,000 clusters", 48_211)
    assert "48,209 others did too. It counts for nothing: mobile, 48,211 holders in 30,000 clusters." in told(hub)


def test_similar_values_are_shown_side_by_side_and_nobody_is_said_to_use_them() -> None:
    names = Identifier("similar_person_name", "ann smith ~ ann smyth")
    assert "The two have similar names, “a. s.” and “a. s.”; nobody else has either. This" in told(piece(names, 12.0))
    assert "3 others have one of them too." in told(piece(names, 12.0, holders=5))
    merge = Merge(1, A, B, 1, 1, 12.0, 0.9, evidence=(MergePiece(names.kind, names.value, 12.0, 12.0, 2),))
    assert "the similar names “a. s.” and “a. s.” (12.0 bits)" in sentences.merged(merge)


def test_what_both_have_and_do_not_share_speaks_against() -> None:
    assert (
        "Each of the two has a postal address, and neither has the other's or one like it. "
        "This divides the odds by about 4 (−2.0 bits)."
    ) in told(piece(Identifier(DIFFERENCE, "postal_address"), -2.0))


def test_sign_ups_are_told_and_may_speak_against() -> None:
    assert "The two signed up 90.0 days apart. This divides the odds by about 4 (−2.0 bits)." in told(
        piece(Identifier(SIGN_UP, "90.0 days apart"), -2.0)
    )


def test_it_ends_with_total_prior_and_probability() -> None:
    *_, total, prior, last = sentences.explained(explanation(piece(CARD, 17.5)))
    assert total.startswith("Taken together this comes to 17.5 bits: it multiplies the odds by about 190,000")
    assert "1 to 32,768 (−15.0 bits)" in prior
    assert "85.0 %" in last
    assert last.endswith("by itself, what the two share is enough.")


def test_who_shares_nothing_is_told_so() -> None:
    assert "They were never seen to use the same thing." in told()


def test_accounts_and_organisations_are_called_what_they_are() -> None:
    organisation = Subject.organisation("o1")
    mixed = Explanation(organisation, B, (piece(CARD, 9.0),), -15.0, 0.8)
    assert "Both the account and the organisation used" in " ".join(sentences.explained(mixed))
    both = Explanation(organisation, Subject.organisation("o2"), (piece(CARD, 9.0),), -15.0, 0.8)
    assert "Both organisations used" in " ".join(sentences.explained(both))


@given(st.lists(st.floats(-5, 20, allow_nan=False), max_size=40))
def test_the_bits_told_add_up_to_the_total_told(bits: list[float]) -> None:
    found = explanation(*(piece(Identifier("device", f"d{at}"), one) for at, one in enumerate(bits)))
    lines = sentences.explained(found)
    counted = [line for line in lines[1:-3] if "for nothing" not in line]
    said = [float(re.findall(r"([−\d.]+) bits", line)[0].replace("−", "-")) for line in counted if "bits" in line]
    total = float(re.findall(r"comes to ([−\d.]+) bits", lines[-3])[0].replace("−", "-"))
    assert sum(said) == pytest.approx(total, abs=1e-6)
    assert total == pytest.approx(found.total_bits, abs=0.0501)


def test_no_sentence_shows_a_whole_value() -> None:
    values = {
        "payment_method": CARD.value,
        "email": "ann.other@example.com",
        "ip": "203.0.113.7",
        "device": "dev-d1fdf6df51",
    }
    lines = told(*(piece(Identifier(kind, value), 9.0) for kind, value in values.items()))
    merged = sentences.merged(
        Merge(1, A, B, 1, 1, 36.0, 1.0, None, tuple(MergePiece(k, v, 9.0, 9.0) for k, v in values.items()))
    )
    assert not [value for value in values.values() if value in lines or value in merged]


# -- merges


def test_a_merge_tells_its_parts_and_its_evidence_by_kind() -> None:
    pieces = (
        MergePiece("device", "dev-d1fdf6df51", 13.0, 16.0),
        MergePiece("ip", "203.0.113.7", 3.04, 4.0),
        MergePiece("ip", "203.0.113.8", 2.03, 4.0),
        MergePiece(SIGN_UP, "", -1.0, -1.0),
    )
    assert sentences.merged(Merge(3, A, B, 12, 1, 17.1, 0.81, None, pieces)) == (
        "The part of 12 around account a1 and account a2 became one on 17.1 bits of evidence, a probability of 81.0 %: "
        "the device de***51 (13.0 bits), 2 IP addresses (5.1 bits) and the times of sign-up (−1.0 bits)."
    )


@pytest.mark.parametrize(("stated", "why"), [("declared", "is declared"), ("decision", "a person decided")])
def test_a_merge_that_needed_no_evidence_says_why(stated: str, why: str) -> None:
    said = sentences.merged(Merge(0, A, Subject.organisation("o1"), 1, 1, 0.0, 1.0, stated))
    assert said.startswith("Account a1 and organisation o1 became one, since")
    assert why in said


def test_a_cut_tells_what_it_would_fall_into_and_what_else_ties_the_parts() -> None:
    cut = weakest_cut([Merge(1, A, B, 1, 1, 9.5, 0.9, None, (MergePiece("phone", "+447700900123", 9.5, 9.5),))])
    assert cut is not None
    plain = sentences.fallen(cut)
    assert plain.endswith("Without it the cluster falls into a part of 1 and one single subject.")
    assert sentences.fallen(cut, []).endswith("Nothing else ties the two parts.")
    assert "also share 3 IP addresses" in sentences.fallen(cut, [("ip", 3)])
