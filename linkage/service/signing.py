"""Who says something, and why: kept with what is said, for good."""

from __future__ import annotations

from linkage.errors import BadInput

#: Longest name of who says it, and longest reason, in characters.
LONGEST_AUTHOR, LONGEST_REASON = 200, 4_000


def signature_faults(author: str, reason: str) -> list[str]:
    """What is wrong with the two, each as a sentence."""
    bounds = (("author", author, LONGEST_AUTHOR), ("reason", reason, LONGEST_REASON))
    return [
        f"the {name} has 1 to {longest:,} characters"
        for name, text, longest in bounds
        if not 1 <= len(text.strip()) <= longest
    ]


def check_signature(author: str, reason: str) -> None:
    """Raise `BadInput` with all that is wrong with the two."""
    faults = signature_faults(author, reason)
    if faults:
        raise BadInput(faults[0], details=faults[1:])
