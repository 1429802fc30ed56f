"""Scalars that GraphQL lacks."""

from __future__ import annotations

from typing import NewType

import strawberry
from strawberry.types.scalar import ScalarDefinition

Long = NewType("Long", int)
LONG: ScalarDefinition = strawberry.scalar(
    name="Long",
    description="A whole number of up to 64 bits: tokens and requests outgrow `Int`.",
    serialize=int,
    parse_value=int,
)
