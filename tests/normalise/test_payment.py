"""Payment methods, payment accounts and bank accounts; card numbers never pass."""

from __future__ import annotations

import pytest

from linkage.normalise import KINDS
from linkage.normalise.cards import holds_card_number, mask_cards

CARDS = (
    *("4111111111111111", "4111 1111 1111 1111", "4111-1111-1111-1111", "5555555555554444", "378282246310005"),
    *("6011111111111117", "30569309025904", "3530111333300000", "6200000000000005"),
)


@pytest.mark.parametrize("card", CARDS)
@pytest.mark.parametrize("kind", ["payment_method", "bank_account", "device", "referral_code", "no_such_kind"])
def test_card_numbers_are_refused(kind: str, card: str) -> None:
    from linkage.normalise import kind_of

    assert kind_of(kind).normalise(card) is None
    assert kind_of(kind).refuses(card)


def test_a_payment_field_refuses_every_number_that_passes_the_check() -> None:
    assert KINDS["payment_method"].refuses("9999 9999 9999 9995")
    assert not KINDS["bank_account"].refuses("9999 9999 9999 9995")


def test_a_card_number_behind_a_prefix_is_one_and_a_token_of_digits_is_none() -> None:
    assert KINDS["payment_method"].normalise("card_4111111111111111") is None
    assert KINDS["payment_method"].normalise("card_9999999999999995") == "card_9999999999999995"


def test_accounts_of_a_payment_service_may_look_like_cards() -> None:
    assert KINDS["payment_account"].normalise("4111 1111 1111 1111") == "4111111111111111"


@pytest.mark.parametrize(
    ("raw", "value"), [("card_000602a5dec68d94", "card_000602a5dec68d94"), ("pm_1Abc 2Def", "pm_1Abc2Def")]
)
def test_fingerprints_keep_their_case(raw: str, value: str) -> None:
    assert KINDS["payment_method"].normalise(raw) == value


@pytest.mark.parametrize("raw", ["aaaaaaa", "****1111", "x!"])
def test_what_no_processor_sends_is_junk(raw: str) -> None:
    assert KINDS["payment_method"].normalise(raw) is None


@pytest.mark.parametrize("raw", ["Jane@Wallet", "12", "1111111"])
def test_payment_accounts_are_numbers_or_names(raw: str) -> None:
    assert KINDS["payment_account"].normalise(raw) == (raw.lower() if "@" in raw else None)


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ("de89 3704 0044 0532 0130 00", "DE89370400440532013000"),
        ("IBAN: GB29 NWBK 6016 1331 9268 19", "GB29NWBK60161331926819"),
        ("DE89 3704 0044 0532 0130 01", None),
        ("12-34-56 12345678", "12345612345678"),
        ("abc", None),
        ("savings", None),
    ],
)
def test_ibans_are_checked_and_other_accounts_are_taken(raw: str, value: str | None) -> None:
    assert KINDS["bank_account"].normalise(raw) == value


@pytest.mark.parametrize(("value", "masked"), [("DE89370400440532013000", "DE***3000"), ("12345612345678", "***5678")])
def test_the_mask_of_an_account_shows_its_end(value: str, masked: str) -> None:
    assert KINDS["bank_account"].mask(value) == masked


def test_cards_are_masked_wherever_they_stand_in_a_text() -> None:
    text = '{"note": "paid by 4111 1111 1111 1111, again", "at": "2026-01-01T00:00:00", "id": 41111111111111112222}'
    assert mask_cards(text, issued_only=True) == text.replace("4111 1111 1111 1111", "****1111")
    assert not holds_card_number("2026-11-23 03:00:00", issued_only=False)
    assert not holds_card_number("0000000000000000", issued_only=False)
