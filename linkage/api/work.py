"""What the API asks of the service, from the event loop: each call runs in a thread of a small pool of its own.

Writes have their own threads, so that slow questions to the ledger never keep a fact waiting.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from linkage.api.links import Links, Touched
from linkage.api.pulse import Pulse
from linkage.api.recorder import Recorder
from linkage.api.resolving import Resolving
from linkage.api.schedule import Schedule
from linkage.engine.model import Model
from linkage.errors import Conflict, DatabaseUnavailable, LinkageError
from linkage.graph.projection import LINKED
from linkage.ledger import Ledger
from linkage.model import Merge, Subject
from linkage.model.progress import Progress
from linkage.service import Service
from linkage.service.deciding import Effect, Statement
from linkage.service.erasing import Erasing, Wanted
from linkage.service.recording import Call, Recorded
from linkage.service.room import check_room
from linkage.service.withdrawing import Order, Withdrawn

logger = logging.getLogger("linkage.server")

T = TypeVar("T")


class Work:
    """The service as the event loop sees it. `written` is set whenever the ledger has something new for the graph."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._recorder = Recorder(service.record_together)
        self.links = Links()
        self._questions = ThreadPoolExecutor(2, thread_name_prefix="linkage-question")
        # One at a time: they wait for each other, and for a resolution that publishes, and no fact waits for them.
        self._decisions = ThreadPoolExecutor(1, thread_name_prefix="linkage-decision")
        self.written = asyncio.Event()
        #: beats whenever something new is in the graph
        self.projected = Pulse()
        self.secret: bytes = service.secret
        self.model: Model = service.model
        self.spelling = service.spelling
        self.resolving = Resolving(self._resolve, lambda: service.claim_resolution(wait=False))
        self.schedule = Schedule(service.settings.resolve_seconds, self.resolving, self._wants_resolution)

    async def record(
        self, record: str, rows: Sequence[Mapping[str, object]], *, source: str, idempotency_key: str | None
    ) -> Recorded:
        """Append rows to the ledger; on disk when this returns, whether Neo4j is up or not."""
        self.check_room()
        recorded = await self._recorder.record(record, Call(rows, source, idempotency_key))
        if recorded.accepted:
            self.written.set()
        return recorded

    async def touched(self, record: str, recorded: Recorded) -> Touched | None:
        """What became of those named in a call once its facts are linked; None where that is not known in time, or
        nothing was new."""
        if recorded.version is None or record not in LINKED:
            return None
        linked = await self.links.of(record, recorded.version)
        return None if linked is None else Touched.of(recorded.subjects, linked)

    async def preview(self, statements: Sequence[Statement]) -> Effect:
        """What decisions would do to clusters now."""
        return await self._in(self._questions, lambda: self._service.preview(statements))

    async def preview_undoing(self, cluster_id: str, sides: tuple[Subject, Subject], author: str) -> Effect:
        """What undoing a merge would do now."""
        return await self._in(
            self._questions,
            lambda: self._service.preview_undoing(cluster_id, sides, author=author, reason=author),
        )

    async def preview_retraction(self, decision_id: str) -> Effect:
        """What taking a decision back would do now."""
        return await self._in(self._questions, lambda: self._service.preview_retraction(decision_id))

    async def decide(self, statements: Sequence[Statement]) -> Effect:
        """Make decisions: in the ledger when this returns, and in the graph if Neo4j is up."""
        return await self._changed(lambda: self._service.decide(statements))

    async def undo(self, cluster_id: str, sides: tuple[Subject, Subject], author: str, reason: str) -> Effect:
        """Undo a merge, as `decide`."""
        return await self._changed(lambda: self._service.undo(cluster_id, sides, author=author, reason=reason))

    async def retract(self, decision_id: str, author: str, reason: str) -> Effect:
        """Take a decision back, as `decide`."""
        return await self._changed(lambda: self._service.retract(decision_id, author=author, reason=reason))

    async def withdraw(self, order: Order) -> Withdrawn:
        """Take observations back or let them count again, as `decide`."""
        return await self._changed(lambda: self._service.withdraw(order))

    async def preview_withdrawal(self, order: Order) -> Withdrawn:
        """What withdrawing or reinstating observations would do now."""
        return await self._in(self._questions, lambda: self._service.preview_withdrawal(order))

    async def erase(self, wanted: Wanted) -> Erasing:
        """Erase a subject or an identifier, as `decide`."""
        return await self._changed(lambda: self._service.erase(wanted, wait=False))

    async def preview_erasure(self, wanted: Wanted) -> Erasing:
        """What an erasure would take away now."""
        return await self._in(self._questions, lambda: self._service.preview_erasure(wanted))

    async def accounted_erasure(self, wanted: Wanted, reason: str) -> tuple[dict[str, list[str]], str]:
        """What the audit keeps of an erasure: opaque ids, and the reason without what is erased."""
        return await self._in(self._questions, lambda: self._service.accounted_erasure(wanted, reason))

    async def contradictions(self) -> dict[str, list[str]]:
        """The decisions that contradict each other as they stand, each with the others."""
        return await self._in(self._questions, self._service.contradictions)

    async def counting(self, ids: Sequence[str]) -> set[str]:
        """Which of the decisions count."""
        return await self._in(self._questions, lambda: self._service.counting(ids))

    async def merges(self, cluster_ids: Sequence[str], published: int | None) -> dict[str, list[Merge]]:
        """The merges that built clusters, in their order, as of a version of the publications."""
        return await self._in(self._questions, lambda: self._service.merges_of(cluster_ids, published))

    async def usage_over_time(self, cluster_id: str, bucket: str, published: int | None) -> list[dict[str, Any]]:
        """Usage of a cluster's members by time, as of a version of the publications."""
        return await self._in(
            self._questions,
            lambda: self._service.usage_of_cluster(cluster_id, bucket=bucket, published=published),
        )

    async def past(self, question: Callable[[Ledger], T]) -> T:
        """What a question to the ledger's history answers."""
        return await self._in(self._questions, lambda: question(self._service.ledger))

    async def approve(self, resolution_id: str, *, author: str, reason: str | None) -> dict[str, Any]:
        """Publish a resolution that waits."""
        summary = await self._in(
            self._questions,
            lambda: self._service.approve_resolution(resolution_id, author=author, reason=reason),
        )
        self.written.set()
        return summary

    async def refuse(self, resolution_id: str, *, author: str, reason: str | None) -> None:
        """Let a resolution that waits never be published."""
        await self._in(
            self._questions, lambda: self._service.refuse_resolution(resolution_id, author=author, reason=reason)
        )
        self.written.set()

    def check_room(self) -> None:
        """Raise `StorageFull` where the disk has no room for anything that is written."""
        check_room(self._service.settings.data)

    def begin(self) -> None:
        """Take up erasures and a resolution that a killed process left, and what the schedule has in store."""
        self._decisions.submit(self._finish_erasures)
        if self._service.was_cut_off():
            with contextlib.suppress(Conflict):  # it was not killed: another process is at it
                self.resolving.start()
        self.schedule.start()

    async def _wants_resolution(self) -> bool:
        """Whether there is something new, and nothing that a person has yet to decide on."""

        def wanted() -> bool:
            return not self._service.waiting_resolutions() and self._service.needs_resolution()

        return await self._in(self._questions, wanted)

    async def ledger_versions(self) -> dict[str, int]:
        """How far each table of the ledger is; raises where the ledger cannot be read."""
        return await self._in(self._questions, self._service.ledger.versions)

    async def close(self) -> None:
        """Let what was begun end."""
        await self.schedule.close()
        await self.resolving.close()
        await self._recorder.close()
        self._decisions.shutdown(wait=True, cancel_futures=False)
        self._questions.shutdown(wait=True, cancel_futures=True)

    def _finish_erasures(self) -> None:
        try:
            self._service.finish_erasures()
        except LinkageError as error:
            # It stands as it was left: the next start, or the next erasure, takes it up.
            logger.warning("an erasure that was cut off could not be finished: %s", type(error).__name__)

    async def _changed(self, change: Callable[[], T]) -> T:
        def done() -> T:
            self.check_room()
            effect = change()
            # Whoever decided looks next; while Neo4j is away, or somebody else projects, it follows by itself.
            with contextlib.suppress(DatabaseUnavailable, Conflict):
                self._service.catch_up()
            return effect

        try:
            return await self._in(self._decisions, done)
        finally:
            self.written.set()

    def _resolve(self, progress: Progress) -> Mapping[str, Any]:
        self.check_room()
        summary = self._service.resolve_claimed(progress=progress)
        self._service.catch_up(progress=progress)
        return summary

    @staticmethod
    async def _in(pool: ThreadPoolExecutor, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(pool, call)
