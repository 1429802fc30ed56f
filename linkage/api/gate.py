"""Who calls is asked again for each operation, and what it asks for is held against the table, before anything runs.

An extension of the schema, so that no transport and no way through the graph leads around it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from graphql import GraphQLError
from strawberry.extensions import SchemaExtension

from linkage.access.caller import Caller
from linkage.access.table import Action, action_of, roles_for
from linkage.api.asked import Asked, asked_of, value_of
from linkage.api.context import Context
from linkage.errors import BadInput, Forbidden, LinkageError, Unauthenticated

LONGEST_PURPOSE = 200
#: So many refused fields are named.
NAMED = 5


def unknown_caller() -> Unauthenticated:
    """What whoever shows no good key is told. Made anew each time: an error that was raised holds on to the request."""
    return Unauthenticated(
        "who calls is not known",
        next_step="Show a key that is neither expired nor revoked: `Authorization: Bearer lk_…`.",
    )


class Door(SchemaExtension):
    """Refuses whom we do not know, and documents that a caller may not send; stands before all that looks at the
    document, so that these are told nothing of the schema."""

    async def on_validate(self) -> AsyncIterator[None]:
        operation = self.execution_context
        context: Context = operation.context
        caller = context.caller
        refused = unknown_caller() if caller is None else context.bounds.documents.fault(caller, operation.query)
        if refused is not None:
            operation.pre_execution_errors = [GraphQLError(refused.message, original_error=refused)]
        yield


class Gate(SchemaExtension):
    """Refuses what the caller may not ask; stands after validation."""

    async def on_validate(self) -> AsyncIterator[None]:
        operation = self.execution_context
        context: Context = operation.context
        try:
            if not operation.pre_execution_errors and context.caller is not None:
                assert operation.graphql_document is not None  # noqa: S101 - parsing went before
                context.asked = asked_of(operation.schema._schema, operation.graphql_document, operation.operation_name)
                context.purposes = admitted(context.caller, context.asked, operation.variables)
        except LinkageError as refused:
            operation.pre_execution_errors = [GraphQLError(refused.message, original_error=refused)]
        yield


def admitted(caller: Caller, asked: Asked, variables: dict[str, object] | None) -> tuple[str, ...]:
    """The purposes for which values are shown whole; raises `Forbidden`, and `BadInput` where a purpose is missing."""
    switched = [one for one in asked.switches if value_of(one.value, asked.defaults, variables)]
    rows = [*sorted(asked.rows), *sorted({one.row for one in switched})]
    denied = [row for row in rows if action_of(caller.role, row) is Action.DENY]
    if denied:
        raise _forbidden(caller, denied)
    purposes = {_stated(value_of(one.purpose, asked.defaults, variables)) for one in switched}
    return tuple(sorted(purposes))


def _forbidden(caller: Caller, denied: list[str]) -> Forbidden:
    more = f" and {len(denied) - NAMED} more" if len(denied) > NAMED else ""
    roles = roles_for(*denied)
    return Forbidden(
        f"the role {caller.role} may not ask for {', '.join(f'`{row}`' for row in denied[:NAMED])}{more}",
        next_step=f"Leave it out, or use a key with the role {roles}." if roles else "Leave it out.",
    )


def _stated(purpose: object) -> str:
    if not isinstance(purpose, str) or not 1 <= len(purpose.strip()) <= LONGEST_PURPOSE:
        raise BadInput(
            f"whoever reveals a value says why: `purpose` has 1 to {LONGEST_PURPOSE} characters",
            next_step='For example `value(reveal: true, purpose: "case 17")`. It is kept in the audit.',
        )
    return purpose.strip()
