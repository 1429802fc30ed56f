"""What each role may spend: on one document, in a minute, and at once.

Cost is what the guard prices a document at: about one a field of the answer. Rows are facts that are sent.
"""

from __future__ import annotations

from dataclasses import dataclass

from linkage.access.roles import Role


@dataclass(frozen=True, slots=True)
class Budget:
    """Of one caller: cost of one document; cost and rows in a minute, which may also be spent in one go."""

    document: int
    cost: int
    rows: int = 0


BUDGETS: dict[Role, Budget] = {
    Role.VIEWER: Budget(document=5_000, cost=60_000),
    Role.SERVICE: Budget(document=2_000, cost=300_000, rows=1_000_000),
    Role.INVESTIGATOR: Budget(document=10_000, cost=120_000),
    Role.ANALYST: Budget(document=10_000, cost=120_000),
    Role.ADMIN: Budget(document=10_000, cost=300_000, rows=1_000_000),
}


@dataclass(frozen=True, slots=True)
class Lane:
    """Operations that cost no more than `up_to` run in it: so many at once, so many of one caller."""

    up_to: float
    at_once: int
    each: int


#: The first that fits: lookups, pages as people look at them, and what is larger; so that none stands behind the next.
LANES = (
    Lane(up_to=100, at_once=32, each=16),
    Lane(up_to=1_100, at_once=8, each=2),
    Lane(up_to=float("inf"), at_once=4, each=1),
)
#: Mutations: what they write goes together, so that many may wait for one commit.
WRITES = Lane(up_to=float("inf"), at_once=512, each=256)
#: Subscriptions that stand.
STREAMS = Lane(up_to=float("inf"), at_once=2_000, each=200)
#: Large bodies of rows that are worked on.
BODIES = Lane(up_to=float("inf"), at_once=2, each=2)
#: Questions to Neo4j at once, and of one caller; fewer than the reader has connections.
READS = Lane(up_to=float("inf"), at_once=48, each=12)
