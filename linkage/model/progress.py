"""Progress: how long work tells whoever started it how far it is."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Called with the step's name, how much is done, and how much there is (None: not known)."""

    def __call__(self, step: str, done: int, total: int | None = None, /) -> None: ...


def silent(step: str, done: int, total: int | None = None, /) -> None:
    """Report to nobody."""
