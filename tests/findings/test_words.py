"""How sentences write things: rounded, masked, and adding up."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkage.findings import words

BITS = st.floats(-40, 40, allow_nan=False)


@given(st.lists(BITS, max_size=30))
def test_rounded_bits_add_up_to_their_rounded_sum_and_none_is_off_by_a_tenth(bits: list[float]) -> None:
    shown = words.adding_up(bits)
    assert sum(shown) == pytest.approx(sum(bits), abs=0.0501)
    assert all(abs(one - exact) < 0.1001 for one, exact in zip(shown, bits, strict=True))


@given(st.lists(BITS, min_size=1, max_size=30), st.floats(-0.1, 0.1))
def test_rounded_bits_add_up_to_a_total_that_is_given(bits: list[float], off: float) -> None:
    # The ledger keeps the pieces of a merge with two places: their sum may miss the merge's own by some hundredths.
    total = sum(bits) + off
    assert sum(words.adding_up(bits, total)) == pytest.approx(round(total, 1), abs=0.1001 if len(bits) == 1 else 0.0501)


@pytest.mark.parametrize(
    ("bits", "said"),
    [
        (15.29, "multiplies the odds by about 40,000"),
        (3.32, "multiplies the odds by about 10"),
        (0.5, "multiplies the odds by about 1.4"),
        (-2.0, "divides the odds by about 4"),
        (21, "multiplies the odds by about 2.1 million"),
        (60, "multiplies the odds by more than a thousand trillion"),
        (0.01, "leaves the odds as they are"),
    ],
)
def test_bits_are_told_as_what_they_do_to_the_odds(bits: float, said: str) -> None:
    assert words.changes(bits) == said


@pytest.mark.parametrize(
    ("probability", "said"),
    [(1.0, "more than 99.9 %"), (0.9994, "99.9 %"), (0.8, "80.0 %"), (0.0, "less than 0.1 %"), (0.001, "0.1 %")],
)
def test_nothing_is_ever_certain(probability: float, said: str) -> None:
    assert words.percent(probability) == said


def _at(month: int, day: int, year: int = 2026) -> datetime:
    return datetime(year, month, day, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("first", "last", "said"),
    [
        (_at(5, 3), _at(5, 9), "between 3 and 9 May 2026"),
        (_at(5, 3), _at(5, 3), "on 3 May 2026"),
        (_at(4, 28), _at(5, 3), "between 28 April and 3 May 2026"),
        (_at(12, 28, 2025), _at(1, 3), "between 28 December 2025 and 3 January 2026"),
        (None, _at(5, 3), "on 3 May 2026"),
        (None, None, ""),
    ],
)
def test_a_period_is_told_in_days(first: datetime | None, last: datetime | None, said: str) -> None:
    assert words.period(first, last) == said


def test_values_are_masked_by_the_rule_of_their_kind_and_behaviour_is_not_a_value() -> None:
    assert words.masked("email", "ann@example.com") == "a***@example.com"
    assert words.masked("sign_up", "3.2 days apart") == "3.2 days apart"


def test_kinds_have_names_that_people_use() -> None:
    assert words.noun("ip") == "IP address"
    assert words.noun("payment_method", 2) == "payment methods"
    assert words.noun("loyalty_card", 3) == "loyalty cards"
    assert words.noun("ip", 2) == "IP addresses"
    assert words.noun("date_of_birth", 2) == "dates of birth"
    assert words.noun("sign_up") == "sign-up time"


def test_shares_and_lists() -> None:
    assert [words.share(part) for part in (0, 0.18, 1)] == ["none", "18 %", "all"]
    assert words.listed([]) == ""
    assert words.listed(["a"]) == "a"
    assert words.listed(["a", "b", "c"]) == "a, b and c"
