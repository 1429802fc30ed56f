"""Numbers on papers: identity cards, tax numbers, passports, licences, registers."""

from __future__ import annotations

import re

from stdnum import lei

from linkage.normalise.kind import Context

_NUMBER = re.compile(r"^[A-Z0-9]{4,30}$")


def normalise(text: str, _: Context) -> str | None:
    """Capitals and digits without separators; one character repeated is junk."""
    number = re.sub(r"[\s.\-/]", "", text).upper()
    return number if _NUMBER.match(number) and len(set(number)) > 1 and re.search(r"\d", number) else None


def normalise_lei(text: str, _: Context) -> str | None:
    """A legal entity identifier of 20 characters with right check digits."""
    number = re.sub(r"[\s.\-]", "", text).upper()
    return number if lei.is_valid(number) else None


def mask(value: str) -> str:
    """Show the last two characters."""
    return f"***{value[-2:]}"
