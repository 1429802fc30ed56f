"""Whatever has a global id."""

from __future__ import annotations

import strawberry

from linkage.api.ids import NodeId


@strawberry.interface(description="Whatever has a global id.")
class Node:
    """Relay's object identification: `node(id)` answers with the same object again."""

    @strawberry.field(description="The global id.")
    def id(self) -> strawberry.ID:
        return strawberry.ID(str(self.node_id()))

    def node_id(self) -> NodeId:
        """The type's name and the id within it."""
        raise NotImplementedError
