"""How resolutions stand that wait for a person: rows of the ledger's table `reviews`, the last of each counts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import duckdb
import pyarrow as pa

from linkage.errors import Conflict, NotFound
from linkage.ledger import Ledger, results
from linkage.ledger.tables import REVIEWS
from linkage.model import ReviewState
from linkage.service.waiting import ANEW

#: Why a resolution cannot be approved or refused any more.
_NO_MORE = {
    ReviewState.APPROVED: "was approved already",
    ReviewState.REFUSED: "was refused",
    ReviewState.OVERTAKEN: "was overtaken by a later one",
}


def note(
    ledger: Ledger,
    resolution_id: str,
    state: ReviewState,
    *,
    author: str | None = None,
    reason: str | None = None,
) -> None:
    """Write down how a resolution stands from now on."""
    row = {
        "resolution_id": resolution_id,
        "state": state.value,
        "author": author,
        "reason": reason,
        "at": datetime.now(UTC),
    }
    ledger.append(
        "reviews", pa.Table.from_pylist([row], schema=REVIEWS.schema), batch_id=f"{resolution_id}-{state.value}"
    )


def reviews(ledger: Ledger) -> dict[str, dict[str, Any]]:
    """How each resolution stands that ever waited, by its id."""
    with duckdb.connect() as connection:
        ledger.snapshot().register(connection)
        rows = connection.sql(results.reviews_now()).to_arrow_table().to_pylist()
    return {row["resolution_id"]: row for row in rows}


def waiting(ledger: Ledger) -> list[str]:
    """The ids of the resolutions that wait: one at most, but for a process that was killed between two rows."""
    return [identity for identity, row in reviews(ledger).items() if row["state"] == ReviewState.WAITING]


def demand_waiting(ledger: Ledger, resolution_id: str) -> None:
    """Raise `NotFound` for a resolution that never waited, `Conflict` for one that waits no more."""
    row = reviews(ledger).get(resolution_id)
    if row is None:
        raise NotFound(
            f"no resolution {resolution_id} waits for anybody",
            next_step="`statistics` and `resolutions` list those that do.",
        )
    state = ReviewState(row["state"])
    if state is not ReviewState.WAITING:
        raise Conflict(f"resolution {resolution_id} {_NO_MORE[state]}", next_step=ANEW)
