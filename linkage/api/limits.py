"""What one GraphQL document may cost. Every figure is enforced before a resolver runs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one document; `cost` is 1 for each field, times the page sizes above it."""

    tokens: int = 2_000
    cost: int = 10_000
    depth: int = 16
    #: the standard introspection query asks for a type's type nine times over
    introspection_depth: int = 24
    aliases: int = 30
    #: directives in one place
    directives: int = 5
    fragments: int = 50
    #: fields, inline fragments and spreads on the way down, so that nesting cannot exhaust the stack
    nesting: int = 120
    #: the largest `first`, `last` or `limit`
    page: int = 200
    #: what a list without a page size counts as
    assumed_list: int = 10
    #: how long an operation may run
    seconds: float = 20.0


#: Neighbourhoods and cluster graphs are read in one query and drawn at once: they may be larger than a page.
GRAPH_LIMIT = 1_000
