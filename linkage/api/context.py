"""What a request holds: the parts of the service that outlive it, and loaders that live with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias

import strawberry
from strawberry.extensions import SchemaExtension

from linkage.access.caller import Caller
from linkage.access.keys import KeyRing
from linkage.api.accounting import Seen
from linkage.api.aside import ReadsFromAside
from linkage.api.asked import Asked
from linkage.api.bounds import Bounds
from linkage.api.loaders import Loaders, PastLoaders
from linkage.audit.log import AuditLog
from linkage.audit.writing import Writer
from linkage.graph.reads import Frame, OwnReads, Reader
from linkage.model import Costs, Merge

if TYPE_CHECKING:
    from linkage.api.work import Work


@dataclass(slots=True)
class Context:
    """The context of one operation."""

    reader: Reader
    work: Work
    #: who calls, as it stands whenever it is asked: a key may be revoked while a connection lasts
    admit: Callable[[], Awaitable[Caller | None]]
    audit: Writer
    log: AuditLog
    keys: KeyRing
    #: what operations share of the service
    bounds: Bounds = field(default_factory=Bounds)
    #: what a WebSocket said when it connected
    connection_params: dict[str, object] | None = None
    #: who calls; None: nobody we know
    caller: Caller | None = None
    #: what the operation asks for; None: that is not known before it is valid
    asked: Asked | None = field(default=None, init=False)
    #: what for values are shown whole; none: no value is
    purposes: tuple[str, ...] = field(default=(), init=False)
    #: what the document costs; 0: that is not known before it is priced
    price: int = field(default=0, init=False)
    own: OwnReads = field(init=False)
    _reads: Reader = field(init=False)
    seen: Seen = field(init=False)
    frame: Frame = field(init=False)
    loaders: Loaders = field(init=False)
    past: PastLoaders = field(init=False)

    def __post_init__(self) -> None:
        shared = self.reader.whole if isinstance(self.reader, Frame) else self.reader
        self.own = OwnReads(shared.shared if isinstance(shared, OwnReads) else shared, self._turn)
        self._reads = self.own
        self.begin()

    def go_aside(self) -> None:
        """Be of use in another loop than this one, from now on."""
        self._reads = ReadsFromAside(self.own, asyncio.get_running_loop())
        self.begin()

    def begin(self) -> None:
        """Begin an answer: what was read before is forgotten."""
        self.seen = Seen()
        self.reader = self.frame = Frame(self._reads)
        self.loaders = Loaders(self.reader, self.work, self._merges)
        self.past = PastLoaders(self.work)

    def _turn(self) -> AbstractAsyncContextManager[None]:
        """A turn for one read."""
        return self.bounds.reads.turn(self.caller.id) if self.caller is not None else nullcontext()

    async def _merges(self, cluster_ids: Sequence[str]) -> dict[str, list[Merge]]:
        """Merges of clusters as of the publications that the rest of the answer is of."""
        return await self.work.merges(cluster_ids, await self.published())

    async def published(self) -> int | None:
        """The version of the ledger's publications that the answer is of; None: the graph has none."""
        version = (await self.frame.reached()).version
        return version if version >= 0 else None

    @property
    def costs(self) -> Costs:
        """What makes bands of confidences: the costs of the service's model as it is now."""
        return self.work.model.bands.costs


Info: TypeAlias = strawberry.Info[Context, None]


class OwnContext(SchemaExtension):
    """Gives each operation a context of its own, and its caller as of now: those of one WebSocket would share their
    loaders' memory for hours, and what their key was allowed when they connected."""

    async def on_operation(self) -> AsyncIterator[None]:
        held: Context = self.execution_context.context
        self.execution_context.context = replace(held, caller=await held.admit())
        yield
