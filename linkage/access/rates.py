"""What callers spend in a time: a bucket each, which holds a minute's worth and fills evenly.

Of our own, since `limits` keeps an entry for every unit of cost in its moving window, and starts a thread for expiry
up to a hundred times a second. Here a caller is two numbers; a bucket that is full again says nothing and may be
forgotten, so that no number of callers takes more than `MOST` of them.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from linkage.errors import RateLimited

MINUTE = 60.0
#: Callers that are remembered; beyond them the one who spent longest ago is forgotten.
MOST = 10_000


@dataclass(frozen=True, slots=True)
class Left:
    """What of a minute's budget is left, and the seconds until all of it is there again."""

    budget: int
    left: int
    full_in: int


@dataclass(slots=True)
class _Bucket:
    spent: float
    at: float


class Rates:
    """Buckets of one kind of spending; `unit` names in errors what is spent."""

    def __init__(self, unit: str, *, clock: Callable[[], float] = time.monotonic, most: int = MOST) -> None:
        self._unit = unit
        self._clock = clock
        self._most = most
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def __len__(self) -> int:
        """How many callers are remembered."""
        return len(self._buckets)

    def spend(self, who: str, amount: float, budget: int) -> Left:
        """Spend of a caller's budget for a minute. Raises `RateLimited`, and then spends nothing."""
        wait = self.wait(who, amount, budget)
        if wait:
            raise RateLimited(
                f"more {self._unit} in a minute than this caller's {budget:,}",
                retry_after=math.ceil(wait),
                next_step=f"Try again in {math.ceil(wait)} s.",
            )
        bucket = self._bucket(who, budget)
        bucket.spent += amount
        self._buckets[who] = bucket
        self._buckets.move_to_end(who)
        while len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        return _left(bucket, budget)

    def wait(self, who: str, amount: float, budget: int) -> float:
        """Seconds until so much can be spent; more than a minute's budget is to be had when it is whole."""
        missing = self._bucket(who, budget).spent + min(amount, budget) - budget
        return max(0.0, missing * MINUTE / budget) if missing > 1e-6 else 0.0

    def left(self, who: str, budget: int) -> Left:
        """What a caller has left."""
        return _left(self._bucket(who, budget), budget)

    def _bucket(self, who: str, budget: int) -> _Bucket:
        """The bucket as of now."""
        now = self._clock()
        bucket = self._buckets.get(who)
        if bucket is None:
            return _Bucket(0.0, now)
        bucket.spent = max(0.0, bucket.spent - (now - bucket.at) * budget / MINUTE)
        bucket.at = now
        return bucket


def _left(bucket: _Bucket, budget: int) -> Left:
    return Left(budget, max(0, math.floor(budget - bucket.spent)), math.ceil(bucket.spent * MINUTE / budget))
