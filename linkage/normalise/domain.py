"""Domains, also out of URLs: lower case, ASCII (IDNA), without `www.`, port and path."""

from __future__ import annotations

import re

import idna

from linkage.normalise.kind import Context

# Bounded so that whatever it matches is within the lengths that domains may have.
CANONICAL = r"^(?:[a-z0-9]{1,20}(?:-[a-z0-9]{1,20}){0,2}\.){1,3}[a-z]{2,24}$"
UNLESS = r"^www[0-9]?\."
_PLAIN = re.compile(r"(?:[a-z0-9]+(?:-+[a-z0-9]+)*\.)+(?:[a-z]{2,63}|xn--[a-z0-9-]+)")
_SCHEME = re.compile(r"^[a-z][a-z0-9+.-]*://")


def normalise(text: str, _: Context) -> str | None:
    """The host's name, or None where there is none (an address, a single word)."""
    host = _SCHEME.sub("", text.lower())
    host = re.split(r"[/?#\s]", host, maxsplit=1)[0].rpartition("@")[2]
    host = re.sub(r":\d+$", "", host).rstrip(".")
    host = re.sub(r"^(?:www[0-9]?\.)+(?=[^.]+\.)", "", host)
    if not host.isascii():
        try:
            host = idna.encode(host, uts46=True).decode()
        except idna.IDNAError:
            return None
    if len(host) > 253 or any(len(part) > 63 for part in host.split(".")):
        return None
    return host if _PLAIN.fullmatch(host) else None
