"""Text as people and machines send it: white space, control characters, placeholders for "nothing"."""

from __future__ import annotations

import re
import unicodedata

from anyascii import anyascii

#: What sources write where they have no value (compared casefolded, white space squeezed).
PLACEHOLDERS = frozenset(
    {
        *(
            "-",
            "--",
            "---",
            ".",
            "..",
            "...",
            "?",
            "??",
            "???",
            "_",
            "*",
            "#",
            "/",
            "0",
            "00",
            "000",
            "0000",
            "x",
            "xx",
            "xxx",
        ),
        *(
            "n/a",
            "n.a.",
            "na",
            "#n/a",
            "<na>",
            "nan",
            "nil",
            "null",
            "(null)",
            "<null>",
            "none",
            "(none)",
            "no",
            "void",
        ),
        *("unknown", "(unknown)", "unk", "undefined", "unspecified", "not specified", "not available", "not provided"),
        *(
            "not applicable",
            "missing",
            "empty",
            "(empty)",
            "blank",
            "(blank)",
            "tbd",
            "tba",
            "todo",
            "redacted",
            "(not set)",
        ),
        *("test", "testing", "test test", "asdf", "asdfgh", "qwerty", "foo", "bar", "dummy", "sample", "example"),
        *("anonymous", "false", "true", "[object object]", "\\n"),
    }
)

_SPACE = re.compile(r"\s+")
_UNSEEN = re.compile("[\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff]")
# NUL and its like are binary junk; tabs and line breaks happen inside cells and count as spaces.
_UNPRINTABLE = re.compile("[\x00-\x08\x0e-\x1f\x7f\ufffd\ud800-\udfff]")
_NO_WORD = re.compile(r"[^0-9a-z]+")


def printable(text: str) -> bool:
    """Whether the text is free of control characters and of characters that a broken encoding left."""
    return _UNPRINTABLE.search(text) is None


def squeeze(text: str) -> str:
    """Compatibility forms folded, unseen characters dropped, white space reduced to single spaces."""
    if text.isascii():
        return _SPACE.sub(" ", text).strip()
    return _SPACE.sub(" ", _UNSEEN.sub("", unicodedata.normalize("NFKC", text))).strip()


def words(text: str) -> str:
    """Lower-case ASCII words with single spaces: `Zoë's Café, Ltd.` gives `zoes cafe ltd`."""
    plain = anyascii(text).casefold().replace("'", "").replace("`", "").replace("&", " and ")
    return _NO_WORD.sub(" ", plain).strip()


def hide_middle(value: str) -> str:
    """Show two characters at either end of a value that is long enough to hide something between."""
    return f"{value[:2]}***{value[-2:]}" if len(value) >= 10 else "***"


def hide_all(_: str) -> str:
    """Show nothing."""
    return "***"


def show_all(value: str) -> str:
    """Show the value: it says nothing about a person."""
    return value
