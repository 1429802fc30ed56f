"""The application: routes, middleware, and a lifespan that opens and closes everything the requests use."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from linkage.access.admission import Admission, KeyAuthenticator
from linkage.access.caller import DEMO
from linkage.access.keys import KeyRing
from linkage.api.errors import INTERNAL, hide
from linkage.api.limits import Limits
from linkage.api.work import Work
from linkage.audit.log import AuditLog
from linkage.audit.writing import Writer
from linkage.engine.compiled import warm_up_links
from linkage.errors import BadSettings
from linkage.graph.reads import Reader
from linkage.model.progress import Progress, silent
from linkage.server import health, pages, records
from linkage.server.answers import HttpError, refuse
from linkage.server.callers import KnownCallers
from linkage.server.doors import LOOPBACK_NAMES, BoundedBody, KnownHosts, SecurityHeaders, is_loopback
from linkage.server.following import Following
from linkage.server.graphql import GraphQLEndpoint
from linkage.server.logs import Requests
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
    phone_region: str | None


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
    ring = KeyRing(settings.data, project_secret(settings.data))
    admission = Admission([KeyAuthenticator(ring)], anonymous=DEMO if demo else None)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        asyncio.get_running_loop().set_exception_handler(_unheard)
        async with AsyncExitStack() as stack:
            try:
                app.state.parts = await _open(settings, progress, stack)
            except Exception as error:
                # The server around us knows only that the start failed; whoever started it wants to know why.
                app.state.error = error
                raise
            yield

    endpoint = GraphQLEndpoint(limits=limits, admission=admission, keys=ring, traced=traced)
    app = Starlette(
        routes=[
            Route("/", pages.home),
            Route("/graphql", _explorer_or(endpoint), name="graphql"),
            WebSocketRoute("/graphql", endpoint),
            Route("/v1/{record}", records.record, methods=["POST"]),
            Route("/healthz", health.healthz),
            Route("/readyz", health.readyz),
            Route("/metrics", health.metrics),
            Mount("/static", pages.Bundle(directory=pages.STATIC, check_dir=False)),
        ],
        middleware=_middleware(settings, admission),
        exception_handlers={HttpError: _refused, HTTPException: _missing, Exception: _failed},
        lifespan=lifespan,
    )
    app.state.bulk = asyncio.Semaphore(records.AT_ONCE)
    return app


def _middleware(settings: Settings, admission: Admission) -> list[Middleware]:
    middleware = [Middleware(Requests), Middleware(SecurityHeaders)]
    if is_loopback(settings.host):
        middleware.append(Middleware(KnownHosts, hosts=LOOPBACK_NAMES | {settings.host}))
    middleware.append(Middleware(KnownCallers, admission=admission))
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
    return Parts(service, work, reader, following, audit, log, settings.phone_region)


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
