"""Payment card numbers: recognised so that they are refused, and masked wherever a refused row is kept.

One number in ten passes the Luhn check by chance. Where a field is there for payment methods every number that
passes is refused; elsewhere only those that also lie in an issuer's range (ISO/IEC 7812, major schemes).
"""

from __future__ import annotations

import re

from stdnum import luhn

#: Where a card number could begin, for whole columns; RE2 and Python alike.
CANDIDATE = r"\d(?:[ -]?\d){11}"
_NUMBER = re.compile(r"(?<![0-9A-Za-z])\d(?:[ -]?\d){11,18}(?![0-9A-Za-z])")
_ISSUED = re.compile(
    r"4\d{12}(?:\d{3}){0,2}"  # Visa: 13, 16, 19
    r"|(?:5[1-5]\d{2}|222[1-9]|22[3-9]\d|2[3-6]\d{2}|27[01]\d|2720)\d{12}"  # Mastercard
    r"|3[47]\d{13}"  # American Express
    r"|3(?:0[0-59]|[689]\d)\d{11}"  # Diners Club
    r"|(?:6011|64[4-9]\d|65\d{2})\d{12}(?:\d{3})?"  # Discover
    r"|35(?:2[89]|[3-8]\d)\d{12}"  # JCB
    r"|62\d{14,17}"  # UnionPay
    r"|(?:5018|5020|5038|5893|6304|6759|676[1-3])\d{8,15}"  # Maestro
)


def _is_number(text: str, *, issued_only: bool) -> bool:
    digits = text.replace(" ", "").replace("-", "")
    return luhn.is_valid(digits) and len(set(digits)) > 1 and (not issued_only or _ISSUED.fullmatch(digits) is not None)


def holds_card_number(text: str, *, issued_only: bool) -> bool:
    """Whether 12 to 19 digits (spaces and dashes between them allowed) that pass the Luhn check stand in the text.

    Digits inside a longer text must be in an issuer's range in any case: a processor's token may be digits by chance.
    """
    return any(_refused(found, issued_only=issued_only) for found in _NUMBER.finditer(text))


def mask_cards(text: str, *, issued_only: bool) -> str:
    """Replace every card number inside the text by `****` and its last four digits."""

    def masked(found: re.Match[str]) -> str:
        return f"****{found[0][-4:]}" if _is_number(found[0], issued_only=issued_only) else found[0]

    return _NUMBER.sub(masked, text)


def _refused(found: re.Match[str], *, issued_only: bool) -> bool:
    return _is_number(found[0], issued_only=issued_only or found[0] != found.string.strip())
