"""What commands print with: tables and progress bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from linkage.model.progress import Progress

_WIDTH = 120  # of tables that go into a file or a pipe

#: answers go to standard output, progress and notes to standard error, so that `--json | jq` works
out = Console(width=None if sys.stdout.isatty() else _WIDTH)
notes = Console(stderr=True)

_LINE_EVERY = 5.0  # seconds between plain progress lines of one step


@contextmanager
def progress() -> Iterator[Progress]:
    """Show the progress of long work; yields the callback to hand down."""
    if notes.is_terminal:
        with _bars() as report:
            yield report
    else:
        yield _plain_lines()


@contextmanager
def _bars() -> Iterator[Progress]:
    with Bars(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=notes,
        transient=True,
    ) as bars:
        tasks: dict[str, object] = {}

        def report(step: str, done: int, total: int | None = None, /) -> None:
            if step not in tasks:
                tasks[step] = bars.add_task(step, total=total)
            bars.update(tasks[step], completed=done, total=total)  # type: ignore[arg-type]

        yield report


def _plain_lines() -> Progress:
    """A line when a step of known length is through, and every few seconds of the others: logs stay short."""
    last = time.monotonic()

    def report(step: str, done: int, total: int | None = None, /) -> None:
        nonlocal last
        now = time.monotonic()
        finished = total is not None and done >= total
        if finished or now - last >= _LINE_EVERY:
            last = now
            print(f"{step}: {done:,}" + (f" of {total:,}" if total is not None else ""), file=sys.stderr, flush=True)

    return report
