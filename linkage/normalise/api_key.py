"""API keys are secrets: only their SHA-256 fingerprint is kept, in the ledger and in rejected rows alike.

A plain hash will do here, unlike for e-mail addresses or phone numbers: keys are too long to be guessed.
Shorter texts could be, and are refused.
"""

from __future__ import annotations

import hashlib
import re

from linkage.normalise.kind import Context

CANONICAL = r"^sha256:[0-9a-f]{64}$"
_DONE = re.compile(CANONICAL)
_HASH = re.compile(r"^[0-9a-fA-F]{64}$")
_SHORTEST = 16


def normalise(text: str, _: Context) -> str | None:
    """`sha256:` and the key's hash; a hash that the source made itself is taken as it is."""
    if _DONE.match(text):
        return text
    if _HASH.match(text):
        return f"sha256:{text.lower()}"
    if len(text) < _SHORTEST or " " in text or len(set(text)) < 6:
        return None
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def mask(value: str) -> str:
    """Show the first digits of the fingerprint."""
    return f"{value[:15]}***"
