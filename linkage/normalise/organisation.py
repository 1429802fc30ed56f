"""Organisations: names without their legal form, in plain lower-case words; or the id a source knows them by."""

from __future__ import annotations

import re
from functools import cache

from cleanco import prepare_default_terms
from cleanco.clean import custom_basename

from linkage.normalise.kind import Context
from linkage.normalise.text import words

_ID = re.compile(r"^(?=.*[0-9_])\S+$")


@cache
def _legal_forms() -> list[tuple[int, list[str]]]:
    return list(prepare_default_terms())


def normalise_name(text: str, _: Context) -> str | None:
    """The name's words in plain lower case without legal form, `the` and punctuation."""
    return _without_legal_forms(words(_without_legal_forms(text))) or None


def _without_legal_forms(name: str) -> str:
    """Take legal forms off the end, one after the other ("GmbH & Co. KG"), and `the` off the beginning."""
    while True:
        shorter = custom_basename(name, _legal_forms(), prefix=False, middle=False, suffix=True).removeprefix("the ")
        if not words(shorter) or shorter == name:
            return name
        name = shorter


def normalise(text: str, context: Context) -> str | None:
    """An id as it is (no spaces, with a digit or underscore), a name by the rule for names."""
    return text if _ID.match(text) else normalise_name(text, context)
