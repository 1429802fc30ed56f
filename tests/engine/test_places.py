"""Sharing classes from patterns of use: one pattern a place, with the reason it gives."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from linkage.engine import Facts, resolve
from linkage.engine.places import RULES
from linkage.model.sharing_class import CALLED, SharingClass
from tests.engine.conftest import accounts, observed, organisations

Row = tuple[object, ...]
Rows = list[Row]
HERE, NEXT_TO_IT = "203.0.113.7", "203.0.113.8"


def _people(number: int) -> Rows:
    """People with a mailbox and a machine of their own, seen over 170 days."""
    return [(f"p{n:04}", kind, f"{kind} of {n}", 0, 170) for n in range(number) for kind in ("email", "device")]


def _visits(number: int, stay: float, kind: str = "ip", value: str = HERE, over: float = 160) -> Rows:
    """So many people who use the value for so long each, spread over so many days."""
    return [
        (f"p{n:04}", kind, value, over * n / number, min(over * n / number + stay, 170 + stay)) for n in range(number)
    ]


def _told(rows: Rows, **facts: object) -> tuple[str, str]:
    """Class and reason of the value."""
    resolution = resolve(Facts(observations=observed(rows), **facts))  # type: ignore[arg-type]
    (found,) = [row for row in resolution.identifiers.to_pylist() if row["value"] == HERE]
    return found["sharing_class"], found["class_reason"]


CROWD = 120


@pytest.mark.parametrize(
    ("rows", "name", "reason"),
    [
        # Everybody comes back for as long as they are customers.
        (lambda: _people(30) + _visits(30, 150, over=9), "office", "30 holders stay 150 days each, 88 % of their time"),
        (lambda: _people(CROWD) + _visits(CROWD, 150, over=10), "campus", "120 holders stay 150 days each"),
        # A carrier: half a day each, and most come back on the address next to it.
        (
            lambda: _people(CROWD) + _visits(CROWD, 0.5) + _visits(CROWD - 20, 0.5, value=NEXT_TO_IT),
            "mobile",
            "120 holders stay 12 hours each; 83 % come back on a neighbouring address",
        ),
        # So many behind one exit at a time are a carrier's, whether there is another exit or not.
        (lambda: _people(CROWD) + _visits(CROWD, 40), "mobile", "120 holders stay 40 days each"),
        (lambda: _people(CROWD) + _visits(CROWD, 0.5), "vpn", "120 holders stay 12 hours each; 0 % come back"),
        (lambda: _people(30) + _visits(30, 0.25), "public", "30 holders stay 6 hours each"),
        (lambda: _people(30) + _visits(30, 2, over=3), "public", "four in five of 30 holders came within 2.3 days"),
        # A lease ends, the next household gets the address.
        (lambda: _people(8) + _visits(8, 15), "home", "8 holders stay 15 days each, one after the other"),
        (lambda: _people(4) + _visits(4, 150, over=10), "home", "4 holders stay 150 days each"),
        # Crowded leases, or a server that changes hands: nothing tells.
        (lambda: _people(20) + _visits(20, 30), "unknown", "20 holders stay 30 days each, 18 % of their time, which"),
        (lambda: [(f"p{n}", "ip", HERE) for n in range(30)], "unknown", "it is not known when it was used"),
    ],
)  # fmt: skip
def test_an_address_is_known_by_how_long_people_stay(rows: Callable[[], Rows], name: str, reason: str) -> None:
    told = _told(rows())
    assert told[0] == name
    assert told[1].startswith(reason)


@pytest.mark.parametrize(
    ("kind", "rows", "name", "reason"),
    [
        ("device", lambda: _visits(2, 60, "device"), "second-hand", "2 holders stay 60 days each, one after the other"),
        ("device", lambda: _visits(3, 150, "device", over=9), "home", "3 holders stay 150 days each"),
        ("device", lambda: _visits(12, 0.2, "device"), "public", "12 holders stay 5 hours each, 0 % of their time"),
        ("device", lambda: _visits(12, 60, "device"), "reseller", "12 holders stay 60 days each"),
        ("phone", lambda: _visits(4, 35, "phone"), "second-hand", "4 holders stay 35 days each, one after the other"),
        ("payment_method", lambda: _visits(3, 60, "payment_method"), "home", "3 holders stay 60 days each"),
        ("payment_method", lambda: _visits(30, 60, "payment_method"), "reseller", "30 holders stay 60 days each"),
        ("prompt_template", lambda: _visits(6, 60, "prompt_template"), "public", "it goes round in 6 clusters"),
        ("user_agent", lambda: _visits(25, 60, "user_agent"), "public", "25 clusters show it"),
        ("user_agent", lambda: _visits(3, 60, "user_agent"), "unknown", "3 holders stay 60 days each, which fits no"),
    ],
)
def test_machines_cards_and_texts_are_known_by_who_holds_them(
    kind: str, rows: Callable[[], Rows], name: str, reason: str
) -> None:
    people = [row for row in _people(30) if kind not in row]
    told = _told(people + rows())
    assert (told[0], told[1][: len(reason)]) == (name, reason)


def test_what_one_cluster_holds_is_its_own_and_many_of_its_accounts_make_a_pool() -> None:
    def ring(number: int) -> Rows:
        links = [(f"r{n}", kind, f"{kind} of all", 0, 9) for n in range(number) for kind in ("email", "phone")]
        return [*links, *((f"r{n}", "ip", HERE, 0, 9) for n in range(number))]

    assert _told(ring(3)) == ("private", "all 3 holders are of one cluster")
    assert _told(ring(9)) == ("pool", "all 9 holders are of one cluster")
    stranger = ("s", "ip", HERE, 0, 9)
    assert _told([*ring(9), stranger])[1].startswith("9 of 10 holders are of one cluster")


@pytest.mark.parametrize(
    ("type_", "name"),
    [("company", "office"), ("reseller", "reseller"), ("university", "campus"), ("public", "public"), ("", "office")],
)
def test_holders_who_declare_one_organisation_are_where_that_is(type_: str, name: str) -> None:
    people = [{"account_id": f"p{n:04}", "organisation_id": "o" if n else None} for n in range(10)]
    told = _told(
        _people(10) + _visits(10, 150, over=10),
        accounts=accounts(people),
        organisations=organisations([{"organisation_id": "o", "attributes": f'{{"type": "{type_}"}}'}]),
    )
    assert (told[0], told[1].split(";")[0]) == (name, "9 of 10 holders declare one organisation")


def test_an_address_of_ipv6_has_neighbours_in_its_48() -> None:
    """Values of IPv6 are their /64."""
    here, beside, elsewhere = "2001:db8:1:2::/64", "2001:db8:1:3::/64", "2001:db8:2:2::/64"
    rows = _people(CROWD)
    for value in (here, beside, elsewhere):
        rows += _visits(CROWD if value != elsewhere else 90, 0.5, value=value)
    found = {row["value"]: row for row in resolve(Facts(observations=observed(rows))).identifiers.to_pylist()}
    assert {value: found[value]["sharing_class"] for value in (here, elsewhere)} == {here: "mobile", elsewhere: "vpn"}


def test_the_evidence_of_a_cluster_names_the_place_that_counted_for_nothing() -> None:
    """Two who are one actor by mail and phone, behind a carrier's exit and in a browser that everybody has."""
    pair: Rows = [(who, kind, f"{kind} of both", 0, 90) for who in ("p0000", "p0001") for kind in ("email", "phone")]
    browser = _visits(450, 40, "user_agent", "browser")
    resolution = resolve(Facts(observations=observed([*_people(CROWD), *_visits(CROWD, 40), *browser, *pair])))
    told = {row["value"]: row["reason"] for row in resolution.evidence.to_pylist()}
    assert told["browser"] == "0 bits: public, 450 holders in 449 clusters"
    assert told[HERE].startswith("counted 0.5 of 6.3 bits: carrier NAT, ")


def test_every_class_that_a_rule_names_is_called_something() -> None:
    named = {rule.means for rule in RULES if isinstance(rule.means, SharingClass)}
    assert {*named, *SharingClass} - {*CALLED, SharingClass.UNKNOWN} == set()
    assert not {SharingClass.HOSTING, SharingClass.RELAY, SharingClass.FREE, SharingClass.DISPOSABLE} & named
