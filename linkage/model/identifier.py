"""An identifier: a typed, normalised value that a subject used."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

#: Two values that are much alike are evidence of a kind of their own, `similar_` and the kind, with the value `a ~ b`.
#: Nobody used it: its holders are those of either value.
SIMILAR, AND = "similar_", " ~ "


@dataclass(frozen=True, slots=True, order=True)
class Identifier:
    """A normalised value of a kind, e.g. `ip` and `203.0.113.7`."""

    kind: str
    value: str

    def __post_init__(self) -> None:
        if not self.kind or not self.value:
            raise ValueError("an identifier needs a kind and a value")

    @property
    def key(self) -> str:
        """`kind:value`, unique in the graph."""
        return f"{self.kind}:{self.value}"

    @classmethod
    def of_key(cls, key: str) -> Identifier:
        """Take `kind:value` apart again."""
        kind, _, value = key.partition(":")
        return cls(kind, value)


def opaque_id(key: str, secret: bytes) -> str:
    """A keyed hash of an identifier's key, for ids and cursors: 32 hex digits that tell nothing to an outsider.

    Without the project's secret, e-mail addresses and IPs could be tried out against a plain hash.
    """
    return hashlib.blake2b(key.encode(), key=secret, digest_size=16).hexdigest()
