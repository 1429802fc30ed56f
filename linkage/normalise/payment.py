"""Payment methods (a processor's fingerprint, never a card number) and accounts at a payment service.

Fingerprints are opaque and case-sensitive. Card numbers never get here: the kind's table refuses them.
"""

from __future__ import annotations

import re

from linkage.normalise.kind import Context

CANONICAL = r"^[A-Za-z]{2,20}[_:-][A-Za-z0-9]{6,100}$"
_METHOD = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_.:|/+=@-]{3,}$")
ACCOUNT_CANONICAL = r"^[1-9][0-9]{9,29}$"


def normalise(text: str, _: Context) -> str | None:
    """The fingerprint without white space; case kept, since processors' tokens are case-sensitive."""
    compact = text.replace(" ", "")
    return compact if _METHOD.match(compact) and len(set(compact)) > 2 else None


def normalise_account(text: str, _: Context) -> str | None:
    """An account at a payment service or wallet: separators dropped from digits, otherwise in lower case."""
    compact = re.sub(r"[\s.-]", "", text)
    if compact.isdigit():
        return compact if len(compact) >= 4 and len(set(compact)) > 1 else None
    return text.replace(" ", "").lower() if len(text) >= 4 else None
