"""Devices: what a fingerprinting script, an app or a browser calls a machine."""

from __future__ import annotations

import re

from linkage.normalise.kind import Context

# Hexadecimal ids and UUIDs come in either case from different SDKs; other ids keep theirs.
CANONICAL = r"^[a-z]{1,12}[_:-][0-9a-z]{8,128}$|^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
#: ids of one character over and over, after a prefix or none: an operating system that refuses to tell (limited ad
#: tracking), or somebody at the keyboard. Each character stands by itself since RE2 has no back references.
_ONE_CHARACTER = "|".join(f"[{character}-]+" for character in "0123456789abcdefghijklmnopqrstuvwxyz")
UNLESS = rf"^(?:[a-z]{{1,12}}[_:-])?(?:{_ONE_CHARACTER})$|[_:-](?:0{{6,}}|f{{6,}})$"
_HEX = re.compile(r"^[{(]?(?P<id>[0-9A-Fa-f]{2}(?:[0-9A-Fa-f]|[-:](?=[0-9A-Fa-f])){5,})[)}]?$")
_JUNK = re.compile(UNLESS, re.IGNORECASE)


def normalise(text: str, _: Context) -> str | None:
    """The device's id; hexadecimal ids in lower case without braces."""
    if found := _HEX.match(text):
        text = found["id"].lower()
    compact = text.replace(" ", "")
    return compact if len(compact) >= 4 and not _JUNK.search(compact) else None
