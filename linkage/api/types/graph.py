"""Graphs: nodes and edges to draw, and ways from one node to another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import strawberry

from linkage.api.ids import NodeId
from linkage.api.types.cluster import Cluster
from linkage.api.types.identifier import Identifier
from linkage.api.types.node import Node
from linkage.api.types.subject import Account, Organisation, label_of
from linkage.errors import BadInput
from linkage.findings.words import masked
from linkage.graph.reads import surroundings

if TYPE_CHECKING:
    from linkage.api.context import Context

#: Relationships of one drawing.
EDGES = 5_000
#: How far a neighbourhood may reach.
HOPS = 4

Key = tuple[str, str]

NODES: dict[str, type[Account] | type[Organisation] | type[Cluster] | type[Identifier]] = {
    "Account": Account,
    "Organisation": Organisation,
    "Cluster": Cluster,
    "Identifier": Identifier,
}


@strawberry.type(description="A node of a drawing.")
class GraphNode:
    """A node, light enough for a thousand of them; `node` leads to all of it."""

    id: strawberry.ID = strawberry.field(description="The global id.")
    type: str = strawberry.field(description="`Account`, `Organisation`, `Identifier` or `Cluster`.")
    label: str = strawberry.field(description="What to call it; identifiers and names are masked.")
    kind: str | None = strawberry.field(description="The kind of an identifier.")
    holders: int | None = strawberry.field(description="How many subjects use an identifier.")
    sharing_class: str | None
    size: int | None = strawberry.field(description="How many members a cluster has.")
    row: strawberry.Private[Mapping[str, Any]]

    @strawberry.field(description="The node itself.")
    def node(self) -> Node:
        return NODES[self.type](row=self.row)

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> GraphNode:
        """A node of the graph with its type."""
        type_name, row = str(found["type"]), found["node"]
        identifier, cluster = type_name == "Identifier", type_name == "Cluster"
        return cls(
            id=strawberry.ID(str(NodeId(type_name, str(row["id"])))),
            type=type_name,
            label=masked(row["kind"], row["value"]) if identifier else label_of(row),
            kind=row.get("kind") if identifier else None,
            holders=int(row.get("holders") or 1) if identifier else None,
            sharing_class=row.get("sharing_class") if identifier else None,
            size=int(row.get("size") or 0) if cluster else None,
            row=row,
        )


@strawberry.type(description="An edge of a drawing.")
class GraphEdge:
    """From one node to another."""

    source: strawberry.ID
    target: strawberry.ID
    relation: str = strawberry.field(description="`USED`, `MEMBER_OF` or `IN`.")
    bits: float | None = strawberry.field(description="What the evidence is worth, where that is known.")
    confidence: float | None = strawberry.field(description="How sure a membership of a cluster is.")
    first_seen: datetime | None
    last_seen: datetime | None
    count: int | None


@strawberry.type(description="Nodes and edges.")
class Graph:
    """A drawing; `truncated`: there is more than the limit let through."""

    nodes: list[GraphNode]
    edges: list[GraphEdge]
    truncated: bool = strawberry.field(description="Whether there is more than the limit let through.")


@strawberry.type(description="A way from one node to another.")
class Path:
    """Nodes in their order and the edges between them."""

    nodes: list[GraphNode]
    edges: list[GraphEdge]

    @strawberry.field(description="How many edges.")
    def length(self) -> int:
        return len(self.edges)


def _key(found: Mapping[str, Any]) -> Key:
    return str(found["type"]), str(found["node"]["id"])


def _edge(source: Key, target: Key, relation: str, about: Mapping[str, Any], bits: float | None) -> GraphEdge:
    return GraphEdge(
        source=strawberry.ID(str(NodeId(*source))),
        target=strawberry.ID(str(NodeId(*target))),
        relation=relation,
        bits=bits,
        confidence=about.get("confidence"),
        first_seen=about.get("first_seen"),
        last_seen=about.get("last_seen"),
        count=about.get("count"),
    )


class _Drawing:
    """A graph that grows node by node, up to a limit."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.nodes: dict[Key, GraphNode] = {}
        self.edges: dict[tuple[Key, Key, str], GraphEdge] = {}
        self.truncated = False

    def add_node(self, found: Mapping[str, Any]) -> bool:
        key = _key(found)
        if key in self.nodes:
            return True
        if len(self.nodes) >= self.limit:
            self.truncated = True
            return False
        self.nodes[key] = GraphNode.of(found)
        return True

    def add(self, rows: Iterable[Mapping[str, Any]]) -> list[Key]:
        """Add relationships; return the nodes that are new."""
        before = set(self.nodes)
        for row in rows:
            if not (self.add_node(row["here"]) and self.add_node(row["there"])):
                continue
            ends = _key(row["here"]), _key(row["there"])
            source, target = ends if row["outwards"] else ends[::-1]
            self.edges.setdefault(
                (source, target, row["relation"]),
                _edge(source, target, row["relation"], row["about"], row.get("bits")),
            )
        return [key for key in self.nodes if key not in before]

    def done(self) -> Graph:
        return Graph(nodes=list(self.nodes.values()), edges=list(self.edges.values()), truncated=self.truncated)


async def cluster_graph(context: Context, cluster_id: str, limit: int) -> Graph:
    """A cluster's members and what they share."""
    rows = await surroundings.cluster(context.reader, cluster_id, limit=limit, edges=EDGES)
    drawing = _Drawing(limit=10 * EDGES)
    drawing.add(rows)
    drawing.truncated = len(rows) >= EDGES
    return drawing.done()


async def neighbourhood(context: Context, keys: Sequence[Key], *, hops: int, limit: int, strongest: bool) -> Graph:
    """What lies around some nodes, one query a hop."""
    if not 0 <= hops <= HOPS:
        raise BadInput(f"`hops` may be 0 to {HOPS}")
    drawing = _Drawing(max(limit, len(keys)))
    frontier: list[Key] = []
    for found in await surroundings.nodes(context.reader, keys):
        drawing.add_node(found)
        frontier.append(_key(found))
    for _ in range(hops):
        if not frontier or len(drawing.nodes) >= drawing.limit:
            break
        # One more than fits shows that there is more.
        rows = await surroundings.step(context.reader, frontier, limit=limit + 1, strongest=strongest)
        drawing.truncated = drawing.truncated or len(rows) > limit
        frontier = drawing.add(rows)
    return drawing.done()


async def path(context: Context, start: Key, end: Key, *, hops: int, most_holders: int) -> Path | None:
    """The best of the shortest ways between two nodes; None: there is none."""
    if start == end:
        raise BadInput("a path has two different ends")
    found = await surroundings.path(context.reader, start, end, hops=hops, most=most_holders)
    if found is None:
        return None
    keys = [_key(node) for node in found["nodes"]]
    edges = [
        _edge(here, there, step["relation"], step["about"], None)
        if step["outwards"]
        else _edge(there, here, step["relation"], step["about"], None)
        for here, there, step in zip(keys, keys[1:], found["steps"], strict=False)
    ]
    return Path(nodes=[GraphNode.of(node) for node in found["nodes"]], edges=edges)
