"""What a kind of identifier is: one contract for all of them.

A kind's own file holds a rule (`raw -> value | None`) that may take for granted what `Kind.normalise` has seen to:
the text is trimmed, has no control characters, is no placeholder and is not overlong. Rules are idempotent:
a normalised value normalises to itself, so that files can be replayed and identifiers looked up by either form.

`canonical` is a promise: every value it matches (and `unless` does not) is already normalised. Bulk loads then
skip Python for such values. Both are in the dialect that RE2 and Python's `re` share.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from linkage.normalise.cards import holds_card_number
from linkage.normalise.hashing import NOTHING_HASHED, Hashing, is_hashed
from linkage.normalise.text import PLACEHOLDERS, hide_middle, printable, squeeze

#: The longest raw text that any rule looks at, and the longest value that the graph's indexes take.
LONGEST_RAW = 65_536
LONGEST_VALUE = 1_024


class Strength(StrEnum):
    """How telling a value is that two subjects share and nobody else does."""

    STRONG = "strong"
    MEDIUM = "medium"
    WEAK = "weak"


class Cards(StrEnum):
    """Which digits a kind refuses as the number of a payment card."""

    #: any digits of a card's length that pass the Luhn check
    ANY = "any"
    #: only digits that also fit a card issuer's range, since other numbers pass the check by chance
    ISSUED = "issued"
    #: none: a number of this kind is no card, or cannot be told from one
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Context:
    """What a rule may know besides the text: the region of phone numbers without + and of ambiguous dates; and which
    values are kept as hashes, for whoever looks them up."""

    region: str | None = None
    hashing: Hashing = NOTHING_HASHED


Rule = Callable[[str, Context], str | None]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of identifier: how its values are normalised, masked, labelled and trusted.

    `wanted` completes the sentence "the value is not …"; `family` groups kinds whose evidence is not independent;
    the raw text of a `secret` kind is never kept. `noun` is what one is called in sentences, by default its name.
    """

    name: str
    label: str
    about: str
    wanted: str
    rule: Rule
    family: str
    strength: Strength
    mask: Callable[[str], str] = hide_middle
    canonical: str | None = None
    unless: str | None = None
    aliases: tuple[str, ...] = ()
    cards: Cards = Cards.ISSUED
    secret: bool = False
    noun: str = ""

    def __post_init__(self) -> None:
        if not re.fullmatch("[a-z][a-z0-9_]*", self.name) or not re.fullmatch("[A-Z][A-Za-z]*", self.label):
            raise ValueError(f"{self.name!r} or {self.label!r} is no name for a kind and its label")

    def normalise(self, raw: str, context: Context = Context()) -> str | None:
        """The value in its one normal form, or None for junk and for card numbers."""
        if self.name in context.hashing.kinds and is_hashed(raw):
            return raw
        if len(raw) > LONGEST_RAW or not printable(raw):
            return None
        text = squeeze(raw)
        value = None if self._is_junk(text) else self.rule(text, context)
        if not value or len(value) > LONGEST_VALUE or self._is_junk(value):
            return None
        return context.hashing.value(self.name, value)

    def _is_junk(self, text: str) -> bool:
        return not text or text.casefold() in PLACEHOLDERS or self.refuses(text)

    def refuses(self, raw: str) -> bool:
        """Whether the text is to be refused as the number of a payment card."""
        return self.cards is not Cards.NONE and holds_card_number(raw, issued_only=self.cards is Cards.ISSUED)
