"""Organisations, their domains and addresses."""

from __future__ import annotations

import pytest

from linkage.normalise import KINDS


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ("ACME Widgets, Inc.", "acme widgets"),
        ("Acme Widgets Ltd", "acme widgets"),
        ("The Acme Widgets Limited", "acme widgets"),
        ("Müller & Söhne GmbH & Co. KG", "muller and sohne"),
        ("ООО Ромашка", "ooo romashka"),
        ("Precious Little One's Learning\nCenter, Inc.", "precious little ones learning center"),
        ("GmbH", "gmbh"),
        ("!!", None),
    ],
)
def test_names_of_one_organisation_become_one(raw: str, value: str | None) -> None:
    assert KINDS["organisation_name"].normalise(raw) == value


@pytest.mark.parametrize(("raw", "value"), [("org_AbC1", "org_AbC1"), ("Universal Exports Inc", "universal exports")])
def test_an_organisation_is_known_by_its_id_or_its_name(raw: str, value: str) -> None:
    assert KINDS["organisation"].normalise(raw) == value


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ("https://www.Example.org:8080/path?q=1", "example.org"),
        ("WWW.CPS.EDU", "cps.edu"),
        ("user@shop.example.org", "shop.example.org"),
        ("bücher.de", "xn--bcher-kva.de"),
        ("Yes", None),
        ("203.0.113.7", None),
        ("localhost", None),
        (f"{'a' * 64}.de", None),
        ("ex_ample.org", None),
    ],
)
def test_domains_come_out_of_addresses_of_the_web(raw: str, value: str | None) -> None:
    assert KINDS["domain"].normalise(raw) == value


@pytest.mark.parametrize(
    ("raw", "other"),
    [
        ("1515 Adela Lane, Las Vegas, NV, 89132", "1515 ADELA LN LAS VEGAS NV 89132"),
        ("100 Main Street, Apt. 5", "100 Main St #5"),
        ("P.O. Box 12, Lake Villa", "PO Box 12 Lake Villa"),
        ("Ansbacher Straße 23, Düsseldorf", "Ansbacherstrasse 23 Dusseldorf"),
        ("59th Street 3001 West", "59 st. 3001 W"),
    ],
)
def test_an_address_written_in_two_ways_is_one(raw: str, other: str) -> None:
    value = KINDS["postal_address"].normalise(raw)
    assert value is not None
    assert value == KINDS["postal_address"].normalise(other)


def test_a_bare_number_is_no_address() -> None:
    assert KINDS["postal_address"].normalise("60302-1234") is None


def test_the_mask_of_an_address_shows_its_last_word() -> None:
    assert KINDS["postal_address"].mask("1515 adela ln las vegas nv 89132") == "*** 89132"
