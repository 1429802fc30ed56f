"""Constraints and indexes, derived from the declared kinds."""

from __future__ import annotations

from linkage.graph.connection import Graph
from linkage.graph.kinds import NODES, RELATIONSHIPS, SEARCH, NodeKind, Property, RelationshipKind, SearchIndex


def statements() -> list[str]:
    """Return the Cypher that lays the schema; running it again changes nothing."""
    return [*_plain(), search_index(SEARCH)]


def _plain() -> list[str]:
    return [
        *(constraint(kind, name) for kind in NODES for name in kind.unique),
        *(index(kind, names) for kind in NODES for names in kind.indexes),
    ]


def constraint(kind: NodeKind, name: str) -> str:
    """A uniqueness constraint; it is an index too."""
    return (
        f"CREATE CONSTRAINT {kind.label.lower()}_{name} IF NOT EXISTS FOR (n:{kind.label}) REQUIRE n.{name} IS UNIQUE"
    )


def index(kind: NodeKind, names: tuple[str, ...]) -> str:
    """A range index over properties in the order of a page."""
    columns = ", ".join(f"n.{name}" for name in names)
    return f"CREATE INDEX {kind.label.lower()}_by_{'_'.join(names)} IF NOT EXISTS FOR (n:{kind.label}) ON ({columns})"


def search_index(search: SearchIndex) -> str:
    """The full-text index; it follows writes within moments rather than in their transactions."""
    labels, columns = "|".join(search.labels), ", ".join(f"n.{name}" for name in search.properties)
    return (
        f"CREATE FULLTEXT INDEX {search.name} IF NOT EXISTS FOR (n:{labels}) ON EACH [{columns}] "
        "OPTIONS { indexConfig: { `fulltext.eventually_consistent`: true } }"
    )


def apply_schema(graph: Graph, *, search: bool = True) -> None:
    """Lay constraints and indexes and wait until they serve; idempotent.

    Without `search` the full-text index is left as it is: it doubles the cost of a node, and filling it after a large
    load takes a fraction of that.
    """
    for statement in statements() if search else _plain():
        graph.run(statement)
    graph.run("CALL db.awaitIndexes(3600)")


def drop_search(graph: Graph) -> None:
    """Take the full-text index away, until `apply_schema` lays it again."""
    graph.run(f"DROP INDEX {SEARCH.name} IF EXISTS")


def as_cypher() -> str:
    """The published contract, `schema/graph.cypher`: what stands in the graph as comments, the schema as statements."""
    lines = ["// What stands in the graph, and its constraints and indexes. Made by linkage; do not edit.", "//"]
    for node in NODES:
        lines += [f"// (:{node.label})  {node.about}", *_properties(node.properties)]
    for relationship in RELATIONSHIPS:
        lines += [f"// {_pattern(relationship)}  {relationship.about}", *_properties(relationship.properties)]
    return "\n".join([*lines, "", *(f"{statement};" for statement in statements()), ""])


def _pattern(kind: RelationshipKind) -> str:
    return f"(:{'|'.join(kind.start)})-[:{kind.type}]->(:{'|'.join(kind.end)})"


def _properties(properties: tuple[Property, ...]) -> list[str]:
    return [f"//     {p.name}: {p.type}{f'  {p.about}' if p.about else ''}" for p in properties]


if __name__ == "__main__":
    print(as_cypher(), end="")
