"""How records hold each other: each line ends with an HMAC over its own bytes and the HMAC before.

Whoever has not the project's secret can neither write a line nor change, remove, reorder or insert one without the
chain breaking there. Cutting the end off leaves a chain that holds: the head, in a file elsewhere, says how long it
must be.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass

from linkage.model.secret import derived_key

#: What the first record follows.
BEGINNING = "0" * 64
_SEALED = re.compile(rb'(\{"n":(\d{1,15}),.*),"mac":"([0-9a-f]{64})"\}', re.DOTALL)
_HEAD = re.compile(rb"(\d{1,15}) ([0-9a-f]{64}) ([0-9a-f]{64})\n")


@dataclass(frozen=True, slots=True)
class Link:
    """A place in the chain: how many records lead up to it, and the HMAC of the last of them."""

    count: int = 0
    mac: str = BEGINNING


class Chain:
    """Seals records and heads, and tells whether they are sealed right."""

    def __init__(self, secret: bytes) -> None:
        self._records = derived_key(secret, "linkage audit records")
        self._heads = derived_key(secret, "linkage audit heads")

    def seal(self, body: bytes, before: Link) -> tuple[bytes, Link]:
        """The line of a record that follows `before`, and the place that it makes."""
        mac = self._mac(body, before.mac)
        return body[:-1] + b',"mac":"' + mac.encode() + b'"}\n', Link(before.count + 1, mac)

    def follows(self, line: bytes, before: Link) -> Link | None:
        """The place that a line makes after `before`; None where it is not what we wrote there."""
        sealed = _SEALED.fullmatch(line)
        if sealed is None or int(sealed[2]) != before.count + 1:
            return None
        mac = self._mac(sealed[1] + b"}", before.mac)
        return Link(before.count + 1, mac) if hmac.compare_digest(mac, sealed[3].decode()) else None

    def write_head(self, link: Link) -> bytes:
        """The head that names a place."""
        return f"{link.count} {link.mac} {self._head(link)}\n".encode()

    def read_head(self, text: bytes) -> Link | None:
        """The place that a head names; None where it is not what we wrote."""
        found = _HEAD.fullmatch(text)
        if found is None:
            return None
        link = Link(int(found[1]), found[2].decode())
        return link if hmac.compare_digest(self._head(link), found[3].decode()) else None

    def _mac(self, body: bytes, before: str) -> str:
        return hmac.digest(self._records, before.encode() + b"\n" + body, hashlib.sha256).hex()

    def _head(self, link: Link) -> str:
        return hmac.digest(self._heads, f"{link.count} {link.mac}".encode(), hashlib.sha256).hex()
