"""Values look as they do at a provider, and different things never look the same."""

from __future__ import annotations

import ipaddress
import itertools

import numpy as np
import phonenumbers
import pytest

from linkage.normalise import Context
from linkage.normalise.kinds import KINDS
from linkage.scenario.habits import HABITS, Spelling
from linkage.scenario.values import (
    FIRST,
    IPV6_BIT,
    LAST,
    PRIVATE_DOMAINS,
    account_ids,
    domains,
    writers,
)

OWNERS = np.arange(200_000)
NONE = np.zeros(len(OWNERS), dtype=np.uint64)
VARIANTS = np.random.default_rng(1).integers(0, 1 << 32, len(OWNERS), dtype=np.uint64)
COUNTRIES = ("US", "GB", "DE", "FR", "ES", "PL", "BR", "IN", "ID", "MX", "CN", "KR", "RU", "SG")
SPELLINGS = [habit.spelling for habit in HABITS.values()]


def test_first_and_last_names_run_together_in_one_way_only() -> None:
    together = [first + last for first, last in itertools.product(FIRST, LAST)]
    assert len(set(together)) == len(together)


@pytest.mark.parametrize("kind", ["phone", "device", "payment_method", "ip", "prompt_template", "referral_code"])
def test_different_owners_have_different_values(kind: str) -> None:
    for spelling in SPELLINGS:
        written = writers(spelling, 3)[kind](OWNERS, NONE)
        assert len(written.unique()) == len(OWNERS)


def test_a_mailbox_written_in_any_way_is_one_mailbox_and_no_other() -> None:
    write = writers(Spelling(odd_mail=0.9), 3)["email"]
    owners = OWNERS[:4_000]
    normalise = KINDS["email"].normalise
    plain = [normalise(text, Context()) for text in write(owners, NONE[:4_000]).to_pylist()]
    odd = [normalise(text, Context()) for text in write(owners, VARIANTS[:4_000]).to_pylist()]
    assert plain == odd
    assert None not in plain
    assert len(set(plain)) == len(owners)
    assert write(owners, NONE[:4_000]) != write(owners, VARIANTS[:4_000])


def test_phone_numbers_of_every_country_are_valid_mobile_numbers() -> None:
    owners = OWNERS[:3_000]
    for country in COUNTRIES:
        written = writers(Spelling(countries=(country,)), 1)["phone"](owners, NONE[:3_000]).to_pylist()
        valid = sum(phonenumbers.is_valid_number(phonenumbers.parse(number)) for number in written)
        assert valid == len(owners), country


def test_addresses_are_public() -> None:
    write = writers(Spelling(), 1)["ip"]
    places = np.random.default_rng(1).integers(0, 1 << 32, 5_000)
    for text in write(places, NONE[:5_000]).to_pylist():
        assert ipaddress.IPv4Address(text).is_global, text
    for text in write(IPV6_BIT + places, VARIANTS[:5_000]).to_pylist():
        address = ipaddress.IPv6Address(text)
        assert address.is_global, text
        assert str(address) == text


def test_hosts_of_one_network_share_its_64_bits() -> None:
    write = writers(Spelling(), 1)["ip"]
    written = write(np.full(50, IPV6_BIT + 7), VARIANTS[:50]).to_pylist()
    assert len(set(written)) == 50
    assert len({ipaddress.ip_network(f"{text}/64", strict=False) for text in written}) == 1


def test_every_kind_is_taken_by_the_normalisers() -> None:
    for spelling in SPELLINGS:
        for kind, write in writers(spelling, 5).items():
            for text in write(OWNERS[:300], VARIANTS[:300] & np.uint64(0xFFFFFFFF)).to_pylist():
                assert KINDS[kind].normalise(text, Context()) is not None, (kind, text)


@pytest.mark.parametrize("style", sorted({spelling.account_id for spelling in SPELLINGS}))
def test_account_ids_are_unique(style: str) -> None:
    assert len(account_ids(style, OWNERS, 1).unique()) == len(OWNERS)


def test_domains_of_organisations_and_families_are_unique() -> None:
    owners = np.concatenate([OWNERS, OWNERS + PRIVATE_DOMAINS])
    assert len(domains(owners).unique()) == len(owners)
