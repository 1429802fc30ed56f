"""What the API asks of the service, from the event loop: each call runs in a thread of a small pool of its own.

Writes have their own threads, so that slow questions to the ledger never keep a fact waiting.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from linkage.api.links import Links, touched
from linkage.api.recorder import Recorder
from linkage.api.resolving import Resolving
from linkage.engine.model import Model
from linkage.graph.projection import LINKED
from linkage.model import Merge
from linkage.model.progress import Progress
from linkage.service import Service
from linkage.service.recording import Call, Recorded

T = TypeVar("T")


class Work:
    """The service as the event loop sees it. `written` is set whenever the ledger has something new for the graph."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._recorder = Recorder(service.record_together)
        self.links = Links()
        self._questions = ThreadPoolExecutor(2, thread_name_prefix="linkage-question")
        self.written = asyncio.Event()
        self.secret: bytes = service.secret
        self.model: Model = service.model
        self.resolving = Resolving(self._resolve)

    async def record(
        self, record: str, rows: Sequence[Mapping[str, object]], *, source: str, idempotency_key: str | None
    ) -> Recorded:
        """Append rows to the ledger; on disk when this returns, whether Neo4j is up or not."""
        recorded = await self._recorder.record(record, Call(rows, source, idempotency_key))
        if recorded.accepted:
            self.written.set()
        return recorded

    async def touched(self, record: str, recorded: Recorded) -> list[tuple[str, str | None]] | None:
        """The clusters that those named in a call are in once its facts are linked, each with what became of it
        (`born`, `grew`); None where that is not known in time, or nothing was new."""
        if recorded.version is None or record not in LINKED:
            return None
        linked = await self.links.of(record, recorded.version)
        return None if linked is None else touched(recorded.subjects, linked)

    async def merges(self, cluster_ids: Sequence[str]) -> dict[str, list[Merge]]:
        """The merges that built clusters, in their order."""
        return await self._in(self._questions, lambda: self._service.merges_of(cluster_ids))

    async def usage_over_time(self, cluster_id: str, bucket: str) -> list[dict[str, Any]]:
        """Usage of a cluster's members by time."""
        return await self._in(self._questions, lambda: self._service.usage_of_cluster(cluster_id, bucket=bucket))

    async def ledger_versions(self) -> dict[str, int]:
        """How far each table of the ledger is; raises where the ledger cannot be read."""
        return await self._in(self._questions, self._service.ledger.versions)

    async def close(self) -> None:
        """Let what was begun end."""
        await self.resolving.close()
        await self._recorder.close()
        self._questions.shutdown(wait=True, cancel_futures=True)

    def _resolve(self, progress: Progress) -> Mapping[str, Any]:
        summary = self._service.resolve(progress=progress)
        self._service.catch_up(progress=progress)
        return summary

    @staticmethod
    async def _in(pool: ThreadPoolExecutor, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(pool, call)
