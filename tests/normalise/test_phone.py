"""Phone numbers."""

from __future__ import annotations

import pytest

from linkage.normalise import KINDS, Context


@pytest.mark.parametrize(
    ("raw", "region", "value"),
    [
        ("+44 20 7946 0018", None, "+442079460018"),
        ("+44 (0)20 7946 0018", None, "+442079460018"),
        ("0044 20 7946 0018", None, "+442079460018"),
        ("tel:+1-202-555-0143", None, "+12025550143"),
        ("020 7946 0018", "GB", "+442079460018"),
        ("(202) 555-0143 ext. 12", "US", "+12025550143"),
        ("+39 06 698 12345", None, "+390669812345"),
        ("+442001050885", None, "+442001050885"),
        ("702-919-1300", None, "7029191300"),
        ("386-5286", "US", "3865286"),
    ],
)
def test_numbers_become_international_where_their_country_is_known(raw: str, region: str | None, value: str) -> None:
    assert KINDS["phone"].normalise(raw, Context(region)) == value


@pytest.mark.parametrize("raw", ["7.73E+016", "0000000", "12", "call me", "+1", "1" * 20, "+999999999999999999"])
def test_what_nobody_can_dial_is_junk(raw: str) -> None:
    assert KINDS["phone"].normalise(raw, Context("US")) is None


def test_the_mask_shows_the_country_and_two_digits() -> None:
    assert KINDS["phone"].mask("+442079460018") == "+44***18"
