"""Secrets, templates, codes, cohorts."""

from __future__ import annotations

import hashlib

import pytest

from linkage.normalise import KINDS

KEY = "sk-live-51H8aFQ2eZvKYlo2C"
FINGERPRINT = f"sha256:{hashlib.sha256(KEY.encode()).hexdigest()}"


@pytest.mark.parametrize("raw", [KEY, FINGERPRINT, hashlib.sha256(KEY.encode()).hexdigest().upper()])
def test_of_an_api_key_only_the_fingerprint_is_left(raw: str) -> None:
    assert KINDS["api_key"].normalise(raw) == FINGERPRINT


@pytest.mark.parametrize("raw", ["short", "a" * 40, "two words that are long"])
def test_what_could_be_guessed_is_no_api_key(raw: str) -> None:
    assert KINDS["api_key"].normalise(raw) is None


def test_the_mask_of_an_api_key_shows_the_first_digits_of_its_fingerprint() -> None:
    assert KINDS["api_key"].mask(FINGERPRINT) == f"{FINGERPRINT[:15]}***"


def test_a_template_that_comes_as_text_counts_as_its_hash() -> None:
    text = "You are a helpful assistant. Answer {question} briefly."
    value = KINDS["prompt_template"].normalise(text)
    assert value is not None
    assert value.startswith("sha256:")
    assert value == KINDS["prompt_template"].normalise(text.upper())
    assert KINDS["prompt_template"].normalise("tpl:0007a355bdef06d8") == "tpl:0007a355bdef06d8"


@pytest.mark.parametrize(
    ("kind", "raw", "value"),
    [
        ("referral_code", "spring-26 x", "SPRING26X"),
        ("referral_code", "ab", None),
        ("signup_cohort", "2026-W03 Launch", "2026-w03 launch"),
    ],
)
def test_codes_and_cohorts_have_one_case(kind: str, raw: str, value: str | None) -> None:
    assert KINDS[kind].normalise(raw) == value
