"""GraphQL over HTTP, after the specification of that name, and over SSE and WebSocket.

A request in which nothing was executed answers 4xx without `data` to clients that accept
`application/graphql-response+json`; to older clients, which take every status but 200 for a broken line,
it answers 200 where the request itself was well-formed. Only JSON bodies are taken: a foreign page's form cannot send
one without the browser asking us first.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Coroutine, Mapping
from datetime import timedelta
from typing import Any, cast

from graphql import GraphQLError, OperationDefinitionNode, OperationType, parse
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.exceptions import ConnectionRejectionError, MissingQueryError
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.subscriptions import GRAPHQL_SSE_PROTOCOL, GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types import ExecutionResult
from strawberry.types.graphql import OperationType as AllowedOperation
from strawberry.types.unset import UNSET, UnsetType

from linkage.access.caller import Caller
from linkage.access.keys import KeyRing
from linkage.access.table import Action, action_of
from linkage.api.bounds import Bounds
from linkage.api.context import Context
from linkage.api.documents import named_document
from linkage.api.errors import (
    BAD_USER_INPUT,
    FORBIDDEN,
    OVERLOADED,
    PARSE_FAILED,
    RATE_LIMITED,
    UNAUTHENTICATED,
    UNKNOWN_DOCUMENT,
    VALIDATION_FAILED,
)
from linkage.api.limits import Limits
from linkage.api.schema import build_schema
from linkage.errors import RateLimited
from linkage.server.answers import JSON_TYPE, HttpError, answer, refuse
from linkage.server.entrance import Entrance
from linkage.server.failures import Failures

GRAPHQL_TYPE = "application/graphql-response+json"
SSE_TYPE = "text/event-stream"
#: Media types that a POST may be answered with, the one we prefer first.
OFFERED = {GRAPHQL_TYPE: f"{GRAPHQL_TYPE}; charset=utf-8", "application/json": JSON_TYPE}
#: A WebSocket that has not said who it is by then is closed (seconds).
SILENCE = 5
#: Acknowledge a WebSocket without saying anything.
UNSET_PAYLOAD: UnsetType = cast("UnsetType", UNSET)
#: Error codes of operations in which no resolver ran.
NOT_EXECUTED = frozenset(
    {PARSE_FAILED, VALIDATION_FAILED, UNAUTHENTICATED, FORBIDDEN, RATE_LIMITED, OVERLOADED, UNKNOWN_DOCUMENT}
)
#: Those that are no answer of GraphQL at all, whatever the client understands.
REFUSED = {UNAUTHENTICATED: 401, FORBIDDEN: 403, RATE_LIMITED: 429, OVERLOADED: 503}
QUERIES = {AllowedOperation.QUERY}
WRITES = {AllowedOperation.QUERY, AllowedOperation.MUTATION}


class GraphQLEndpoint(GraphQL[Context, None]):
    """`/graphql` for machines; people's browsers get the page before it comes to this."""

    def __init__(
        self,
        *,
        limits: Limits,
        entrance: Entrance,
        keys: KeyRing,
        bounds: Bounds,
        failures: Failures,
        traced: bool = False,
    ) -> None:
        super().__init__(
            build_schema(limits, traced=traced),
            graphql_ide=None,
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL, GRAPHQL_SSE_PROTOCOL),
            max_subscriptions_per_connection=20,
            connection_init_wait_timeout=timedelta(seconds=SILENCE),
        )
        self.limits = limits
        self.entrance = entrance
        self.keys = keys
        self.bounds = bounds
        self.failures = failures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            response = await self.respond(request)
        except HttpError as error:
            response = refuse(error, media_type=_preferred(request) or JSON_TYPE)
        except ClientDisconnect:
            return
        await response(scope, receive, send)

    async def respond(self, request: Request) -> Response:
        """Answer one HTTP request."""
        operation = await self._operation(request)
        media_type = _preferred(request)
        if _wants_stream(request, media_type, operation):
            # The body is read and kept by the request; strawberry reads it again for the stream.
            return await self.run(request)
        if media_type is None:
            raise HttpError(406, f"the answer can be {' or '.join(OFFERED)}")
        context = await self.get_context(request, Response())
        executing = self.schema.execute(
            operation["query"],
            variable_values=operation.get("variables"),
            context_value=context,
            operation_name=operation.get("operationName"),
            allowed_operation_types=QUERIES if request.method == "GET" else WRITES,
        )
        try:
            # What changes something is carried out and accounted for, whoever has gone meanwhile.
            changes = _kind(operation) is OperationType.MUTATION
            result = await (executing if changes else _unless_gone(request, executing))
        except (MissingQueryError, CannotGetOperationTypeError):
            raise HttpError(400, "the document has no operation of that name", VALIDATION_FAILED) from None
        except InvalidOperationTypeError:
            if request.method == "GET":
                raise HttpError(405, "only queries can be sent by GET", Allow="POST") from None
            raise HttpError(400, "subscriptions need a stream: accept text/event-stream, or use a WebSocket") from None
        return _answer(result, media_type)

    async def _operation(self, request: Request) -> dict[str, Any]:
        if request.method == "GET":
            return _operation_of(self._spelled(dict(request.query_params)), from_text=True)
        if request.method != "POST":
            raise HttpError(405, "GraphQL takes POST, and GET for queries", Allow="GET, POST")
        content_type, _, parameters = request.headers.get("content-type", "").partition(";")
        if content_type.strip().lower() != "application/json" or not _is_utf8(parameters):
            raise HttpError(415, "send the operation as application/json in UTF-8")
        return _operation_of(self._spelled(decode(await request.body())), from_text=False)

    def _spelled(self, given: Any) -> Any:
        """The request with the text of the document that it names by its id, where it has none."""
        if not isinstance(given, dict) or given.get("query"):
            return given
        extensions = given.get("extensions")
        if isinstance(extensions, str):  # as GET has them
            identity = named_document(given | {"extensions": decode(extensions) if extensions else None})
        else:
            identity = named_document(given)
        return given if identity is None else given | {"query": self.bounds.documents.text(identity)}

    def decode_json(self, data: str | bytes) -> object:
        """JSON as a caller may send it over a stream; what is not is told in strawberry's way."""
        try:
            found = self._spelled(decode(data))
        except HttpError as error:
            raise json.JSONDecodeError(error.message, "", 0) from None
        if isinstance(found, dict) and found.get("type") == "subscribe":
            return found | {"payload": self._spelled(found.get("payload"))}
        return found

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Context:
        parts = request.app.state.parts

        async def admit() -> Caller | None:
            if not isinstance(request, WebSocket):
                return await self.entrance.caller(request)
            said = context.connection_params or {}
            caller = await self.entrance.caller(request, said)
            if caller is None and self.entrance.shown(request, said) is not None:
                with contextlib.suppress(RateLimited):  # it is refused either way
                    self.failures.note(request.scope)
            return caller

        context = Context(parts.reader, parts.work, admit, parts.audit, parts.log, self.keys, self.bounds)
        return context

    async def on_ws_connect(self, context: Context) -> UnsetType | dict[str, object] | None:
        caller = await context.admit()
        if caller is None or action_of(caller.role, "WEBSOCKET /graphql") is Action.DENY:
            raise ConnectionRejectionError
        return UNSET_PAYLOAD


def decode(data: str | bytes) -> Any:
    """JSON as a caller may send it; raise `HttpError` for anything else.

    Strict: UTF-8, no NaN, no deeper than the stack, no numbers of thousands of digits, no halves of characters.
    """
    try:
        text = data.decode("utf-8") if isinstance(data, bytes) else data
        found = json.loads(text, parse_constant=_no_constant)
        if "\\ud" in text or "\\uD" in text:
            json.dumps(found, ensure_ascii=False).encode()  # lone surrogates are no text: no store takes them
    except (ValueError, RecursionError):
        raise HttpError(400, "the body is no JSON in UTF-8") from None
    return found


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _is_utf8(parameters: str) -> bool:
    for parameter in parameters.split(";"):
        name, _, value = parameter.strip().partition("=")
        if name.strip().lower() == "charset":
            return value.strip().strip('"').lower() in ("utf-8", "utf8")
    return True


#: Members of a request → what they must be.
MEMBERS: dict[str, tuple[type, str]] = {
    "query": (str, "a string"),
    "operationName": (str, "a string"),
    "variables": (dict, "an object"),
    "extensions": (dict, "an object"),
}


def _operation_of(given: Any, *, from_text: bool) -> dict[str, Any]:
    if isinstance(given, list):
        raise HttpError(400, "batches are not taken: send one operation a request")
    if not isinstance(given, Mapping):
        raise HttpError(400, "the body must be an object with a `query`")
    operation: dict[str, Any] = {}
    for name, (kind, called) in MEMBERS.items():
        value = given.get(name)
        if from_text and kind is dict and isinstance(value, str):
            value = decode(value) if value else None
        if value is None:
            continue
        if not isinstance(value, kind):
            raise HttpError(400, f"`{name}` must be {called}")
        operation[name] = value
    if not operation.get("query"):
        raise HttpError(400, "the request has no `query`")
    return operation


def _accepted(request: Request) -> dict[str, float]:
    accepted: dict[str, float] = {}
    for part in request.headers.get("accept", "*/*").split(",")[:50]:
        media_type, *parameters = (piece.strip().lower() for piece in part.split(";"))
        weight = next((piece[2:] for piece in parameters if piece.startswith("q=")), "1")
        try:
            accepted[media_type] = float(weight)
        except ValueError:
            accepted[media_type] = 0.0
    return {media_type: weight for media_type, weight in accepted.items() if weight > 0}


def _preferred(request: Request) -> str | None:
    """The media type to answer in: what the client prefers of what we offer; None: nothing of it."""
    accepted = _accepted(request)
    offered = [media_type for media_type in OFFERED if media_type in accepted]
    if offered:
        return max(offered, key=lambda media_type: accepted[media_type])
    # Who accepts anything may be an old client, which knows only the old type.
    return "application/json" if accepted.keys() & {"*/*", "application/*"} else None


def _wants_stream(request: Request, media_type: str | None, operation: Mapping[str, Any]) -> bool:
    # Some clients accept event streams with every request: only a subscription, or nothing else accepted, means it.
    if SSE_TYPE not in _accepted(request):
        return False
    return media_type is None or _kind(operation) is OperationType.SUBSCRIPTION


def _kind(operation: Mapping[str, Any]) -> OperationType:
    """What an operation is; of a document that cannot be read, a query."""
    query, name = operation["query"], operation.get("operationName")
    if "subscription" not in query and "mutation" not in query:
        return OperationType.QUERY
    try:
        document = parse(query, max_tokens=Limits().tokens, no_location=True)
    except (GraphQLError, RecursionError):
        return OperationType.QUERY
    operations = [part for part in document.definitions if isinstance(part, OperationDefinitionNode)]
    chosen = [part for part in operations if name is None or (part.name and part.name.value == name)]
    return chosen[0].operation if chosen else OperationType.QUERY


async def _unless_gone(request: Request, executing: Coroutine[Any, Any, ExecutionResult]) -> ExecutionResult:
    """What is executed, for as long as there is a client to take it: one that goes away ends it, down to Neo4j."""
    execution = asyncio.create_task(executing)
    watching = asyncio.create_task(_gone(request))
    try:
        await asyncio.wait({execution, watching}, return_when=asyncio.FIRST_COMPLETED)
        if not execution.done():
            raise ClientDisconnect
        return execution.result()
    finally:
        for task in (execution, watching):
            task.cancel()
        await asyncio.gather(execution, watching, return_exceptions=True)


async def _gone(request: Request) -> None:
    """Returns once the client is gone; its body was read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _answer(result: ExecutionResult, media_type: str) -> Response:
    errors = [error.formatted for error in result.errors or ()]
    codes = {str((error.get("extensions") or {}).get("code")) for error in errors}
    unstarted = result.data is None and bool(errors) and not any(error.get("path") for error in errors)
    later = [(error.get("extensions") or {}).get("retryAfter") for error in errors]
    headers = {"Retry-After": str(max(filter(None, later)))} if any(later) else {}
    if unstarted and codes & (NOT_EXECUTED | {BAD_USER_INPUT}):
        content: dict[str, Any] = {"errors": errors}
        refused = next((status for code, status in REFUSED.items() if code in codes), None)
        status = refused or (400 if media_type == GRAPHQL_TYPE else 200)
    else:
        content = {"data": result.data, **({"errors": errors} if errors else {})}
        status = 200
    if result.extensions:
        content["extensions"] = result.extensions
    return answer(content, status, media_type=OFFERED[media_type], headers=headers)
