"""People: names as plain words, dates of birth as ISO dates."""

from __future__ import annotations

import re
from datetime import date, datetime

from linkage.normalise.kind import Context
from linkage.normalise.text import words

_TITLES = frozenset({"mr", "mrs", "ms", "miss", "dr", "prof", "sir", "dame", "mme", "mlle", "herr", "frau"})
_MONTH_FIRST = frozenset({"US", "PH", "FM", "MH", "PW"})
_DATE = re.compile(r"^(?P<first>\d{1,2})[./\- ](?P<second>\d{1,2})[./\- ](?P<year>\d{4}|\d{2})$")
_FORMATS = (
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%Y%m%d",
    "%d %b %Y",
    "%b %d %Y",
    "%d %B %Y",
    "%B %d %Y",
    "%d-%b-%Y",
    "%d-%b-%y",
)
_OLDEST = 1880


def normalise_name(text: str, _: Context) -> str | None:
    """First name before last name, plain lower-case words, without titles."""
    last, comma, first = text.partition(",")
    name = words(f"{first} {last}" if comma and "," not in first else text)
    kept = [word for word in name.split() if word not in _TITLES]
    value = " ".join(kept)
    return value if re.search("[a-z]", value) and len(value) >= 2 else None


def normalise_birth(text: str, context: Context) -> str | None:
    """`YYYY-MM-DD`; `3/1/1970` is 1 March where the region writes months first, else 3 January."""
    found = _written_out(text) or _in_figures(text, month_first=context.region in _MONTH_FIRST)
    return found.isoformat() if found and found.year >= _OLDEST else None


def _written_out(text: str) -> date | None:
    text = text.replace(",", " ").partition("T")[0]
    text = " ".join(text.split())
    for form in _FORMATS:
        try:
            return datetime.strptime(text, form).date()  # noqa: DTZ007 - a date has no zone
        except ValueError:
            continue
    return None


def _in_figures(text: str, *, month_first: bool) -> date | None:
    found = _DATE.match(text)
    if not found:
        return None
    first, second, year = int(found["first"]), int(found["second"]), int(found["year"])
    if year < 100:
        year += 1900 if year > date.today().year % 100 else 2000  # noqa: DTZ011 - nobody is born tomorrow
    month, day = (first, second) if (month_first and first <= 12) or second > 12 else (second, first)
    try:
        return date(year, month, day)
    except ValueError:
        return None


def mask_name(value: str) -> str:
    """Show initials."""
    return " ".join(f"{word[0]}." for word in value.split())


def mask_birth(value: str) -> str:
    """Show the year."""
    return f"{value[:4]}-**-**"
