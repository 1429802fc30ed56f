"""Threads for what is done in parts; where one is enough, none is started: to a handful of rows that is what costs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any


class _Here(Executor):
    """Does at once, in the thread that asks."""

    def submit(self, work: Callable[..., Any], /, *given: Any, **named: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(work(*given, **named))
        except BaseException as error:
            future.set_exception(error)
        return future


@contextmanager
def workers(threads: int) -> Iterator[Executor]:
    """So many threads."""
    if threads == 1:
        yield _Here()
        return
    with ThreadPoolExecutor(threads) as pool:
        yield pool
