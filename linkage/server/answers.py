"""JSON answers, and the one place where an error becomes an HTTP answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from linkage.access.rates import Left
from linkage.api.errors import OUT_OF_ORDER, PUBLIC_MESSAGES, body, in_one_line
from linkage.errors import LinkageError, OperatorError, TooMuch

JSON_TYPE = "application/json; charset=utf-8"
RETRY_AFTER = "5"


class HttpError(Exception):
    """A request that is answered with an error and nothing else."""

    def __init__(self, status: int, message: str, code: str = "BAD_USER_INPUT", **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


def answer(
    content: Any, status: int = 200, *, media_type: str = JSON_TYPE, headers: Mapping[str, str] | None = None
) -> Response:
    """Content as JSON; lone surrogates and other oddities stay escaped."""
    text = json.dumps(content, separators=(",", ":"), default=str)
    return Response(text, status, {"Cache-Control": "no-store", "Content-Type": media_type, **(headers or {})})


def told(left: Left, unit: str) -> dict[str, str]:
    """What is left of a minute's budget, in the headers of the IETF's draft on rate limits."""
    return {
        "RateLimit-Policy": f'"{unit}";q={left.budget};w=60',
        "RateLimit": f'"{unit}";r={left.left};t={left.full_in}',
    }


def refuse(error: HttpError, *, media_type: str = JSON_TYPE) -> Response:
    """The answer to a request that goes no further."""
    return answer(body(error.message, error.code), error.status, media_type=media_type, headers=error.headers)


def of_error(error: LinkageError) -> HttpError:
    """One of our errors as an HTTP error; what only the operator can mend keeps hosts and folders to itself."""
    if isinstance(error, OperatorError):
        message = PUBLIC_MESSAGES.get(error.code, OUT_OF_ORDER)
        return HttpError(error.http_status, message, error.code, Retry_After=RETRY_AFTER)
    later = {"Retry_After": str(error.retry_after)} if isinstance(error, TooMuch) else {}
    return HttpError(error.http_status, in_one_line(error), error.code, **later)
