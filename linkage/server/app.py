"""The application: routes, middleware, and a lifespan that opens and closes everything the requests use."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from linkage.access.admission import Admission, Authenticator, KeyAuthenticator
from linkage.access.budgets import BODIES
from linkage.access.caller import DEMO
from linkage.access.keys import KeyRing
from linkage.access.sessions import Sessions
from linkage.access.turns import Turns
from linkage.api.bounds import Bounds
from linkage.api.documents import NONE, TrustedDocuments, read_documents
from linkage.api.errors import INTERNAL, hide
from linkage.api.limits import Limits
from linkage.api.schema import build_schema
from linkage.api.work import Work
from linkage.audit.log import AuditLog
from linkage.audit.writing import Writer
from linkage.engine.compiled import warm_up_links
from linkage.errors import BadSettings
from linkage.graph.reads import Reader
from linkage.model.loopback import LOOPBACK_NAMES, is_loopback
from linkage.model.progress import Progress, silent
from linkage.server import health, pages, records
from linkage.server.answers import HttpError, refuse
from linkage.server.callers import KnownCallers
from linkage.server.doors import BoundedBody, KnownHosts, SecurityHeaders
from linkage.server.entrance import Entrance, cookie_of
from linkage.server.failures import Failures
from linkage.server.following import Following
from linkage.server.graphql import GraphQLEndpoint
from linkage.server.logs import Requests
from linkage.server.signing_in import session_routes, tokens_of
from linkage.server.tidying import Tidying
from linkage.service import Service
from linkage.settings import Settings, project_secret

#: Largest body of a GraphQL request, in bytes.
LARGEST_OPERATION = 2**20

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Parts:
    """What requests use; opened before the first and closed after the last."""

    service: Service
    work: Work
    reader: Reader
    following: Following
    audit: Writer
    log: AuditLog


def create_app(
    settings: Settings,
    *,
    limits: Limits = Limits(),  # noqa: B008 - frozen
    progress: Progress = silent,
    demo: bool = False,
    traced: bool = False,
) -> Starlette:
    """The application of one project; in a `demo` whoever shows no key is an admin; `traced`: spans are collected.

    Raises `BadSettings` where a demo would stand open to the network.
    """
    if demo and not is_loopback(settings.host):
        raise BadSettings(
            f"a demo lets everybody in without a key: it will not listen on {settings.host}",
            next_step="Leave --demo out and make a key for each caller (linkage keys create), or listen on 127.0.0.1.",
        )
    secret = project_secret(settings.data)
    ring = KeyRing(settings.data, secret)
    tokens = tokens_of(settings, secret)
    known: list[Authenticator] = [KeyAuthenticator(ring), *([tokens] if tokens is not None else [])]
    admission = Admission(known, anonymous=DEMO if demo else None)
    entrance = Entrance(admission, Sessions(), cookie_of(settings, "session"), settings.public_url)
    bounds = Bounds(settings.rate, _documents(settings, limits))
    failures = Failures()

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        asyncio.get_running_loop().set_exception_handler(_unheard)
        async with AsyncExitStack() as stack:
            stack.callback(bounds.aside.close)
            try:
                app.state.parts = await _open(settings, progress, stack)
            except Exception as error:
                # The server around us knows only that the start failed; whoever started it wants to know why.
                app.state.error = error
                raise
            yield

    endpoint = GraphQLEndpoint(
        limits=limits, entrance=entrance, keys=ring, bounds=bounds, failures=failures, traced=traced
    )
    app = Starlette(
        routes=[
            Route("/", pages.home),
            Route("/graphql", _explorer_or(endpoint), name="graphql"),
            WebSocketRoute("/graphql", endpoint),
            *session_routes(settings, entrance, failures, tokens),
            Route("/v1/{record}", records.record, methods=["POST"]),
            Route("/healthz", health.healthz),
            Route("/readyz", health.readyz),
            Route("/metrics", health.metrics),
            Mount("/static", pages.Bundle(directory=pages.STATIC, check_dir=False)),
        ],
        middleware=_middleware(settings, entrance, failures),
        exception_handlers={HttpError: _refused, HTTPException: _missing, Exception: _failed},
        lifespan=lifespan,
    )
    app.state.bounds = bounds
    app.state.failures = failures
    app.state.bulk = Turns(BODIES, patience=records.PATIENCE)
    return app


def _documents(settings: Settings, limits: Limits) -> TrustedDocuments:
    """The trusted documents, where the settings name some. Raises `BadSettings`."""
    if settings.trusted_documents is None:
        return NONE
    return read_documents(settings.trusted_documents, build_schema(limits)._schema, limits)


def _middleware(settings: Settings, entrance: Entrance, failures: Failures) -> list[Middleware]:
    middleware = [Middleware(Requests), Middleware(SecurityHeaders)]
    if is_loopback(settings.host):
        public = {urlsplit(settings.public_url).hostname or ""} if settings.public_url is not None else set()
        middleware.append(Middleware(KnownHosts, hosts=LOOPBACK_NAMES | {settings.host} | public))
    middleware.append(Middleware(KnownCallers, entrance=entrance, failures=failures))
    middleware.append(Middleware(BoundedBody, largest=LARGEST_OPERATION, larger={"/v1/": records.LARGEST}))
    return middleware


def _explorer_or(endpoint: GraphQLEndpoint) -> ASGIApp:
    class ExplorerOrEndpoint:
        """A browser that opens `/graphql` gets the page, everything else the endpoint."""

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            target: ASGIApp = pages.explorer() if pages.wants_page(Request(scope)) else endpoint
            await target(scope, receive, send)

    return ExplorerOrEndpoint()


async def _open(settings: Settings, progress: Progress, stack: AsyncExitStack) -> Parts:
    manager = Service.open(settings, progress)
    service = await asyncio.to_thread(manager.__enter__)
    stack.push_async_callback(_threaded, lambda: _leave(manager))
    # Touched here, in one thread, once: later they are used from several.
    connection = await _threaded(lambda: service.connection)
    await _threaded(lambda: (service.ledger, service.projector, service.model, service.reference))
    # The first fact should not wait for what is compiled to be read.
    await _threaded(warm_up_links)
    work = Work(service)
    stack.push_async_callback(work.close)
    reader = Reader.open(connection)
    stack.push_async_callback(reader.close)
    following = Following(service.follow, work.written, work.links, work.projected.beat)
    following.start()
    stack.push_async_callback(following.close)
    tidying = Tidying(service.tidy)
    tidying.start()
    stack.push_async_callback(tidying.close)
    log = AuditLog(settings.data, service.secret)
    audit = Writer(log.append)
    stack.push_async_callback(audit.close)
    work.begin()
    return Parts(service, work, reader, following, audit, log)


def _unheard(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log an error that nobody waited for; asyncio's own way would print its text, which may hold anything."""
    error = context.get("exception")
    if error is not None:
        hide(error, "in what nobody waited for")


async def _threaded(call: Callable[[], T]) -> T:
    return await asyncio.to_thread(call)


def _leave(manager: AbstractContextManager[Service]) -> None:
    manager.__exit__(None, None, None)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HttpError)  # noqa: S101 - as registered
    return refuse(error)


async def _missing(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - as registered
    code = "NOT_FOUND" if error.status_code == 404 else "BAD_USER_INPUT"
    return refuse(HttpError(error.status_code, str(error.detail), code))


async def _failed(request: Request, error: Exception) -> Response:
    reference = hide(error, f"in a request by {request.method}")
    return refuse(HttpError(500, f"something went wrong on our side: tell the operator {reference}", INTERNAL))
