"""People and their papers."""

from __future__ import annotations

import pytest

from linkage.normalise import KINDS, Context


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ("Smith, Robert", "robert smith"),
        ("Dr. Robert  Smith", "robert smith"),
        ("ВАСИЛЬЕВ, Александр", "aleksandr vasilev"),
        ("O'Neill, Zoë", "zoe oneill"),
        ("123", None),
    ],
)
def test_names_are_plain_words_in_order(raw: str, value: str | None) -> None:
    assert KINDS["person_name"].normalise(raw) == value


@pytest.mark.parametrize(
    ("raw", "region", "value"),
    [
        ("1978-12-11", None, "1978-12-11"),
        ("1978-12-11T00:00:00", None, "1978-12-11"),
        ("12/11/1978", "US", "1978-12-11"),
        ("12/11/1978", "GB", "1978-11-12"),
        ("20/8/1991", "US", "1991-08-20"),
        ("10/27/76", None, "1976-10-27"),
        ("Mar 1 1970", None, "1970-03-01"),
        ("1 March, 1970", None, "1970-03-01"),
        ("15-Mar-92", None, "1992-03-15"),
        ("30/30/1970", None, None),
        ("1066-10-14", None, None),
        ("spring", None, None),
    ],
)
def test_dates_of_birth_are_iso_dates(raw: str, region: str | None, value: str | None) -> None:
    assert KINDS["date_of_birth"].normalise(raw, Context(region)) == value


@pytest.mark.parametrize(
    ("kind", "raw", "value"),
    [
        ("national_id", "294-66-9999", "294669999"),
        ("passport", "c 0123-4567", "C01234567"),
        ("tax_id", "000000000", None),
        ("drivers_license", "none!", None),
        ("lei", "5493001KJTIIGC8Y1R12", "5493001KJTIIGC8Y1R12"),
        ("lei", "5493001KJTIIGC8Y1R13", None),
    ],
)
def test_numbers_of_papers_lose_their_separators(kind: str, raw: str, value: str | None) -> None:
    assert KINDS[kind].normalise(raw) == value


@pytest.mark.parametrize(
    ("kind", "value", "masked"),
    [
        ("person_name", "robert smith", "r. s."),
        ("date_of_birth", "1978-12-11", "1978-**-**"),
        ("national_id", "294669999", "***99"),
    ],
)
def test_masks_show_what_helps_and_no_more(kind: str, value: str, masked: str) -> None:
    assert KINDS[kind].mask(value) == masked
