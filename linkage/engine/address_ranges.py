"""Ranges of addresses, and which of them an address lies in: the longest prefix wins.

An address is a family (4 or 6) and a number: of IPv4 all 32 bits, of IPv6 the first 64, since the engine takes IPv6 as
its /64; a longer network counts as the /64 it lies in. Networks nest or are disjoint, so that all of them together cut
the numbers into *segments*, each answered by the innermost range that covers it. Whoever knows the segments needs one
look for the last that begins at or before a number, however many ranges there are.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import NamedTuple

_BITS = {4: 32, 6: 128}
_KEPT = {4: 32, 6: 64}
_SOCKET = {4: socket.AF_INET, 6: socket.AF_INET6}
NOBODY = -1


class Span(NamedTuple):
    """The numbers first to last, both within."""

    family: int
    first: int
    last: int


class Segments(NamedTuple):
    """From each start on (by family, then start) the range of that position in the input; `NOBODY`: of none."""

    family: list[int]
    start: list[int]
    owner: list[int]


def span_of_network(text: str) -> Span:
    """The numbers of a network in CIDR notation (a bare address is a network of one); ValueError says what is wrong."""
    address, slash, length = text.strip().partition("/")
    family, number = _address(address)
    bits = _BITS[family]
    if slash and not (length.isascii() and length.isdigit() and int(length) <= bits):
        raise ValueError(f"{text!r}: the length of the prefix is 0 to {bits}")
    host = bits - int(length or bits)
    if number & ((1 << host) - 1):
        raise ValueError(f"{text!r} has bits set beyond its prefix of {length}")
    dropped = bits - _KEPT[family]
    return Span(family, number >> dropped, (number | ((1 << host) - 1)) >> dropped)


def span_between(first: str, last: str) -> Span:
    """The numbers from one address to another; ValueError says what is wrong."""
    (family, begin), (other, end) = _address(first.strip()), _address(last.strip())
    if family != other:
        raise ValueError(f"{first!r} to {last!r}: one is IPv4, the other IPv6")
    if begin > end:
        raise ValueError(f"{first!r} to {last!r}: the last lies before the first")
    dropped = _BITS[family] - _KEPT[family]
    return Span(family, begin >> dropped, end >> dropped)


def _address(text: str) -> tuple[int, int]:
    family = 6 if ":" in text else 4
    try:
        # By the C library, for hundreds of thousands of them: `ipaddress` takes ten times as long for each.
        return family, int.from_bytes(socket.inet_pton(_SOCKET[family], text))
    except (OSError, ValueError):
        raise ValueError(f"{text!r} is no address") from None


def cut_into_segments(spans: Sequence[Span]) -> tuple[Segments, list[tuple[int, int]]]:
    """The segments, and the pairs of ranges (by position) that cross: each begins in the other and ends outside.

    Of two ranges that cross, the second is left out. Of equal ranges the last counts.
    """
    order = sorted(range(len(spans)), key=lambda at: (spans[at].family, spans[at].first, -spans[at].last))
    segments = Segments([], [], [])
    crossing: list[tuple[int, int]] = []
    around: list[int] = []  # the ranges that cover where we are, outermost first
    for at in order:
        family, first, last = spans[at]
        while around and (spans[around[-1]].family != family or spans[around[-1]].last < first):
            _end(segments, spans, around)
        if around and spans[around[-1]].last < last:
            crossing.append((around[-1], at))
            continue
        _begin(segments, family, first, at)
        around.append(at)
    while around:
        _end(segments, spans, around)
    return segments, crossing


def _end(segments: Segments, spans: Sequence[Span], around: list[int]) -> None:
    """The innermost range ends: what follows is of the one around it."""
    family, _, last = spans[around.pop()]
    if last + 1 < 1 << _KEPT[family]:
        _begin(segments, family, last + 1, around[-1] if around else NOBODY)


def _begin(segments: Segments, family: int, start: int, owner: int) -> None:
    if segments.start and (segments.family[-1], segments.start[-1]) == (family, start):
        segments.owner[-1] = owner
        return
    segments.family.append(family)
    segments.start.append(start)
    segments.owner.append(owner)
