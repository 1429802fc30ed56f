"""The schema is laid once and published as it is."""

from __future__ import annotations

from pathlib import Path

from linkage.graph.connection import Graph
from linkage.graph.kinds import NODES
from linkage.graph.schema import apply_schema, as_cypher, statements

PUBLISHED = Path(__file__).parents[2] / "schema" / "graph.cypher"


def test_laying_the_schema_again_changes_nothing(graph: Graph) -> None:
    before = graph.read("SHOW INDEXES YIELD name, state RETURN name, state ORDER BY name")
    apply_schema(graph)
    assert graph.read("SHOW INDEXES YIELD name, state RETURN name, state ORDER BY name") == before
    assert {row["state"] for row in before} == {"ONLINE"}


def test_every_declared_index_stands_in_the_database(graph: Graph) -> None:
    declared = {statement.split()[2] for statement in statements() if "FULLTEXT" not in statement} | {"search"}
    assert declared <= {row["name"] for row in graph.read("SHOW INDEXES YIELD name")}


def test_every_key_and_index_names_a_declared_property() -> None:
    for kind in NODES:
        names = {each.name for each in kind.properties}
        assert set(kind.unique) <= names
        assert {name for index in kind.indexes for name in index} <= names


def test_the_published_schema_is_the_one_in_force() -> None:
    assert PUBLISHED.read_text() == as_cypher(), "write it anew: python -m linkage.graph.schema > schema/graph.cypher"
