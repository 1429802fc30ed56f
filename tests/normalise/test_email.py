"""E-mail addresses: one mailbox, one value."""

from __future__ import annotations

import pytest

from linkage.normalise import KINDS


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ("Jane.Doe@Example.ORG", "jane.doe@example.org"),
        ("jane.doe+news@example.org", "jane.doe@example.org"),
        ("J.a.n.e@gmail.com", "jane@gmail.com"),
        ("jane+x@googlemail.com", "jane@gmail.com"),
        ("jane_doe@protonmail.com", "janedoe@proton.me"),
        ("jane@ya.ru", "jane@yandex.ru"),
        ("mailto:jane@example.org", "jane@example.org"),
        ("Jay Jones <jjones@fmail.com>", "jjones@fmail.com"),
        ("jane@bücher.example.org", "jane@xn--bcher-kva.example.org"),
        ("o'brien@example.org", "o'brien@example.org"),
    ],
)
def test_spellings_of_one_mailbox_become_one(raw: str, value: str) -> None:
    assert KINDS["email"].normalise(raw) == value


@pytest.mark.parametrize(
    "raw",
    [
        "01/31/13",
        "jane",
        "jane@",
        "@example.org",
        "a@b",
        "test@test.com",
        "none@none.com",
        "+tag@gmail.com",
        "a b@c.de",
    ],
)
def test_what_is_no_mailbox_is_junk(raw: str) -> None:
    assert KINDS["email"].normalise(raw) is None


def test_the_mask_shows_the_first_letter_and_the_domain() -> None:
    assert KINDS["email"].mask("jane.doe@example.org") == "j***@example.org"


@pytest.mark.parametrize(("raw", "value"), [("jane@Example.org", "example.org"), ("googlemail.com", "gmail.com")])
def test_the_domain_of_an_address_counts_without_the_address(raw: str, value: str) -> None:
    assert KINDS["email_domain"].normalise(raw) == value
