"""IP addresses: IPv4 as it is, IPv6 as its /64, since a household or a server has a whole /64 to itself.

Loopback, link-local, multicast and unspecified addresses are junk: they say nothing about where anybody was.
Private and carrier-grade addresses are taken: a service inside a company's network sees no others, and
where they mean nothing their many holders make them weigh nothing. Documentation addresses are ordinary ones.
"""

from __future__ import annotations

import ipaddress
import re

from linkage.normalise.kind import Context

_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
CANONICAL = rf"^{_OCTET}\.{_OCTET}\.{_OCTET}\.{_OCTET}$"
#: 0/8 "this network", loopback, link-local, multicast and above
UNLESS = r"^(?:0|127|169\.254|22[4-9]|2[3-5][0-9])\."
_PLAIN = re.compile(CANONICAL)
_JUNK = re.compile(UNLESS)
_PORT = re.compile(r"^\[(?P<six>[^\]]+)\](?::\d+)?$|^(?P<four>\d+\.\d+\.\d+\.\d+):\d+$")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def normalise(text: str, _: Context) -> str | None:
    """An IPv4 address, or the /64 of an IPv6 address (IPv4 inside IPv6 counts as IPv4)."""
    if with_port := _PORT.match(text):
        text = with_port["six"] or with_port["four"]
    text = text.partition("%")[0]
    address, _slash, length = text.partition("/")
    if length not in {"", "32", "64", "128"}:
        return None
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return None
    if isinstance(parsed, ipaddress.IPv6Address):
        inner = parsed.ipv4_mapped or parsed.sixtofour
        if inner is None and parsed in _NAT64:
            inner = ipaddress.IPv4Address(int(parsed) & 0xFFFF_FFFF)
        if inner is None:
            return None if length == "32" else _slash_64(parsed)
        parsed, length = inner, ""
    value = str(parsed)
    return None if length not in {"", "32"} or _JUNK.match(value) else value


def _slash_64(address: ipaddress.IPv6Address) -> str | None:
    if address.is_loopback or address.is_unspecified or address.is_multicast or address.is_link_local:
        return None
    return str(ipaddress.ip_network((int(address) >> 64 << 64, 64)))


def mask(value: str) -> str:
    """Show the first half of the address."""
    if ":" in value:
        return ":".join(value.split(":")[:2]) + ":***"
    return ".".join(value.split(".")[:2]) + ".*.*"
