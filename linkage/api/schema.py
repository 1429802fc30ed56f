"""The schema: types, guard, caches, errors, put together once a process."""

from __future__ import annotations

from functools import cache

import strawberry
from graphql import GraphQLError
from strawberry.extensions import ParserCache
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext

from linkage.api.context import OwnContext
from linkage.api.errors import publish
from linkage.api.guard import bound_tokens, guarded_validation
from linkage.api.limits import Limits
from linkage.api.mutations import Mutation
from linkage.api.queries import Query
from linkage.api.subscriptions import Subscription
from linkage.api.types.cluster import Cluster
from linkage.api.types.decision import Decision
from linkage.api.types.identifier import Identifier
from linkage.api.types.resolution import Resolution
from linkage.api.types.scalars import LONG, Long
from linkage.api.types.subject import Account, Organisation

#: Documents whose parsed and validated form is kept.
CACHED = 512


class LinkageSchema(strawberry.Schema):
    """The schema; its errors are made public where they arise, so that no transport can leak what is hidden."""

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Replace the errors by what callers may see; strawberry's own would log the query with its literals."""
        executed = execution_context is not None and execution_context.result is not None
        errors[:] = [publish(error, executed=executed) for error in errors]


@cache
def build_schema(limits: Limits = Limits()) -> LinkageSchema:  # noqa: B008 - frozen
    """The schema under those limits."""
    return LinkageSchema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=[Account, Organisation, Identifier, Cluster, Resolution, Decision],
        extensions=[
            OwnContext,
            bound_tokens(limits),
            lambda: ParserCache(maxsize=CACHED),
            guarded_validation(limits, CACHED),
        ],
        config=StrawberryConfig(scalar_map={Long: LONG}),
    )
