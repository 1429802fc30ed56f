"""Values that are kept as keyed hashes: equal ones still link, and nobody without the key can tell what they were.

A hash is one word, `hashed`, eight digits that name the key, 32 of the value's HMAC-SHA-256 under it with its kind. It
is made of the normalised value, so that a value is found however it is spelt. What another key made is another value.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass, field

_HASHED = re.compile("hashed[0-9a-f]{40}")
#: Bytes of a key, at least.
SHORTEST_KEY = 32


def is_hashed(value: str) -> bool:
    """Whether a value is a hash that was made here, or looks like one."""
    return _HASHED.fullmatch(value) is not None


@dataclass(frozen=True, slots=True)
class Hashing:
    """Which kinds are kept as hashes, and under which key."""

    kinds: frozenset[str] = frozenset()
    key: bytes = field(default=b"", repr=False)

    @property
    def key_id(self) -> str:
        """What tells hashes of one key from those of another: eight hexadecimal digits."""
        return hmac.digest(self.key, b"key id", hashlib.sha256).hex()[:8]

    def value(self, kind: str, value: str) -> str:
        """A normalised value as it is kept."""
        if kind not in self.kinds or is_hashed(value):
            return value
        digest = hmac.digest(self.key, f"value\0{kind}\0{value}".encode(), hashlib.sha256).hex()
        return f"hashed{self.key_id}{digest[:32]}"


NOTHING_HASHED = Hashing()
