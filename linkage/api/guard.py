"""The guard prices a parsed document before it is validated or run.

Validation rules that walk into fragments take exponential time on fragments that spread one another: a query of
a kilobyte keeps the process busy for twenty seconds. Here each fragment is priced once and remembered, so the
work is linear in the document, whatever it expands to. The invariant: a document that passes has at most
`Limits.cost` fields in its answer, give or take the lists whose size only the data knows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLArgument,
    GraphQLError,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    is_list_type,
)
from graphql import get_nullable_type as nullable
from strawberry.extensions import SchemaExtension, ValidationCache

from linkage.api.limits import GRAPH_LIMIT, Limits

#: Arguments that say how many things a field answers with, and the largest value each may have.
PAGE_SIZES: dict[str, Callable[[Limits], int]] = {
    "first": lambda limits: limits.page,
    "last": lambda limits: limits.page,
    "limit": lambda limits: GRAPH_LIMIT,
}
#: Lists inside a connection hold the page that the connection was asked for.
PAGE_FIELDS = frozenset({"edges", "nodes"})
#: A graph is made by one read and its parts are plain values: its lists are not priced by their size.
WHOLE_TYPES = frozenset({"Graph"})
#: Fields that cost more than a row of a batch: a question to the ledger, a walk through the graph.
DEAR = {
    "Cluster.merges": 100,
    "Cluster.how": 100,
    "Cluster.weakestCut": 100,
    "Cluster.hypotheses": 50,
    "Cluster.usageOverTime": 100,
    "Cluster.graph": 100,
    "Explanation.joinedBy": 100,
    "Explanation.sentences": 100,
    "Query.why": 100,
    "Query.whyNot": 100,
    "Query.path": 200,
    "Query.neighbourhood": 200,
    "Query.search": 50,
    "Query.previewDecision": 200,
    "Query.previewRetraction": 200,
    "Query.previewUndo": 200,
    "Decision.counts": 20,
    "Decision.contradicts": 50,
    "DecisionEnd.members": 50,
    "ClusterConnection.totalCount": 20,
    "Statistics.kinds": 100,
}
INTROSPECTION = frozenset({"__schema", "__type"})


class Refused(Exception):
    """The document costs more than it may."""


@dataclass(frozen=True, slots=True)
class Price:
    """What a selection set costs and how deep it goes."""

    cost: int = 0
    depth: int = 0


@dataclass(slots=True)
class _Pricing:
    """One walk over one document."""

    schema: GraphQLSchema
    fragments: Mapping[str, FragmentDefinitionNode]
    variables: Mapping[str, Any]
    limits: Limits
    aliases: int = 0
    priced: dict[str, Price] = field(default_factory=dict)
    open: set[str] = field(default_factory=set)

    def selections(
        self, selection_set: SelectionSetNode | None, parent: GraphQLNamedType | None, depth: int, nesting: int
    ) -> Price:
        if selection_set is None:
            return Price()
        self._bound("nesting", nesting, self.limits.nesting)
        cost = deepest = 0
        for selection in selection_set.selections:
            self._bound("directives in one place", len(selection.directives or ()), self.limits.directives)
            if isinstance(selection, FieldNode):
                price = self.field(selection, parent, depth + 1, nesting + 1)
            elif isinstance(selection, InlineFragmentNode):
                on = selection.type_condition
                inner = self.schema.get_type(on.name.value) if on else parent
                price = self.selections(selection.selection_set, inner, depth, nesting + 1)
            elif isinstance(selection, FragmentSpreadNode):
                price = self.spread(selection, depth, nesting + 1)
            else:
                continue
            cost += price.cost
            deepest = max(deepest, price.depth)
        return Price(cost, deepest)

    def field(self, node: FieldNode, parent: GraphQLNamedType | None, depth: int, nesting: int) -> Price:
        if node.alias:
            self.aliases += 1
            self._bound("aliases", self.aliases, self.limits.aliases)
        name = node.name.value
        if name in INTROSPECTION:
            # Walks the schema, not the data; graphql-core's own rule stops circles through it.
            self._introspection(node.selection_set, 1)
            return Price(1, 1)
        definition = _definition(parent, name)
        if definition is None:
            inner = self.selections(node.selection_set, None, depth, nesting)
            return Price(1 + inner.cost, 1 + inner.depth)
        self._bound("depth", depth, self.limits.depth)
        size = self._page_size(node, definition, parent)
        inner = self.selections(node.selection_set, get_named_type(definition.type), depth, nesting)
        own = DEAR.get(f"{parent.name}.{name}", 1) if parent is not None else 1
        return Price(own + inner.cost * size, 1 + inner.depth)

    def spread(self, node: FragmentSpreadNode, depth: int, nesting: int) -> Price:
        name = node.name.value
        fragment = self.fragments.get(name)
        if fragment is None or name in self.open:
            return Price()  # unknown or circular: validation says so
        if name not in self.priced:
            self.open.add(name)
            on = self.schema.get_type(fragment.type_condition.name.value)
            self.priced[name] = self.selections(fragment.selection_set, on, depth, nesting)
            self.open.discard(name)
        price = self.priced[name]
        self._bound("depth", depth + price.depth, self.limits.depth)
        return price

    def _introspection(self, selection_set: SelectionSetNode | None, depth: int) -> None:
        self._bound("depth of introspection", depth, self.limits.introspection_depth)
        for selection in selection_set.selections if selection_set else ():
            if isinstance(selection, FieldNode | InlineFragmentNode):
                self._introspection(selection.selection_set, depth + 1)
            elif isinstance(selection, FragmentSpreadNode):
                fragment = self.fragments.get(selection.name.value)
                key = f"{selection.name.value}@{depth}"  # each fragment once a level: linear, and circles end
                if fragment is not None and key not in self.open:
                    self.open.add(key)
                    self._introspection(fragment.selection_set, depth + 1)

    def _page_size(self, node: FieldNode, definition: GraphQLField, parent: GraphQLNamedType | None) -> int:
        given = {argument.name.value: argument.value for argument in node.arguments or ()}
        sizes: list[int] = []
        for name, largest in PAGE_SIZES.items():
            if name not in definition.args:
                continue
            value = _whole(given[name], self.variables) if name in given else _default(definition.args[name])
            if not isinstance(value, int) or isinstance(value, bool):
                continue
            bound = largest(self.limits)
            if not 0 <= value <= bound:
                raise Refused(f"`{name}` of `{node.name.value}` is {_short(value)}; it may be 0 to {bound}")
            sizes.append(value)
        if sizes:
            return max(1, *sizes)
        inside_page = parent is not None and parent.name.endswith("Connection") and node.name.value in PAGE_FIELDS
        whole = parent is not None and parent.name in WHOLE_TYPES
        if is_list_type(nullable(definition.type)) and not inside_page and not whole:
            return self.limits.assumed_list
        if any(name in definition.args for name in PAGE_SIZES):
            return self.limits.assumed_list
        return 1

    @staticmethod
    def _bound(what: str, value: int, bound: int) -> None:
        if value > bound:
            raise Refused(f"the document's {what} may be {bound} at most")


def _definition(parent: GraphQLNamedType | None, name: str) -> GraphQLField | None:
    fields: Mapping[str, GraphQLField] = getattr(parent, "fields", {})
    return fields.get(name) if isinstance(parent, GraphQLObjectType | GraphQLInterfaceType) else None


def _default(argument: GraphQLArgument) -> object:
    # Schemas made in code carry the value, schemas read from text the literal.
    default = argument.default
    if default is None:
        return argument.default_value
    return _whole(default.literal, {}) if default.literal is not None else default.value


def _short(value: int) -> str:
    return str(value) if -(10**12) < value < 10**12 else "out of range"


def _whole(value: object, variables: Mapping[str, Any]) -> int | None:
    if isinstance(value, VariableNode):
        given = variables.get(value.name.value)
        return given if isinstance(given, int) and not isinstance(given, bool) else None
    if isinstance(value, IntValueNode):
        # 5,000 digits are no number that we would multiply with.
        return int(value.value) if len(value.value) <= 12 else -1
    return None


def price(schema: GraphQLSchema, document: DocumentNode, variables: Mapping[str, Any] | None, limits: Limits) -> Price:
    """Price the dearest operation of the document; raise `Refused` where a limit is passed."""
    fragments = {
        definition.name.value: definition
        for definition in document.definitions
        if isinstance(definition, FragmentDefinitionNode)
    }
    if len(fragments) > limits.fragments:
        raise Refused(f"the document's fragments may be {limits.fragments} at most")
    dearest = Price()
    for definition in document.definitions:
        if not isinstance(definition, OperationDefinitionNode):
            continue
        if len(definition.directives or ()) > limits.directives:
            raise Refused(f"the document's directives in one place may be {limits.directives} at most")
        pricing = _Pricing(schema, fragments, _with_defaults(definition, variables), limits)
        found = pricing.selections(definition.selection_set, schema.get_root_type(definition.operation), 0, 0)
        if found.cost > limits.cost:
            raise Refused(
                f"the document's cost is {_short(found.cost)}; it may be {limits.cost} at most. "
                "Ask for smaller pages or fewer fields."
            )
        dearest = max(dearest, found, key=lambda price: price.cost)
    return dearest


def _with_defaults(operation: OperationDefinitionNode, variables: Mapping[str, Any] | None) -> dict[str, Any]:
    values: dict[str, Any] = {
        definition.variable.name.value: _whole(definition.default_value, {})
        for definition in operation.variable_definitions or ()
        if definition.default_value is not None
    }
    return values | dict(variables or {})


def bound_tokens(limits: Limits) -> Callable[[], SchemaExtension]:
    """An extension that stops the parser after so many tokens; it must stand before the parser's cache."""

    class BoundTokens(SchemaExtension):
        def on_operation(self) -> Iterator[None]:
            self.execution_context.parse_options["max_tokens"] = limits.tokens
            yield

    return BoundTokens


def guarded_validation(limits: Limits, cached: int = 512) -> Callable[[], SchemaExtension]:
    """An extension that prices the document and, where it passes, validates it through a cache.

    One extension for both, because the cache overwrites the field in which a refusal is told; told in that field it
    reaches callers of every transport.
    """

    class GuardedValidation(ValidationCache):
        def on_validate(self) -> Iterator[None]:
            context = self.execution_context
            assert context.graphql_document is not None  # noqa: S101 - parsing went before
            if context.pre_execution_errors:
                yield  # refused at the door
                return
            own = context.context
            bounds = replace(limits, cost=min(limits.cost, own.bounds.budget(own.caller).document))
            try:
                own.price = price(context.schema._schema, context.graphql_document, context.variables, bounds).cost
            except Refused as refused:
                context.pre_execution_errors = [GraphQLError(str(refused))]
                yield
                return
            errors = self.cached_validate_document(
                context.schema._schema, context.graphql_document, context.validation_rules
            )
            context.pre_execution_errors = list(errors)
            yield

    return lambda: GuardedValidation(maxsize=cached)
