"""Phone numbers: E.164 where the country is known (a plus, or the default region), bare digits where it is not.

Numbers that no numbering plan knows are kept (sources hold test numbers, new ranges and local numbers without an
area code, and those link as well); too few or too many digits, or one digit repeated, are junk.
"""

from __future__ import annotations

import re

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat

from linkage.normalise.kind import Context

# Plans in which no national number starts with 0, so that nothing can be left to strip; lengths as ITU lists them.
CANONICAL = (
    r"^\+(?:1[2-9][0-9]{9}|7[3-9][0-9]{9}|20[1-9][0-9]{8,9}|3[1234][1-9][0-9]{8}|4[49][1-9][0-9]{9}|4[1356][1-9][0-9]{8}"
    r"|48[1-9][0-9]{8}|5[25][1-9][0-9]{9}|6[0-6][1-9][0-9]{8}|8[246][1-9][0-9]{9}|9[0-4][1-9][0-9]{9}|380[1-9][0-9]{8})$"
)
_EXTENSION = re.compile(r"(?:\s*(?:;|,)?\s*(?:ext\.?|extension|x|#)\s*\.?\s*\d{1,6})$", re.IGNORECASE)
_ALLOWED = re.compile(r"^(?:tel:)?\+?[\d\s().\-/–]+$")


def normalise(text: str, context: Context) -> str | None:
    """`+` and the international number, or the digits alone where its country is unknown."""
    text = _EXTENSION.sub("", text).strip()
    if not _ALLOWED.match(text):
        return None
    text = text.removeprefix("tel:")
    digits = re.sub(r"\D", "", text)
    if not 5 <= len(digits) <= 17 or len(set(digits)) == 1:
        return None
    international = text.startswith("+") or (text.startswith("00") and len(digits) > 10)
    if international:
        return _e164("+" + digits.removeprefix("00") if not text.startswith("+") else text, None, lenient=True)
    if context.region and (number := _e164(text, context.region, lenient=False)):
        return number
    return digits if len(digits) <= 15 else None


def _e164(text: str, region: str | None, *, lenient: bool) -> str | None:
    try:
        number = phonenumbers.parse(text, region)
    except NumberParseException:
        return None
    reason = phonenumbers.is_possible_number_with_reason(number)
    if lenient or reason == phonenumbers.ValidationResult.IS_POSSIBLE:
        value = phonenumbers.format_number(number, PhoneNumberFormat.E164)
        return value if 8 <= len(value) <= 16 else None
    return None


def mask(value: str) -> str:
    """Show the country's first digits and the last two."""
    return f"{value[:3]}***{value[-2:]}"
