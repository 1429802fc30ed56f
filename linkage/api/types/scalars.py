"""Scalars that GraphQL lacks, and moments."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import NewType, cast

import strawberry
from strawberry.schema.types.base_scalars import DateTimeDefinition
from strawberry.types.scalar import ScalarDefinition

Long = NewType("Long", int)


def _parse(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63:
        return value
    raise ValueError("a Long is a whole number of up to 64 bits")


LONG: ScalarDefinition = strawberry.scalar(
    name="Long",
    description="A whole number of up to 64 bits: tokens and requests outgrow `Int`.",
    serialize=int,
    parse_value=_parse,
)


def _moment(value: object) -> datetime:
    assert DateTimeDefinition.parse_value is not None  # noqa: S101 - as strawberry has it
    moment = cast("datetime", DateTimeDefinition.parse_value(value))
    try:
        return moment if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("a DateTime lies in the years 1 to 9999 of UTC") from None


#: Moments are in UTC from the door on: at the ends of the calendar not every zone's time is one there.
DATE_TIME: ScalarDefinition = replace(DateTimeDefinition, parse_value=_moment)
