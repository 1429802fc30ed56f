"""Tokens that only their source understands: templates, codes, cohorts, and values of kinds nobody declared."""

from __future__ import annotations

import hashlib

from linkage.normalise.kind import Context

TEMPLATE_CANONICAL = r"^[a-z]{2,8}[:_-][0-9a-z]{6,64}$"
_LONGEST_TOKEN = 200


def normalise(text: str, _: Context) -> str | None:
    """The token as it is."""
    return text


def normalise_code(text: str, _: Context) -> str | None:
    """A code that people type: in capitals, without spaces and dashes."""
    code = "".join(text.split()).replace("-", "").upper()
    return code if len(code) >= 3 else None


def normalise_cohort(text: str, _: Context) -> str | None:
    """A cohort's name in lower case."""
    return text.lower()


def normalise_template(text: str, _: Context) -> str | None:
    """A template's fingerprint as it is; a template's own text by its hash, since it is long and may be private."""
    if len(text) <= _LONGEST_TOKEN and " " not in text:
        return text
    return f"sha256:{hashlib.sha256(text.casefold().encode()).hexdigest()[:32]}"
