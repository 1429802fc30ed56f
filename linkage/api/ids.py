"""Global ids: base64 of `Type:id`, as Relay has them.

An identifier's id is the opaque one of the graph, never its value: ids end up in logs, addresses and bookmarks.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

from linkage.errors import BadInput

#: An id is never longer than this; what is longer was not issued by us.
LONGEST = 4_096
KINDS = frozenset({"Account", "Organisation", "Identifier", "Cluster", "Resolution", "Decision"})
SUBJECTS = {"account": "Account", "organisation": "Organisation"}


@dataclass(frozen=True, slots=True)
class NodeId:
    """A type's name and an id within it."""

    type: str
    id: str

    def __str__(self) -> str:
        return base64.b64encode(f"{self.type}:{self.id}".encode()).decode()


def parse(text: str) -> NodeId | None:
    """The node that a global id names; None where it is not one of ours."""
    if len(text) > LONGEST:
        return None
    try:
        decoded = base64.b64decode(text, validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    kind, colon, inner = decoded.partition(":")
    if not colon or not inner or kind not in KINDS:
        return None
    return NodeId(kind, inner)


def named(text: str, default: str) -> NodeId:
    """The node that a caller names: a global id, `account:ID`, `organisation:ID`, or a bare id of type `default`."""
    if not text or len(text) > LONGEST:
        raise BadInput(f"an id has 1 to {LONGEST} characters")
    if "\0" in text:
        raise BadInput("an id holds no null character")
    if (found := parse(text)) is not None:
        return found
    head, colon, tail = text.partition(":")
    if colon and tail and head in SUBJECTS:
        return NodeId(SUBJECTS[head], tail)
    return NodeId(default, text)
