"""What is written down of one operation: opaque ids, never a value."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

#: Of a text that a caller chose, so much is kept.
LONGEST_TEXT = 200
OK = "OK"


@dataclass(frozen=True, slots=True)
class Record:
    """Who, when, why, what was asked, what was answered."""

    #: `key:…`, `cli:…`, `demo`
    caller: str
    name: str
    role: str
    #: `query`, `mutation`, `subscription`, `request`, `command`
    kind: str
    #: what was asked: root fields, an endpoint, or a command
    asked: Sequence[str]
    operation: str | None = None
    purpose: Sequence[str] = ()
    #: what the operation was about or answered with: `identifiers`, `revealed`, `subjects`, `clusters`, … → ids
    ids: Mapping[str, Sequence[str]] = field(default_factory=dict)
    #: `OK`, or the code of the error
    outcome: str = OK
    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def body(self, number: int, name_of: Callable[[str], str]) -> bytes:
        """The record as it is written, in one line, without what chains it; `name_of` gives what stands for an id."""
        content: dict[str, Any] = {
            "n": number,
            "at": self.at.isoformat(timespec="milliseconds"),
            "caller": self.caller,
            "name": self.name[:LONGEST_TEXT],
            "role": self.role,
            "kind": self.kind,
            "asked": list(self.asked),
            "outcome": self.outcome,
        }
        if self.operation:
            content["operation"] = self.operation[:LONGEST_TEXT]
        if self.purpose:
            content["purpose"] = [purpose[:LONGEST_TEXT] for purpose in self.purpose]
        if ids := {name: sorted({name_of(one) for one in held}) for name, held in self.ids.items() if held}:
            content["ids"] = ids
        return json.dumps(content, separators=(",", ":")).encode()
