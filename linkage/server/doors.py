"""For which hosts we answer, and how much may come in: plain ASGI middleware, outermost first.

Hosts keep foreign pages from reaching a loopback service through a name that they made point at it.
"""

from __future__ import annotations

from collections.abc import Iterable

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from linkage.server.answers import HttpError, refuse

SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


class KnownHosts:
    """Refuses requests for hosts that this service is not."""

    def __init__(self, app: ASGIApp, hosts: Iterable[str]) -> None:
        self.app = app
        self.hosts = frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket") and _host(Headers(scope=scope).get("host", "")) not in self.hosts:
            await _refuse(scope, receive, send, HttpError(421, "this service does not answer for that host"))
            return
        await self.app(scope, receive, send)


def _host(header: str) -> str:
    if header.startswith("["):
        return header[1:].partition("]")[0].lower()
    return header.partition(":")[0].lower()


class BoundedBody:
    """Refuses bodies that are compressed or longer than their path may send; never reads more than that."""

    def __init__(self, app: ASGIApp, *, largest: int, larger: dict[str, int]) -> None:
        self.app = app
        self.largest = largest
        self.larger = larger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        bound = next((size for path, size in self.larger.items() if scope["path"].startswith(path)), self.largest)
        error = _of_headers(headers, bound)
        if error is not None:
            await _refuse(scope, receive, send, error)
            return
        seen = 0
        started = False

        async def bounded() -> Message:
            nonlocal seen
            message = await receive()
            if message["type"] == "http.request":
                seen += len(message.get("body", b""))
                if seen > bound:
                    raise _too_large(bound)
            return message

        async def noted(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, bounded, noted)
        except HttpError as refused:
            if started:
                raise
            await refuse(refused)(scope, receive, send)


def _of_headers(headers: Headers, bound: int) -> HttpError | None:
    if headers.get("content-encoding", "identity").lower() != "identity":
        return HttpError(415, "compressed bodies are not taken")
    length = headers.get("content-length", "0")
    if not length.isascii() or not length.isdigit():
        return HttpError(400, "the Content-Length is no number")
    return _too_large(bound) if len(length) > 15 or int(length) > bound else None


def _too_large(bound: int) -> HttpError:
    return HttpError(413, f"the body may have {bound:,} bytes; send it in parts")


class SecurityHeaders:
    """Adds the headers that browsers heed."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, with_headers)


async def _refuse(scope: Scope, receive: Receive, send: Send, error: HttpError) -> None:
    if scope["type"] == "websocket":
        await close_unopened(receive, send)
        return
    await refuse(error)(scope, receive, send)


async def close_unopened(receive: Receive, send: Send) -> None:
    """Refuse a WebSocket before it is open."""
    await receive()
    await send({"type": "websocket.close", "code": 1008})
