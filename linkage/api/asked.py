"""What an operation asks for, as the rows of the table of access.

Everything that is executed is selected in the document under a type that is known before: so the document alone says
what is asked for, whatever way leads there (`node`, a connection, a search, a subscription). Each fragment is walked
once, so the work is linear in the document, and the answer is remembered with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from graphql import (
    BooleanValueNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    InlineFragmentNode,
    NullValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    StringValueNode,
    ValueNode,
    VariableNode,
    get_named_type,
)

from linkage.access.table import TABLE

#: The argument that shows a value whole, and the one that says why.
REVEAL = "reveal"
PURPOSE = "purpose"
_INTROSPECTION = {"__schema": "__Schema", "__type": "__Type"}


@dataclass(frozen=True, slots=True)
class Switch:
    """An argument with a row of its own, what it is given, and the purpose that stands beside it."""

    row: str
    value: ValueNode
    purpose: ValueNode | None


@dataclass(frozen=True, slots=True)
class Asked:
    """What an operation asks for: rows, arguments that switch something on, and the roots by name."""

    rows: frozenset[str]
    switches: tuple[Switch, ...]
    roots: tuple[str, ...]
    defaults: Mapping[str, ValueNode] = field(hash=False)


@lru_cache(maxsize=512)
def asked_of(schema: GraphQLSchema, document: DocumentNode, operation_name: str | None) -> Asked:
    """What the named (or only) operation of a valid document asks for."""
    fragments = {
        definition.name.value: definition
        for definition in document.definitions
        if isinstance(definition, FragmentDefinitionNode)
    }
    operation = _operation_of(document, operation_name)
    walk = _Walk(schema, fragments)
    root = schema.get_root_type(operation.operation)
    walk.selections(operation.selection_set, root)
    prefix = f"{root.name}." if root is not None else ""
    roots = sorted(row.removeprefix(prefix) for row in walk.rows if row.startswith(prefix))
    defaults = {
        definition.variable.name.value: definition.default_value
        for definition in operation.variable_definitions or ()
        if definition.default_value is not None
    }
    return Asked(frozenset(walk.rows), tuple(walk.switches), tuple(roots), defaults)


def _operation_of(document: DocumentNode, name: str | None) -> OperationDefinitionNode:
    operations = (part for part in document.definitions if isinstance(part, OperationDefinitionNode))
    return next(one for one in operations if not name or (one.name is not None and one.name.value == name))


@dataclass(slots=True)
class _Walk:
    """One walk over one operation."""

    schema: GraphQLSchema
    fragments: Mapping[str, FragmentDefinitionNode]
    rows: set[str] = field(default_factory=set)
    switches: list[Switch] = field(default_factory=list)
    walked: set[str] = field(default_factory=set)

    def selections(self, selected: SelectionSetNode | None, parent: GraphQLNamedType | None) -> None:
        for selection in selected.selections if selected else ():
            if isinstance(selection, FieldNode):
                self.field(selection, parent)
            elif isinstance(selection, InlineFragmentNode):
                on = selection.type_condition
                self.selections(selection.selection_set, self.schema.get_type(on.name.value) if on else parent)
            elif isinstance(selection, FragmentSpreadNode) and selection.name.value not in self.walked:
                self.walked.add(selection.name.value)
                fragment = self.fragments[selection.name.value]
                on_type = self.schema.get_type(fragment.type_condition.name.value)
                self.selections(fragment.selection_set, on_type)

    def field(self, node: FieldNode, parent: GraphQLNamedType | None) -> None:
        name = node.name.value
        if name == "__typename":
            return
        if name in _INTROSPECTION:
            self.rows.add(f"Query.{name}")
            return  # what lies below is the schema, no data
        given = {argument.name.value: argument.value for argument in node.arguments or ()}
        for owner in self._owners(parent):
            row = f"{owner.name}.{name}"
            self.rows.add(row)
            for argument, value in given.items():
                if f"{row}({argument})" in TABLE:
                    self.switches.append(Switch(f"{row}({argument})", value, given.get(PURPOSE)))
        if isinstance(parent, GraphQLObjectType | GraphQLInterfaceType):
            self.selections(node.selection_set, get_named_type(parent.fields[name].type))

    def _owners(self, parent: GraphQLNamedType | None) -> Iterator[GraphQLNamedType]:
        """The types whose rows count: of an interface, those behind it."""
        if isinstance(parent, GraphQLInterfaceType | GraphQLUnionType):
            yield from self.schema.get_possible_types(parent)
        elif parent is not None:
            yield parent


def value_of(node: ValueNode | None, defaults: Mapping[str, ValueNode], variables: Mapping[str, Any] | None) -> Any:
    """A boolean or text as an argument is given it; a value of any other shape is told as True: it is something."""
    if isinstance(node, VariableNode):
        name = node.name.value
        given = variables or {}
        return given[name] if name in given else value_of(defaults.get(name), {}, None)
    if node is None or isinstance(node, NullValueNode):
        return None
    return node.value if isinstance(node, BooleanValueNode | StringValueNode) else True
