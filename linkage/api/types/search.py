"""Search results."""

from __future__ import annotations

import strawberry
from strawberry.relay import PageInfo

from linkage.api.types.node import Node


@strawberry.type(description="Something that a search found.")
class SearchEdge:
    """Node, place and score."""

    node: Node
    cursor: str
    score: float = strawberry.field(description="How well it fits; comparable within one search only.")


@strawberry.type(description="What a search found, best first.")
class SearchConnection:
    """A page of search results."""

    edges: list[SearchEdge]
    page_info: PageInfo

    @strawberry.field(description="The nodes alone.")
    def nodes(self) -> list[Node]:
        return [edge.node for edge in self.edges]
