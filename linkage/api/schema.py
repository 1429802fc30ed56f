"""The schema: types, guard, caches, errors, put together once a process."""

from __future__ import annotations

import asyncio
from datetime import datetime
from functools import cache
from typing import Any

import strawberry
from graphql import ExecutionResult as CoreResult
from graphql import GraphQLError
from strawberry.extensions import ParserCache
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext, ExecutionResult
from strawberry.types.graphql import OperationType

from linkage.api.accounting import Accounting, record_of
from linkage.api.context import Context, OwnContext
from linkage.api.errors import publish
from linkage.api.gate import Door, Gate, unknown_caller
from linkage.api.guard import bound_tokens, guarded_validation
from linkage.api.limits import Limits
from linkage.api.mutations import Mutation
from linkage.api.queries import Query
from linkage.api.spending import Spending
from linkage.api.subscriptions import Subscription
from linkage.api.tracing import Traced
from linkage.api.types.cluster import Cluster
from linkage.api.types.decision import Decision
from linkage.api.types.identifier import Identifier
from linkage.api.types.resolution import Resolution
from linkage.api.types.scalars import DATE_TIME, LONG, Long
from linkage.api.types.subject import Account, Organisation
from linkage.errors import BadInput, Conflict, LinkageError

#: So often a query is executed at most while what it speaks of is published anew.
TRIES = 4
RESTLESS = Conflict(
    "what was asked for changes faster than it can be read", next_step="Ask again, or for less at once."
)
#: Outcome, in the audit, of a mutation whose client did not wait for it.
GONE = "CLIENT_GONE"
#: Documents whose parsed and validated form is kept.
CACHED = 512


class LinkageSchema(strawberry.Schema):
    """The schema; its errors are made public where they arise, so that no transport can leak what is hidden."""

    def __init__(self, limits: Limits, *parts: Any, **more: Any) -> None:
        super().__init__(*parts, **more)
        self.limits = limits

    async def _execute_operation(self, execution_context: ExecutionContext, *parts: Any) -> Any:
        """Execute a query or mutation in its turn and in its time; what it left running ends with it.

        Overridden here, where every transport passes after parsing and validation.
        """
        context: Context = execution_context.context
        assert context.caller is not None  # noqa: S101 - others were refused at the door
        kind = execution_context.operation_type
        async with context.bounds.turn(context.caller, context.price, kind):
            try:
                async with asyncio.timeout(self.limits.seconds):
                    if not context.bounds.is_dear(context.price, kind):
                        return await self._execute_whole(execution_context, *parts)
                    context.go_aside()
                    return await context.bounds.aside.run(self._execute_whole(execution_context, *parts))
            except TimeoutError:
                raise BadInput("the operation took too long", next_step="Ask for less.") from None
            except asyncio.CancelledError:
                await _record_gone(execution_context)
                raise
            finally:
                context.own.end()

    async def _execute_whole(self, execution_context: ExecutionContext, *parts: Any) -> Any:
        """Execute a query again where a publication came in between: no answer mixes two."""
        result = await super()._execute_operation(execution_context, *parts)
        context: Context = execution_context.context
        for tries_left in reversed(range(TRIES)):
            if execution_context.operation_type is not OperationType.QUERY or not await _moved(context):
                break
            context.begin()
            execution_context.result = None
            execution_context.pre_execution_errors = None
            if tries_left:
                result = await super()._execute_operation(execution_context, *parts)
            else:
                errors = [GraphQLError(RESTLESS.message, original_error=RESTLESS)]
                result = execution_context.result = CoreResult(None, errors)
                self._process_errors(errors, execution_context)
        return result

    async def _handle_execution_result(
        self, context: ExecutionContext, result: Any, *parts: Any, **more: Any
    ) -> ExecutionResult:
        """Write down what must be accounted for before the answer goes out; an answer that cannot be is none.

        Overridden here, where every answer of every transport passes, each event of a subscription by itself.
        """
        answer = await super()._handle_execution_result(context, result, *parts, **more)
        own: Context = context.context
        if answer.data is not None and context.operation_type is OperationType.SUBSCRIPTION:
            own.caller = await own.admit()
            if own.caller is None:
                raise unknown_caller()  # ends the subscription
            await own.bounds.pay(own.caller, own.price)
        try:
            record = record_of(context, answer.errors)
            if record is not None:
                await own.audit.write(record)
        except LinkageError as error:
            errors = [GraphQLError(error.message, original_error=error)]
            self._process_errors(errors, context)
            return ExecutionResult(None, errors)
        return answer

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Replace the errors by what callers may see; strawberry's own would log the query with its literals."""
        executed = execution_context is not None and execution_context.result is not None
        errors[:] = [publish(error, executed=executed) for error in errors]


async def _record_gone(execution: ExecutionContext) -> None:
    """Write a mutation down whose client went away: what it began goes on in its thread."""
    if execution.operation_type is OperationType.MUTATION:
        record = record_of(execution, [GraphQLError("", extensions={"code": GONE})])
        if record is not None:
            await execution.context.audit.write(record)


async def _moved(context: Context) -> bool:
    try:
        return await context.frame.moved()
    except LinkageError:
        return False  # the answer says itself what it could not read


@cache
def build_schema(limits: Limits = Limits(), *, traced: bool = False) -> LinkageSchema:  # noqa: B008 - frozen
    """The schema under those limits; `traced`: with a span for each operation and field."""
    return LinkageSchema(
        limits,
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=[Account, Organisation, Identifier, Cluster, Resolution, Decision],
        extensions=[
            *([Traced] if traced else []),
            OwnContext,
            bound_tokens(limits),
            Door,
            lambda: ParserCache(maxsize=CACHED),
            guarded_validation(limits, CACHED),
            Gate,
            Spending,
        ],
        execution_context_class=Accounting,
        config=StrawberryConfig(scalar_map={Long: LONG, datetime: DATE_TIME}),
    )
