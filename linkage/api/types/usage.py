"""Usage: requests and tokens."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import strawberry

from linkage.api.types.scalars import Long


@strawberry.type(description="Requests and tokens, added up over all hours.")
class Usage:
    """Totals, as the graph carries them on accounts and clusters."""

    requests: Long = strawberry.field(description="Requests.")
    input_tokens: Long = strawberry.field(description="Tokens sent to the models.")
    output_tokens: Long = strawberry.field(description="Tokens that the models answered with.")
    tokens: Long = strawberry.field(description="Both.")
    first_used: datetime | None = strawberry.field(description="The first hour with usage.")
    last_used: datetime | None = strawberry.field(description="The last hour with usage.")

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Usage:
        """The totals of a node."""
        return cls(
            requests=Long(row.get("requests") or 0),
            input_tokens=Long(row.get("input_tokens") or 0),
            output_tokens=Long(row.get("output_tokens") or 0),
            tokens=Long(row.get("tokens") or 0),
            first_used=row.get("first_used"),
            last_used=row.get("last_used"),
        )


@strawberry.enum(description="How long the periods are.")
class Bucket(enum.Enum):
    """Periods of usage."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@strawberry.type(description="Requests and tokens of one period and model.")
class UsageOverTime:
    """One point of a curve."""

    start: datetime = strawberry.field(description="When the period begins.")
    model: str | None = strawberry.field(description="Which model was asked.")
    accounts: int = strawberry.field(description="How many accounts took part.")
    requests: Long
    input_tokens: Long
    output_tokens: Long

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> UsageOverTime:
        """The point as the ledger has it."""
        return cls(
            start=row["start"],
            model=row.get("model"),
            accounts=int(row["accounts"]),
            requests=Long(row.get("requests") or 0),
            input_tokens=Long(row.get("input_tokens") or 0),
            output_tokens=Long(row.get("output_tokens") or 0),
        )
