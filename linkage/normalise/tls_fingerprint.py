"""TLS fingerprints: JA3 (32 hex digits), JA4 (`t13d1516h2_8daaf6152771_b186095e22b6`), or another tool's token."""

from __future__ import annotations

import re

from linkage.normalise.kind import Context

CANONICAL = r"^[0-9a-f]{32}$|^[tqd][0-9]{2}[di][0-9]{4}[0-9a-z]{2}_[0-9a-f]{12}_[0-9a-f]{12}$"
UNLESS = r"^0+$|^f+$"
_PREFIX = re.compile(r"^ja[34]s?[:=]\s*", re.IGNORECASE)
_TOKEN = re.compile(r"^[0-9a-z_:.,\-]{6,}$")


def normalise(text: str, _: Context) -> str | None:
    """The fingerprint in lower case, without the method's name before it."""
    value = _PREFIX.sub("", text).lower()
    return value if _TOKEN.match(value) and len(set(value)) > 2 else None
