"""A rejection: a row that was not taken, kept with the place it stood in and the reason."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rejection:
    """One row that was not taken.

    `raw` is the row as it came, as a JSON object, except that card numbers are masked; `code` is stable
    (`BAD_TIME`, `BAD_VALUE`, `CARD_NUMBER`, `MISSING_COLUMN`, …), `reason` is for a person.
    """

    record: str
    file: str
    line: int
    column: str | None
    code: str
    reason: str
    raw: str
