"""IP addresses: IPv4 as it is, IPv6 as its /64, since a household or a server has a whole /64 to itself.

Loopback, link-local, multicast and unspecified addresses are junk: they say nothing about where anybody was.
Private and carrier-grade addresses are taken: a service inside a company's network sees no others, and
where they mean nothing their many holders make them weigh nothing. Documentation addresses are ordinary ones.
"""

from __future__ import annotations

import re
import socket

from linkage.normalise.kind import Context

_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
CANONICAL = rf"^{_OCTET}\.{_OCTET}\.{_OCTET}\.{_OCTET}$"
#: 0/8 "this network", loopback, link-local, multicast and above
UNLESS = r"^(?:0|127|169\.254|22[4-9]|2[3-5][0-9])\."
_PLAIN = re.compile(CANONICAL)
_JUNK = re.compile(UNLESS)
_PORT = re.compile(r"^\[(?P<six>[^\]]+)\](?::\d+)?$|^(?P<four>\d+\.\d+\.\d+\.\d+):\d+$")
_SIX = 16  # bytes of an IPv6 address
_MAPPED = bytes(10) + b"\xff\xff"  # ::ffff:0:0/96
_NAT64 = b"\x00\x64\xff\x9b" + bytes(8)  # 64:ff9b::/96
_SIX_TO_FOUR = b"\x20\x02"  # 2002::/16


def normalise(text: str, _: Context) -> str | None:
    """An IPv4 address, or the /64 of an IPv6 address (IPv4 inside IPv6 counts as IPv4)."""
    if with_port := _PORT.match(text):
        text = with_port["six"] or with_port["four"]
    address, _slash, length = text.partition("%")[0].partition("/")
    if length not in {"", "32", "64", "128"}:
        return None
    try:
        # By the C library: log-in tables hold hundreds of thousands of IPv6 addresses, and `ipaddress` takes ten
        # times as long for each.
        packed = socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)
    except (OSError, ValueError):
        return None
    if len(packed) == _SIX:
        inner = _ipv4_inside(packed)
        if inner is None:
            return None if length == "32" else _slash_64(packed)
        packed, length = inner, ""
    value = socket.inet_ntop(socket.AF_INET, packed)
    return None if length not in {"", "32"} or _JUNK.match(value) else value


def _ipv4_inside(packed: bytes) -> bytes | None:
    """The IPv4 address that an IPv6 address carries: mapped, behind NAT64, or 6to4."""
    if packed.startswith((_MAPPED, _NAT64)):
        return packed[12:]
    return packed[2:6] if packed.startswith(_SIX_TO_FOUR) else None


def _slash_64(packed: bytes) -> str | None:
    loopback_or_unspecified = packed[:15] == bytes(15) and packed[15] <= 1
    multicast, link_local = packed[0] == 0xFF, packed[0] == 0xFE and packed[1] & 0xC0 == 0x80
    if loopback_or_unspecified or multicast or link_local:
        return None
    return socket.inet_ntop(socket.AF_INET6, packed[:8] + bytes(8)) + "/64"


def mask(value: str) -> str:
    """Show the first half of the address."""
    if ":" in value:
        return ":".join(value.split(":")[:2]) + ":***"
    return ".".join(value.split(".")[:2]) + ".*.*"
