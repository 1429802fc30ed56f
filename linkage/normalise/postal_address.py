"""Postal addresses: plain lower-case words with the usual abbreviations written one way.

No gazetteer and no parser: equal addresses written differently should become equal, unequal ones must stay so.
"""

from __future__ import annotations

import re

from linkage.normalise.kind import Context
from linkage.normalise.text import words

#: The word every spelling of it becomes.
ABBREVIATIONS = {
    spelling: short
    for short, spellings in {
        "st": "street str strasse",
        "ave": "avenue av aven",
        "rd": "road",
        "blvd": "boulevard boul blv",
        "dr": "drive drv",
        "ln": "lane",
        "ct": "court crt",
        "pl": "place",
        "sq": "square",
        "hwy": "highway",
        "pkwy": "parkway pky",
        "ter": "terrace terr",
        "cir": "circle",
        "cres": "crescent",
        "bldg": "building",
        "fl": "floor flr",
        "ste": "suite",
        "apt": "apartment appt",
        "rm": "room",
        "n": "north",
        "s": "south",
        "e": "east",
        "w": "west",
        "ne": "northeast",
        "nw": "northwest",
        "se": "southeast",
        "sw": "southwest",
        "mt": "mount",
        "ft": "fort",
        "nr": "number no num",
        "pobox": "postbox postfach",
    }.items()
    for spelling in spellings.split()
}
_POST_BOX = re.compile(r"\bp ?o box\b")
_UNIT = re.compile(r"\b(?:apt|ste|unit|rm|nr)\s+(?=\d)")
_ORDINAL = re.compile(r"\b(\d+)(?:st|nd|rd|th)\b")
_GERMAN_STREET = re.compile(r"\b([a-z]{3,})(?:strasse|str)\b")


def normalise(text: str, _: Context) -> str | None:
    """The address's words; a text without letters or shorter than six characters is no address."""
    plain = words(re.sub(r"#\s*(?=\w)", " unit ", text.replace("ß", "ss")))
    plain = _POST_BOX.sub("pobox", _ORDINAL.sub(r"\1", _GERMAN_STREET.sub(r"\1 st", plain)))
    plain = " ".join(ABBREVIATIONS.get(word, word) for word in plain.split())
    plain = _UNIT.sub("unit ", plain)
    return plain if len(plain) >= 6 and re.search("[a-z]", plain) else None


def mask(value: str) -> str:
    """Show the last word: a town, a region or a postal code."""
    return f"*** {value.rpartition(' ')[2]}"
