"""The table of kinds: what holds for every kind in it."""

from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from linkage.normalise import KINDS, Cards, Context, canonical_name, kind_of
from linkage.normalise.kinds import OTHER
from linkage.normalise.text import show_all

#: The kinds that the load format promises.
PROMISED = (
    *("email", "email_domain", "phone", "payment_method", "bank_account", "ip", "device", "user_agent"),
    *("tls_fingerprint", "organisation", "organisation_name", "domain", "postal_address", "api_key"),
    *("prompt_template", "referral_code", "signup_cohort"),
)
EVERY = pytest.mark.parametrize("name", KINDS)
TEXTS = st.one_of(
    st.text(max_size=60),
    st.from_regex(r"[A-Za-z0-9+@.:/ _,#-]{1,60}", fullmatch=True),
    st.emails(),
    st.ip_addresses().map(str),
    st.from_regex(r"\+?[0-9 ()-]{5,20}", fullmatch=True),
    st.from_regex(r"[0-9]{1,2}[./-][0-9]{1,2}[./-][0-9]{2,4}", fullmatch=True),
)
REGIONS = st.sampled_from([None, "US", "GB", "DE", "IT", "BR"])
FREELY = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("name", PROMISED)
def test_every_kind_of_the_load_format_is_there(name: str) -> None:
    assert KINDS[name].name == name


def test_no_two_kinds_answer_to_one_name_or_label() -> None:
    names = [name for kind in KINDS.values() for name in (kind.name, *kind.aliases)]
    labels = [kind.label for kind in KINDS.values()]
    assert len(set(names)) == len(names)
    assert len(set(labels)) == len(labels)
    assert OTHER not in labels


@EVERY
@FREELY
@given(text=TEXTS, region=REGIONS)
def test_a_normalised_value_normalises_to_itself(name: str, text: str, region: str | None) -> None:
    kind, context = KINDS[name], Context(region)
    value = kind.normalise(text, context)
    if value is not None:
        assert kind.normalise(value, context) == value
        assert 0 < len(value) <= 1024


@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if kind.canonical])
@settings(FREELY, max_examples=20)
@given(data=st.data(), region=REGIONS)
def test_what_the_canonical_form_matches_is_already_normal(name: str, data: st.DataObject, region: str | None) -> None:
    kind = KINDS[name]
    assert kind.canonical is not None
    value = data.draw(
        st.from_regex(re.compile(kind.canonical, re.ASCII), fullmatch=True).filter(lambda v: len(v) <= 1024)
    )
    doubtful = kind.unless is not None and re.search(kind.unless, value)
    if not doubtful and not (kind.cards is not Cards.NONE and re.search(r"\d(?:[ -]?\d){11}", value)):
        assert kind.normalise(value, Context(region)) == value


@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if kind.mask is not show_all])
@FREELY
@given(text=TEXTS)
def test_a_mask_hides_something_unless_everybody_may_see_all(name: str, text: str) -> None:
    kind = KINDS[name]
    value = kind.normalise(text)
    if value is not None and name != "user_agent":
        assert kind.mask(value) != value


@pytest.mark.parametrize(
    "junk", ["n/a", "N/A", "unknown", " None ", "null", "-", "", "  ", "\x00\x01", "a\ufffdb", "x" * 70_000]
)
@EVERY
def test_placeholders_and_binary_junk_are_no_values(name: str, junk: str) -> None:
    assert KINDS[name].normalise(junk) is None


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("E-Mail", "email"),
        ("org_name", "organisation_name"),
        (" Fax ", "phone"),
        ("website", "domain"),
        ("DOB", "date_of_birth"),
        ("ip address", "ip"),
        ("badge", "badge"),
        ("", None),
        ("9lives", None),
        ("naïve", None),
        ("a" * 65, None),
    ],
)
def test_kinds_answer_to_their_aliases_in_any_case(text: str, name: str | None) -> None:
    assert canonical_name(text) == name


def test_a_kind_that_nobody_declared_is_taken_as_it_comes() -> None:
    kind = kind_of("Badge Number")
    assert (kind.name, kind.label) == ("badge_number", OTHER)
    assert kind.normalise("  B  17\t") == "B 17"
    assert kind.normalise("4111 1111 1111 1111") is None


def test_a_name_that_can_be_no_kind_is_an_error_of_the_caller() -> None:
    with pytest.raises(ValueError, match="cannot be the name of a kind"):
        kind_of("!")
