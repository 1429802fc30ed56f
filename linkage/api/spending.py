"""What an operation costs is taken from its caller's budget before it runs, and told with its answer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import asdict
from typing import Any

from graphql import GraphQLError
from strawberry.extensions import SchemaExtension
from strawberry.types.graphql import OperationType

from linkage.api.context import Context
from linkage.errors import TooMuch


class Spending(SchemaExtension):
    """Takes the cost of what may run, and a turn for a subscription while it stands; stands after the gate."""

    def __init__(self) -> None:
        super().__init__()
        self._standing = AsyncExitStack()

    async def on_operation(self) -> AsyncIterator[None]:
        async with self._standing:
            yield

    async def on_validate(self) -> AsyncIterator[None]:
        operation = self.execution_context
        context: Context = operation.context
        if not operation.pre_execution_errors and context.caller is not None:
            try:
                context.bounds.spend(context.caller, context.price)
                if operation.operation_type is OperationType.SUBSCRIPTION:
                    turn = context.bounds.turn(context.caller, context.price, operation.operation_type)
                    await self._standing.enter_async_context(turn)
            except TooMuch as refused:
                operation.pre_execution_errors = [GraphQLError(refused.message, original_error=refused)]
        yield

    def get_results(self) -> dict[str, Any]:
        """The document's cost, what it might have been, and what is left of a minute's budget."""
        context: Context = self.execution_context.context
        if context.caller is None or not context.price:
            return {}
        budget = context.bounds.budget(context.caller)
        left = asdict(context.bounds.costs.left(context.caller.id, budget.cost))
        return {
            "cost": {
                "document": context.price,
                "documentBudget": budget.document,
                "minuteBudget": left["budget"],
                "left": left["left"],
                "fullInSeconds": left["full_in"],
            }
        }
