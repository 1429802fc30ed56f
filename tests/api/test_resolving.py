"""Resolutions started through the API: one at a time, watched, and never silent about a failure."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from typing import Any

import pytest

from linkage.api.resolving import REMEMBERED, Resolving, Run, RunState
from linkage.errors import Conflict, LedgerUnavailable
from linkage.model.progress import Progress


async def ended(resolving: Resolving, run: Run) -> list[Run]:
    return [state async for state in resolving.watch(run.id)]


def test_a_run_is_watched_from_its_start_to_its_end() -> None:
    go = threading.Event()

    def resolve(progress: Progress) -> Mapping[str, Any]:
        progress("count", 1, 2)
        assert go.wait(10)
        return {"resolution_id": "rs_7", "clusters": 3, "model": "1-abc"}

    async def scenario() -> None:
        resolving = Resolving(resolve)
        run = resolving.start()
        assert resolving.running() is not None
        with pytest.raises(Conflict, match=run.id):
            resolving.start()
        watch = resolving.watch(run.id)
        states = []
        async for state in watch:
            states.append(state)
            if state.step == "count":
                go.set()
        assert [state.state for state in states][-1] is RunState.FINISHED
        assert any((state.step, state.done, state.total) == ("count", 1, 2) for state in states)
        last = states[-1]
        assert (last.resolution_id, last.model_version, last.summary) == (
            "rs_7",
            "1-abc",
            {"clusters": 3, "model": "1-abc"},
        )
        assert resolving.running() is None
        assert resolving.get(run.id) == resolving.latest() == last
        await resolving.close()

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("failure", "said"),
    [(LedgerUnavailable("the disk is full"), "the disk is full"), (ZeroDivisionError("ann@example.com"), "our side")],
)
def test_a_failure_is_told_and_the_next_run_may_start(failure: Exception, said: str) -> None:
    def resolve(progress: Progress) -> Mapping[str, Any]:
        raise failure

    async def scenario() -> None:
        resolving = Resolving(resolve)
        states = await ended(resolving, resolving.start())
        assert states[-1].state is RunState.FAILED
        assert said in str(states[-1].error)
        assert (await ended(resolving, resolving.start()))[-1].finished_at is not None

    asyncio.run(scenario())


def test_only_so_many_runs_are_remembered() -> None:
    async def scenario() -> None:
        resolving = Resolving(lambda progress: {})
        runs = []
        for _ in range(REMEMBERED + 1):
            runs.append(resolving.start())
            await ended(resolving, runs[-1])
        assert resolving.get(runs[0].id) is None
        assert resolving.get(runs[-1].id) is not None
        assert [state async for state in resolving.watch(runs[0].id)] == []

    asyncio.run(scenario())
