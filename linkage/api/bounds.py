"""What all operations of a service share of it, and how one is held to its share."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace

from strawberry.types.graphql import OperationType

from linkage.access.budgets import BUDGETS, LANES, READS, STREAMS, WRITES, Budget
from linkage.access.caller import Caller
from linkage.access.rates import Left, Rates
from linkage.access.turns import Turns
from linkage.api.aside import Aside
from linkage.api.documents import NONE, TrustedDocuments


@dataclass(frozen=True, slots=True)
class Bounds:
    """Budgets, turns and trusted documents of one service; `factor`: what its operator lets callers spend in a minute,
    as a multiple of what the table has."""

    factor: float = 1.0
    documents: TrustedDocuments = NONE
    costs: Rates = field(default_factory=lambda: Rates("cost of operations"))
    rows: Rates = field(default_factory=lambda: Rates("rows"))
    reads: Turns = field(default_factory=lambda: Turns(READS))
    writes: Turns = field(default_factory=lambda: Turns(WRITES))
    streams: Turns = field(default_factory=lambda: Turns(STREAMS, waiting_each=0))
    aside: Aside = field(default_factory=Aside)
    lanes: tuple[Turns, ...] = field(default_factory=lambda: tuple(map(Turns, LANES)))

    def budget(self, caller: Caller) -> Budget:
        """What a caller may spend here."""
        own = BUDGETS[caller.role]
        return replace(own, cost=max(own.document, round(own.cost * self.factor)), rows=round(own.rows * self.factor))

    def spend(self, caller: Caller, cost: int) -> Left:
        """Let a caller pay for an operation. Raises `RateLimited`."""
        return self.costs.spend(caller.id, cost, self.budget(caller).cost)

    def spend_rows(self, caller: Caller, rows: int) -> Left:
        """Let a caller send so many rows. Raises `RateLimited`."""
        return self.rows.spend(caller.id, rows, self.budget(caller).rows)

    async def pay(self, caller: Caller, cost: int) -> None:
        """Let a caller pay for an event of a subscription, once it can."""
        budget = self.budget(caller).cost
        while wait := self.costs.wait(caller.id, cost, budget):
            await asyncio.sleep(wait)
        self.costs.spend(caller.id, cost, budget)

    @staticmethod
    def is_dear(cost: int, kind: OperationType) -> bool:
        """Whether an operation is of the last lane, and put together aside."""
        return kind is OperationType.QUERY and cost > LANES[-2].up_to

    def turn(self, caller: Caller, cost: int, kind: OperationType) -> AbstractAsyncContextManager[None]:
        """A turn for an operation; entering it raises `RateLimited` and `Overloaded`."""
        own = {OperationType.MUTATION: self.writes, OperationType.SUBSCRIPTION: self.streams}.get(kind)
        by_cost = next(turns for lane, turns in zip(LANES, self.lanes, strict=True) if cost <= lane.up_to)
        return (own or by_cost).turn(caller.id)
