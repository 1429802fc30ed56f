"""Documents that ask for everything there is, made from the schema: for tests of what whom is shown."""

from __future__ import annotations

import base64
import binascii
import re
from collections import deque
from collections.abc import Callable, Mapping

from graphql import (
    GraphQLArgument,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
    is_list_type,
    is_required_argument,
)
from graphql import get_nullable_type as nullable
from graphql.type import GraphQLEnumType

#: What required arguments are given, by `Type.field(argument)` or by the argument's name.
Samples = Mapping[str, str]
#: Whether to ask for `Type.field`.
Wanted = Callable[[str], bool]
#: The same for arguments that nobody has to give: what is put between the brackets.
Extra = Callable[[str], str]


def composite(one: GraphQLNamedType) -> bool:
    return isinstance(one, GraphQLObjectType | GraphQLInterfaceType | GraphQLUnionType)


def arguments(row: str, field: GraphQLField, samples: Samples, extra: str = "") -> str:
    """The arguments that a field must be given, in brackets."""
    given = [
        f"{name}: {samples.get(f'{row}({name})') or samples.get(name) or literal(argument)}"
        for name, argument in field.args.items()
        if is_required_argument(argument) or f"{row}({name})" in samples
    ]
    given += [extra] if extra else []
    return f"({', '.join(given)})" if given else ""


def literal(argument: GraphQLArgument) -> str:
    """Some value that the argument takes."""
    one = get_named_type(argument.type)
    if isinstance(one, GraphQLEnumType):
        value = next(iter(one.values))
    elif isinstance(one, GraphQLInputObjectType):
        needed = {name: given for name, given in one.fields.items() if is_required_argument(given)}  # type: ignore[arg-type]
        value = "{" + ", ".join(f"{name}: {literal(given)}" for name, given in needed.items()) + "}"  # type: ignore[arg-type]
    else:
        assert isinstance(one, GraphQLScalarType)
        value = {"Int": "1", "Float": "1.0", "Boolean": "true", "DateTime": '"2026-05-01T00:00:00Z"'}.get(
            one.name, '"x"'
        )
    return f"[{value}]" if is_list_type(nullable(argument.type)) else value


def way_to(schema: GraphQLSchema, root: GraphQLObjectType) -> dict[str, list[tuple[str, str, GraphQLField]]]:
    """For each type that the root leads to, the shortest way there: fields, each with the type that it is asked of."""
    ways: dict[str, list[tuple[str, str, GraphQLField]]] = {root.name: []}
    waiting: deque[GraphQLNamedType] = deque([root])
    while waiting:
        one = waiting.popleft()
        behind = schema.get_possible_types(one) if isinstance(one, GraphQLInterfaceType | GraphQLUnionType) else ()
        for other in behind:
            if other.name not in ways:
                ways[other.name] = ways[one.name]
                waiting.append(other)
        for name, field in getattr(one, "fields", {}).items():
            leads_to = get_named_type(field.type)
            if composite(leads_to) and leads_to.name not in ways:
                ways[leads_to.name] = [*ways[one.name], (one.name, name, field)]
                waiting.append(leads_to)
    return ways


def document_for(schema: GraphQLSchema, root: str, owner: str, name: str, samples: Samples, extra: str = "") -> str:
    """A document that asks a root for one field of one type, and for nothing else."""
    start = schema.type_map[root]
    assert isinstance(start, GraphQLObjectType)
    one = schema.type_map[owner]
    assert isinstance(one, GraphQLObjectType)
    field = one.fields[name]
    tail = " { __typename }" if composite(get_named_type(field.type)) else ""
    text = f"... on {owner} {{ {name}{arguments(f'{owner}.{name}', field, samples, extra)}{tail} }}"
    for parent, step, defined in reversed(way_to(schema, start)[owner]):
        text = f"... on {parent} {{ {step}{arguments(f'{parent}.{step}', defined, samples)} {{ {text} }} }}"
    return f"{root.lower()} {{ {text} }}"


def everything(
    schema: GraphQLSchema, row: str, samples: Samples, wanted: Wanted, extra: Extra = lambda row: "", depth: int = 5
) -> str:
    """A selection of one field and all that lies below: each type in full the first time, by its plain fields after."""
    parent, _, name = row.partition(".")
    one = schema.type_map[parent]
    assert isinstance(one, GraphQLObjectType)
    opened: set[str] = set()

    def field(owner: GraphQLObjectType, name: str, left: int) -> str:
        row, defined = f"{owner.name}.{name}", owner.fields[name]
        if not wanted(row):
            return ""
        head = name + arguments(row, defined, samples, extra(row))
        target = get_named_type(defined.type)
        if not composite(target):
            # Of several types behind an interface, fields of one name may differ in whether they can be null.
            return f"{owner.name}_{head.partition('(')[0]}: {head}"
        return f"{owner.name}_{name}: {head} {{ {selection(target, left - 1)} }}" if left > 0 else ""

    def selection(target: GraphQLNamedType, left: int) -> str:
        if isinstance(target, GraphQLInterfaceType | GraphQLUnionType):
            behind = schema.get_possible_types(target)
            return "__typename " + " ".join(f"... on {other.name} {{ {selection(other, left)} }}" for other in behind)
        assert isinstance(target, GraphQLObjectType)
        deeper = left if target.name not in opened or target.name.endswith(("Connection", "Edge")) else 0
        opened.add(target.name)
        return "__typename " + " ".join(field(target, name, deeper) for name in target.fields)

    return field(one, name, depth)


ENCODED = re.compile(r"[A-Za-z0-9+/_-]{8,}={0,2}")


def decoded(text: str) -> str:
    """The text, and after it whatever in it is something else in base64: ids and cursors."""
    found = [text]
    for piece in ENCODED.findall(text):
        padded = piece.rstrip("=") + "=" * (-len(piece.rstrip("=")) % 4)
        try:
            found.append(
                base64.b64decode(padded, altchars=b"-_" if "+" not in piece and "/" not in piece else None).decode()
            )
        except (binascii.Error, ValueError):
            continue
    return "\n".join(found)
