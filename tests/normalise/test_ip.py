"""IP addresses."""

from __future__ import annotations

import pytest

from linkage.normalise import KINDS


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("203.0.113.7:443", "203.0.113.7"),
        ("203.0.113.7/32", "203.0.113.7"),
        ("10.1.2.3", "10.1.2.3"),
        ("2001:DB8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::/64", "2001:db8:1:2::/64"),
        ("[2001:db8::1]:8080", "2001:db8::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("64:ff9b::cb00:7107", "203.0.113.7"),
        ("2002:cb00:7107::1", "203.0.113.7"),
        ("fd00::1", "fd00::/64"),
    ],
)
def test_addresses_have_one_form_and_ipv6_counts_as_its_64(raw: str, value: str) -> None:
    assert KINDS["ip"].normalise(raw) == value


@pytest.mark.parametrize(
    "raw",
    [
        *("0.0.0.0", "127.0.0.1", "169.254.1.1", "224.0.0.1", "255.255.255.255", "256.1.1.1", "1.2.3", "010.1.1.1"),  # noqa: S104 - none is listened on
        *("203.0.113.0/24", "::", "::1", "ff02::1", "fe80::1%eth0", "::ffff:127.0.0.1", "2001:db8::/32", "not an ip"),
    ],
)
def test_addresses_that_place_nobody_are_junk(raw: str) -> None:
    assert KINDS["ip"].normalise(raw) is None


@pytest.mark.parametrize(("value", "masked"), [("203.0.113.7", "203.0.*.*"), ("2001:db8:1:2::/64", "2001:db8:***")])
def test_the_mask_shows_the_network(value: str, masked: str) -> None:
    assert KINDS["ip"].mask(value) == masked
