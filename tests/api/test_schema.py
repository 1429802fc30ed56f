"""The published schema."""

from __future__ import annotations

from pathlib import Path

from graphql import GraphQLInterfaceType, GraphQLObjectType, validate_schema

from linkage.api.export import sdl
from linkage.api.schema import build_schema

PUBLISHED = Path(__file__).parents[2] / "schema" / "schema.graphql"


def test_the_published_schema_is_the_one_in_the_code() -> None:
    assert PUBLISHED.read_text() == sdl(), "run `make schema` and look at the difference"


def test_the_schema_is_valid() -> None:
    assert validate_schema(build_schema()._schema) == []


def test_every_type_and_root_field_says_what_it_is() -> None:
    schema = build_schema()._schema
    types = [
        found
        for name, found in schema.type_map.items()
        if isinstance(found, GraphQLObjectType | GraphQLInterfaceType) and not name.startswith("__")
    ]
    assert [found.name for found in types if not found.description] == []
    roots = [found for found in (schema.query_type, schema.mutation_type, schema.subscription_type) if found]
    assert [name for root in roots for name, field in root.fields.items() if not field.description] == []
