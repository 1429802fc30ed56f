"""Scalars that GraphQL lacks."""

from __future__ import annotations

from typing import NewType

import strawberry
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
