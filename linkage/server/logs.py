"""What the service writes down of its own doings: lines for people, or JSON for programs (`LINKAGE_LOG_FORMAT=json`).

In JSON each request is a line: an id that its answer carries too, endpoint, status, milliseconds and the caller's id;
never a path, a parameter or anything else that a caller chose. Lines about a fault carry the id of their request.
"""

from __future__ import annotations

import json
import logging
import secrets
import sys
import time
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Literal, TextIO

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from linkage.access.caller import Caller
from linkage.server.callers import CALLER, METHODS, endpoint_of

logger = logging.getLogger("linkage.access")
REQUEST: ContextVar[str | None] = ContextVar("request", default=None)
HEADER = "X-Request-Id"


class JsonLines(logging.Formatter):
    """A record as one line of JSON; what was raised is told by its type alone."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "request": REQUEST.get(),
            **getattr(record, "told", {}),
        }
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = record.exc_info[0].__name__
        return json.dumps({name: value for name, value in line.items() if value is not None})


def write_logs(form: Literal["text", "json"], stream: TextIO = sys.stderr) -> None:
    """Write the service's lines to a stream: what went wrong, and in JSON each request too."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines() if form == "json" else logging.Formatter("%(levelname)s %(message)s"))
    ours = logging.getLogger("linkage")
    ours.handlers = [handler]
    ours.setLevel(logging.INFO if form == "json" else logging.WARNING)
    ours.propagate = False


class Requests:
    """Gives each request an id, and writes a line of it when it is answered."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        request = secrets.token_hex(8)
        REQUEST.set(request)
        started, status = time.perf_counter(), 0

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[HEADER] = request
            await send(message)

        try:
            await self.app(scope, receive, noted)
        finally:
            if logger.isEnabledFor(logging.INFO):
                logger.info("request", extra={"told": _told(scope, status, time.perf_counter() - started)})


def _told(scope: Scope, status: int, seconds: float) -> dict[str, object]:
    path = endpoint_of(scope["path"])
    method = "WEBSOCKET" if scope["type"] == "websocket" else scope["method"]
    caller: Caller | None = scope.get(CALLER)
    return {
        # What is none of our endpoints and methods is the caller's own text.
        "endpoint": f"{method} {path}" if method in METHODS.get(path, ()) else "other",
        "status": status or None,
        "milliseconds": round(1_000 * seconds, 1),
        "caller": caller.id if caller is not None else None,
    }
