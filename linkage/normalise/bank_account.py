"""Bank accounts: IBANs with their check digits checked, other account numbers as digits and letters."""

from __future__ import annotations

import re

from stdnum import iban
from stdnum.exceptions import ValidationError

from linkage.normalise.kind import Context

_IBAN = re.compile(r"^[A-Z]{2}\d{2}[A-Z0-9]{10,30}$")
_NUMBER = re.compile(r"^[A-Z0-9]{5,40}$")


def normalise(text: str, _: Context) -> str | None:
    """The account number in capitals without separators; None for an IBAN with wrong check digits."""
    compact = re.sub(r"[\s.\-/]", "", text).upper().removeprefix("IBAN").lstrip(":")
    if _IBAN.match(compact):
        try:
            return str(iban.validate(compact))
        except ValidationError:
            return None
    return compact if _NUMBER.match(compact) and len(set(compact)) > 2 and re.search(r"\d", compact) else None


def mask(value: str) -> str:
    """Show the country and the last four characters."""
    return f"{value[:2]}***{value[-4:]}" if value[:2].isalpha() else f"***{value[-4:]}"
