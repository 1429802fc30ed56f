"""Operations made at random from the schema, as a fuzzer sends them.

A library's strategies for this take a tenth of a second an operation and stay near the root; here an operation takes
well under a millisecond, goes as deep as the limits let it, and is given what leads to something as often as what is
hostile. The same seed makes the same operations.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
    is_required_argument,
    is_required_input_field,
)

from tests.every_field import composite

#: What is sent where a text or an id is asked for: each once broke something somewhere.
HOSTILE = (
    "",
    " ",
    "\0",
    "\u202e\ufeff",
    "%00",
    "ﬃ" * 40,
    "x" * 5_000,
    "`) DETACH DELETE n //",
    "' OR 1=1 //",
    "\\u0060) MATCH (n) DETACH DELETE n //",
    '"}) RETURN n UNION MATCH (n) RETURN n //',
    "$where",
    "{{7*7}}",
    '+[]{}()^"~*?:\\/ AND OR NOT',
    "Account:`x`",
    "QWNjb3VudDo=",
    "QWNjb3VudDpgKSBERVRBQ0ggREVMRVRFIG4gLy8=",
    "WyJhY2NvdW50cyIsOTk5OTk5OTk5OTk5OTk5OTk5OTk5LCIiXQ",
    "WyJjaGFuZ2VzIixudWxsLG51bGxd",
    "account:",
    "9" * 400,
    "../../etc/passwd",
    "1e309",
    "\U0001f9ff",
)
WHOLE = (0, 1, 2, 3, 7, -1, 200, 201, 2**31 - 1, -(2**31), 2**31, 10**9, 2**63, 10**30)
TIMES = (
    "2026-03-01T00:00:00Z",
    "2026-05-01T12:00:00+02:00",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999Z",
    "2026-13-45",
    "now",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
)
#: How often a value is one that makes no sense, where it may be one that does.
ODD = 0.12

#: How often an argument is given that nobody has to give. Small pages leave time for more operations.
OFTEN = {"first": 0.8, "reveal": 0.05, "purpose": 0.05}

Value = Any


@dataclass(frozen=True, slots=True)
class Operation:
    """What is sent, and which root field it asks for."""

    row: str
    query: str
    variables: dict[str, Value]

    @property
    def reveals(self) -> bool:
        """Whether it asks for something whole."""
        return "reveal:" in self.query


@dataclass(slots=True)
class Maker:
    """Makes operations; `samples` has texts that lead to something, by the name of the argument or its type."""

    schema: GraphQLSchema
    random: random.Random
    samples: Mapping[str, Sequence[Value]]
    _variables: dict[str, tuple[str, Value]] = field(default_factory=dict)
    _left: int = 0

    def operation(self, row: str) -> Operation:
        """An operation that asks for one root field, and below it for whatever comes."""
        root, _, name = row.partition(".")
        owner = self.schema.type_map[root]
        assert isinstance(owner, GraphQLObjectType)
        self._variables = {}
        self._left = self.random.choice((2, 5, 12))
        body = self._field(owner, name, self.random.choice((1, 1, 2, 4)))
        declared = ", ".join(f"${name}: {kind}" for name, (kind, _) in self._variables.items())
        query = f"{root.lower()} Random{f'({declared})' if declared else ''} {{ {body} }}"
        values = {name: value for name, (_, value) in self._variables.items()}
        return Operation(row, self._torn(query) if self._chance(0.02) else query, values)

    def _chance(self, share: float) -> bool:
        return self.random.random() < share

    def _torn(self, query: str) -> str:
        """The text with a piece missing, or twice."""
        start, end = sorted(self.random.choices(range(len(query) + 1), k=2))
        return query[:start] + self.random.choice(("", query[start:end] * 2)) + query[end:]

    def _field(self, owner: GraphQLObjectType, name: str, depth: int) -> str:
        defined = owner.fields[name]
        given = [
            f"{argument}: {self._argument(argument, wanted)}"
            for argument, wanted in defined.args.items()
            if is_required_argument(wanted) or self._chance(OFTEN.get(argument, 0.3))
        ]
        head = f"{owner.name}_{name}: " if self._chance(0.05) else ""
        head += name + (f"({', '.join(given)})" if given else "")
        head += f" @{self.random.choice(('skip', 'include'))}(if: false)" if self._chance(0.01) else ""
        target = get_named_type(defined.type)
        return f"{head} {{ {self._selection(target, depth - 1)} }}" if composite(target) else head

    def _selection(self, target: GraphQLNamedType, depth: int) -> str:
        if isinstance(target, GraphQLInterfaceType | GraphQLUnionType):
            behind = self.random.choice(self.schema.get_possible_types(target))
            return f"__typename ... on {behind.name} {{ {self._selection(behind, depth)} }}"
        assert isinstance(target, GraphQLObjectType)
        names = [name for name, one in target.fields.items() if depth > 0 or not composite(get_named_type(one.type))]
        picked = self.random.sample(names, min(len(names), self.random.randint(1, 6)))
        fields = []
        for name in picked:
            if self._left > 0:
                self._left -= 1
                fields.append(self._field(target, name, depth))
        # Two fields of one name and different arguments would only be refused: each is asked for once.
        return " ".join(dict.fromkeys(fields)) or "__typename"

    def _argument(self, name: str, wanted: GraphQLArgument) -> str:
        value = self._value(name, wanted.type)
        if self._chance(0.3):
            variable = f"v{len(self._variables)}"
            self._variables[variable] = (str(wanted.type), value)
            return f"${variable}"
        return self._written(value, get_named_type(wanted.type))

    def _value(self, name: str, kind: Any) -> Value:
        if isinstance(kind, GraphQLNonNull):
            return self._value(name, kind.of_type)
        if self._chance(0.03):
            return None
        if isinstance(kind, GraphQLList):
            length = self.random.choice((0, 1, 1, 2, 3))
            return [self._value(name, kind.of_type) for _ in range(length)]
        if isinstance(kind, GraphQLEnumType):
            return self.random.choice(list(kind.values))
        if isinstance(kind, GraphQLInputObjectType):
            return {
                inner: self._value(inner, one.type)
                for inner, one in kind.fields.items()
                if self._needed(one) or self._chance(0.4)
            }
        return self._scalar(name, kind.name)

    @staticmethod
    def _needed(one: GraphQLInputField) -> bool:
        return is_required_input_field(one)

    def _scalar(self, name: str, kind: str) -> Value:
        if self._chance(ODD):
            odd: Sequence[Value] = (*HOSTILE, *WHOLE, True, 1.5, -0.0)
            return self.random.choice(odd)
        made: dict[str, Callable[[], Value]] = {
            "Int": lambda: self.random.choice(WHOLE[:5]),
            "Long": lambda: self.random.choice(WHOLE),
            "Float": lambda: self.random.choice((0.0, 0.5, 1.0, -1.0, 1e308)),
            "Boolean": lambda: self._chance(0.5),
            "DateTime": lambda: self.random.choice(TIMES),
            "JSON": lambda: {"a": [1, None, {"b": "c"}]},
        }
        if kind in made:
            return made[kind]()
        return self.random.choice(self.samples.get(name) or self.samples[kind])

    def _written(self, value: Value, kind: GraphQLNamedType) -> str:
        """The value as a document has it: names of an enumeration and of fields stand bare."""
        if isinstance(value, list):
            return f"[{', '.join(self._written(one, kind) for one in value)}]"
        if isinstance(value, dict):
            of = kind.fields if isinstance(kind, GraphQLInputObjectType) else {}
            pairs = (f"{name}: {self._written(one, self._inner(of, name, kind))}" for name, one in value.items())
            return f"{{{', '.join(pairs)}}}"
        if isinstance(kind, GraphQLEnumType) and isinstance(value, str) and value.isidentifier():
            return value
        return json.dumps(value)

    @staticmethod
    def _inner(of: Mapping[str, GraphQLInputField], name: str, kind: GraphQLNamedType) -> GraphQLNamedType:
        return get_named_type(of[name].type) if name in of else kind
