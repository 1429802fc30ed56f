"""Spans of operations and of the fields that are looked up, under the names that the schema has for them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from inspect import isawaitable
from typing import Any

from graphql import GraphQLResolveInfo
from opentelemetry.trace import Span, Status, StatusCode, get_current_span, set_span_in_context, use_span
from strawberry.extensions import SchemaExtension
from strawberry.extensions.tracing.utils import should_skip_tracing

from linkage.tracing import TRACER


class Traced(SchemaExtension):
    """A span for the operation, one below it for each field with a resolver of its own."""

    def on_operation(self) -> Iterator[None]:
        # Not made the current span: a subscription is ended from another task than the one that began it.
        current = TRACER.start_span("graphql operation")
        self.operation = set_span_in_context(current)
        try:
            yield
        finally:
            current.end()

    def resolve(
        self, _next: Callable[..., Any], root: Any, info: GraphQLResolveInfo[Any], *positional: Any, **given: Any
    ) -> Any:
        """Resolve a field inside a span."""
        if should_skip_tracing(_next, info):
            return _next(root, info, *positional, **given)
        within = None if get_current_span().get_span_context().is_valid else self.operation
        current = TRACER.start_span(f"{info.parent_type.name}.{info.field_name}", context=within)
        with use_span(current, record_exception=False, set_status_on_exception=False):
            try:
                found = _next(root, info, *positional, **given)
            except BaseException as error:
                _failed(current, error)
                raise
        if isawaitable(found):
            return _inside(current, found)
        current.end()
        return found


async def _inside(current: Span, found: Awaitable[Any]) -> Any:
    with use_span(current, record_exception=False, set_status_on_exception=False):
        try:
            value = await found
        except BaseException as error:
            _failed(current, error)
            raise
    current.end()
    return value


def _failed(current: Span, error: BaseException) -> None:
    current.set_status(Status(StatusCode.ERROR, type(error).__name__))
    current.end()
