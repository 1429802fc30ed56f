"""Keys for one purpose each, derived from the project's secret: what one of them leaks says nothing of the others."""

from __future__ import annotations

import hashlib
import hmac


def derived_key(secret: bytes, purpose: str) -> bytes:
    """32 bytes for that purpose alone: one block of HKDF-Expand (RFC 5869, SHA-256) of its name under the secret."""
    return hmac.digest(secret, purpose.encode() + b"\x01", hashlib.sha256)
