"""The guard: what a document may cost, decided before anything runs."""

# ruff: noqa: E501 - operations and queries stay on the line they read best on
from __future__ import annotations

from typing import Any

import pytest
from graphql import build_schema, get_introspection_query, parse

from linkage.api.guard import DEAR, Price, Refused, price
from linkage.api.limits import Limits
from linkage.api.schema import build_schema as build_api

SCHEMA = build_schema("""
    directive @tag repeatable on FIELD | QUERY
    type Query { me: Person  people(first: Int = 20, after: String): PersonConnection!  all: [Person!]!  map(limit: Int!): Graph }
    type Person { name: String  friends(first: Int, last: Int): PersonConnection!  children: [Person!]  me: Person }
    type PersonConnection { edges: [PersonEdge!]!  nodes: [Person!]! }
    type PersonEdge { node: Person  cursor: String }
    type Graph { nodes: [Person!]!  edges: [PersonEdge!]! }
""")
LIMITS = Limits()


def priced(document: str, limits: Limits = LIMITS, **variables: Any) -> Price:
    return price(SCHEMA, parse(document), variables, limits)


@pytest.mark.parametrize(
    ("document", "cost"),
    [
        ("{ me { name } }", 2),
        ("{ people(first: 5) { nodes { name } } }", 1 + 5 * (1 + 1)),
        ("{ people { edges { cursor node { name } } } }", 1 + 20 * (1 + 1 + 1 + 1)),
        ("{ all { name } }", 1 + 10),
        ("{ me { friends { nodes { name } } } }", 1 + (1 + 10 * 2)),
        ("{ map(limit: 500) { nodes { name } } }", 1 + 500 * 2),
        ("{ me { ...F ...F } } fragment F on Person { name }", 3),
        ("{ ... on Query { me { name } } }", 2),
        ("{ people(first: 0) { nodes { name } } }", 1 + 2),
    ],
)
def test_a_field_costs_one_times_the_page_sizes_above_it(document: str, cost: int) -> None:
    assert priced(document).cost == cost


def test_page_sizes_come_from_variables_and_their_defaults() -> None:
    document = "query ($n: Int = 7) { people(first: $n) { nodes { name } } }"
    assert priced(document).cost == 1 + 7 * 2
    assert priced(document, n=3).cost == 1 + 3 * 2


@pytest.mark.parametrize("levels", [14, 45])
def test_fragments_that_spread_one_another_are_priced_once_each(levels: int) -> None:
    fragments = (
        " ".join(f"fragment F{n} on Person {{ me {{ ...F{n + 1} ...F{n + 1} }} }}" for n in range(levels))
        + f" fragment F{levels} on Person {{ name }}"
    )
    wide = Limits(cost=2**70, depth=10**6, nesting=10**6, fragments=100)
    assert priced("{ me { ...F0 } } " + fragments, wide).cost > 2**levels
    with pytest.raises(Refused):
        priced("{ me { ...F0 } } " + fragments)


@pytest.mark.parametrize(
    "document",
    [
        "{ me { ...F } } fragment F on Person { me { ...F } }",
        "{ me { ...A } } fragment A on Person { ...B } fragment B on Person { ...A }",
        "{ me { ...Nowhere nothing { deeper } } }",
        "{ nothing { ...F } } fragment F on Nothing { x }",
    ],
)
def test_what_is_circular_or_unknown_is_left_to_validation(document: str) -> None:
    assert priced(document).cost < 10


@pytest.mark.parametrize(
    ("document", "what"),
    [
        ("{ " + " ".join(f"a{n}: me {{ name }}" for n in range(31)) + " }", "aliases"),
        ("{ me { name " + "@tag " * 6 + "} }", "directives"),
        ("query " + "@tag " * 6 + "{ me { name } }", "directives"),
        ("{ me { name } } " + " ".join(f"fragment F{n} on Person {{ name }}" for n in range(51)), "fragments"),
        ("{ " + "me { " * 17 + "name" + " }" * 17 + " }", "depth"),
        ("{ me { ...F } } fragment F on Person { " + "me { " * 15 + "name" + " }" * 15 + " }", "depth"),
        ("{ " + "... { " * 130 + "me { name }" + " }" * 130 + " }", "nesting"),
        ("{ people(first: 201) { nodes { name } } }", "`first`"),
        ("{ people(first: -1) { nodes { name } } }", "`first`"),
        ("{ people(first: " + "9" * 5_000 + ") { nodes { name } } }", "`first`"),
        ("{ map(limit: 1001) { nodes { name } } }", "`limit`"),
        ("{ people(first: 200) { nodes { friends(first: 200) { nodes { name } } } } }", "cost"),
        ("{ __schema { " + "x { " * 25 + "y" + " }" * 25 + " } }", "introspection"),
    ],
)
def test_what_passes_a_limit_is_refused_by_name(document: str, what: str) -> None:
    with pytest.raises(Refused, match=what):
        priced(document)


def test_a_page_size_in_a_variable_is_bounded_too() -> None:
    with pytest.raises(Refused, match="first"):
        priced("query ($n: Int) { people(first: $n) { nodes { name } } }", n=10**9)


def test_an_alias_in_a_fragment_counts_once_however_often_it_is_spread() -> None:
    spreads = "...F " * 40
    assert priced(f"{{ me {{ {spreads} }} }} fragment F on Person {{ a: name b: name }}").cost == 81


def test_the_introspection_of_graphiql_passes() -> None:
    assert priced(get_introspection_query(descriptions=True, input_value_deprecation=True)).cost == 1


def test_circles_through_introspection_end() -> None:
    document = "{ __schema { types { ...T } } } fragment T on __Type { fields { type { ...T } } }"
    with pytest.raises(Refused, match="introspection"):
        priced(document)


def test_the_dearest_operation_of_a_document_counts() -> None:
    assert priced("query A { me { name } } query B { all { name } }").cost == 11


def test_what_asks_the_ledger_or_walks_the_graph_costs_more() -> None:
    schema = build_api()._schema
    assert [name for name in DEAR if name.partition(".")[2] not in schema.type_map[name.partition(".")[0]].fields] == []
    one = price(schema, parse("{ clusters(first: 1) { nodes { merges(last: 1) { bits } } } }"), {}, LIMITS)
    assert one.cost > 100
    with pytest.raises(Refused, match="cost"):
        price(schema, parse("{ clusters(first: 100) { nodes { merges(last: 1) { bits } } } }"), {}, LIMITS)
