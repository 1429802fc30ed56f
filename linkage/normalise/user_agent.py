"""User agents: the header as sent, white space reduced; bits of patch versions are left in, since they tell."""

from __future__ import annotations

from linkage.normalise.kind import LONGEST_VALUE, Context


def normalise(text: str, _: Context) -> str | None:
    """The header's text; an overlong one is cut, as servers do."""
    return text[:LONGEST_VALUE].rstrip() if len(text) >= 3 else None


def mask(value: str) -> str:
    """Show the product only."""
    return value.partition(" ")[0]
