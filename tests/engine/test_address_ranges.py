"""Ranges of addresses: what a line of a reference file covers, and which range an address lies in."""

from __future__ import annotations

import ipaddress
from bisect import bisect_right

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkage.engine.address_ranges import NOBODY, Segments, Span, cut_into_segments, span_between, span_of_network

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("203.0.113.0/24", Span(4, 0xCB007100, 0xCB0071FF)),
        ("203.0.113.7", Span(4, 0xCB007107, 0xCB007107)),
        ("0.0.0.0/0", Span(4, 0, 0xFFFFFFFF)),
        ("2001:db8::/32", Span(6, 0x20010DB8_00000000, 0x20010DB8_FFFFFFFF)),
        # an address of IPv6 is taken as its /64
        ("2001:db8::5/128", Span(6, 0x20010DB8_00000000, 0x20010DB8_00000000)),
    ],
)
def test_a_network_is_a_span_of_numbers(text: str, span: Span) -> None:
    assert span_of_network(text) == span


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("203.0.113.7/24", "bits set beyond its prefix of 24"),
        ("203.0.113.0/33", "0 to 32"),
        ("2001:db8::/129", "0 to 128"),
        ("203.0.113.0/", "0 to 32"),
        ("203.0.113.0/٢", "0 to 32"),
        ("203.0.113", "is no address"),
        ("example.org", "is no address"),
        ("", "is no address"),
    ],
)
def test_what_is_no_network_says_why(text: str, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        span_of_network(text)


def test_a_range_has_both_ends_of_one_family_and_in_order() -> None:
    assert span_between("10.0.0.0", "10.0.0.9") == Span(4, 0x0A000000, 0x0A000009)
    for first, last in (("10.0.0.1", "10.0.0.0"), ("10.0.0.1", "2001:db8::"), ("10.0.0.1", "x")):
        with pytest.raises(ValueError, match=r"before|IPv6|no address"):
            span_between(first, last)


def _owner(segments: Segments, family: int, number: int) -> int:
    keys = list(zip(segments.family, segments.start, strict=True))
    at = bisect_right(keys, (family, number)) - 1
    return segments.owner[at] if at >= 0 and segments.family[at] == family else NOBODY


# Few distinct addresses near each other, so that networks nest, touch and repeat.
_FOUR = st.builds(
    lambda number, length: ipaddress.ip_network((0x0A000000 | number, length), strict=False),
    st.integers(0, 255),
    st.sampled_from([0, 8, 24, 26, 29, 30, 31, 32]),
)
_SIX = st.builds(
    lambda number, length: ipaddress.ip_network(((0x20010DB8 << 96) | (number << 64), length), strict=False),
    st.integers(0, 63),
    st.sampled_from([0, 32, 58, 60, 62, 63, 64]),
)
_ENDS = st.sampled_from([0, 2**32 - 1]).map(ipaddress.IPv4Address)


@given(
    st.lists(_FOUR | _SIX, max_size=30),
    st.lists(
        st.integers(0x0A000000 - 3, 0x0A000000 + 260).map(ipaddress.IPv4Address)
        | st.integers(0, 70).map(lambda number: ipaddress.IPv6Address((0x20010DB8 << 96) | (number << 64)))
        | _ENDS,
        max_size=20,
    ),
)
def test_the_longest_prefix_that_holds_an_address_wins(networks: list[Network], addresses: list[object]) -> None:
    segments, crossing = cut_into_segments([span_of_network(str(network)) for network in networks])
    assert crossing == []
    for address in addresses:
        assert isinstance(address, ipaddress.IPv4Address | ipaddress.IPv6Address)
        around = [network for network in networks if network.version == address.version and address in network]
        longest = max((network.prefixlen for network in around), default=None)
        owner = _owner(segments, address.version, int(address) >> (64 if address.version == 6 else 0))
        assert (None if owner == NOBODY else networks[owner].prefixlen) == longest


def test_ranges_that_cross_are_named_and_the_second_left_out() -> None:
    spans = [Span(4, 0, 10), Span(4, 5, 15), Span(4, 16, 20)]
    segments, crossing = cut_into_segments(spans)
    assert crossing == [(0, 1)]
    assert [_owner(segments, 4, number) for number in (0, 10, 11, 16, 21)] == [0, 0, NOBODY, 2, NOBODY]
