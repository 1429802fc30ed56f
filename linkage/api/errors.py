"""The one place where an error becomes a GraphQL error.

What the caller can mend is told as it is, with a stable code. What only we can mend is told as a reference
number, and logged under it: the error's type and the place it was raised, never its text, which may hold the
personal data of a query.
"""

from __future__ import annotations

import logging
import secrets
import traceback
from typing import Any

from graphql import GraphQLError, GraphQLSyntaxError

from linkage.errors import CallerError, DataError, LinkageError, OperatorError, TooMuch

logger = logging.getLogger("linkage.api")

PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
BAD_USER_INPUT = "BAD_USER_INPUT"
UNAUTHENTICATED = "UNAUTHENTICATED"
FORBIDDEN = "FORBIDDEN"
RATE_LIMITED = "RATE_LIMITED"
OVERLOADED = "OVERLOADED"
UNKNOWN_DOCUMENT = "PERSISTED_QUERY_NOT_FOUND"
INTERNAL = "INTERNAL"
#: Beside the code, for programs that do not know all codes: the caller can mend it.
CALLER = {"classification": "BAD_REQUEST"}

#: Said instead of an operator error's own message, which may name hosts and folders.
PUBLIC_MESSAGES = {
    "DATABASE_UNAVAILABLE": "The graph database does not answer. Writes are still accepted; try the read again soon.",
    "LEDGER_UNAVAILABLE": "The ledger's storage does not answer. Try again soon.",
    "STORAGE_FULL": "The disk is nearly full: nothing is written until the operator makes room. Reads go on.",
    "AUDIT_UNAVAILABLE": "The audit cannot be written, so this is not answered. Call the operator.",
    "KEYS_UNREADABLE": "The file of keys cannot be read, so nobody is let in. Call the operator.",
    "IDENTITY_PROVIDER_UNAVAILABLE": "The identity provider does not answer, so tokens cannot be checked. Try later.",
}
OUT_OF_ORDER = "The service cannot answer until its operator mends it."


class PublicError(GraphQLError):
    """An error as the caller sees it."""


def publish(error: GraphQLError, *, executed: bool) -> PublicError:
    """The error as the caller may see it; logs what it hides."""
    if isinstance(error, PublicError):
        return error
    cause = error.original_error
    if isinstance(cause, OperatorError):
        reference = _logged(error, cause)
        message = PUBLIC_MESSAGES.get(cause.code, OUT_OF_ORDER)
        return _told(error, message, {"code": cause.code, "reference": reference})
    told = _of_caller(error, executed=executed)
    if told is not None:
        message, code = told
        later = {"retryAfter": cause.retry_after} if isinstance(cause, TooMuch) else {}
        return _told(error, message, {"code": code, **CALLER, **later})
    reference = _logged(error, cause or error)
    message = f"Something went wrong on our side. Tell the operator the reference {reference}."
    return _told(error, message, {"code": INTERNAL, "reference": reference})


def _of_caller(error: GraphQLError, *, executed: bool) -> tuple[str, str] | None:
    """Message and code of an error that the caller can mend; None for one that is ours."""
    cause = error.original_error
    if isinstance(error, GraphQLSyntaxError):
        return error.message, PARSE_FAILED
    if isinstance(cause, CallerError | DataError):
        return in_one_line(cause), cause.code
    if isinstance(cause, RecursionError) and not executed:
        return "The document is nested too deeply.", PARSE_FAILED
    if not error.path and (cause is None or isinstance(cause, GraphQLError) or not executed):
        # Told by validation, or by the coercion of variables, which comes after it.
        return error.message, BAD_USER_INPUT if executed else VALIDATION_FAILED
    return None


def body(message: str, code: str, **extensions: Any) -> dict[str, Any]:
    """The answer to a request in which nothing was executed."""
    return {"errors": [{"message": message, "extensions": {"code": code, **extensions}}]}


def _told(error: GraphQLError, message: str, extensions: dict[str, Any]) -> PublicError:
    return PublicError(
        message,
        nodes=error.nodes,
        source=error.source,
        positions=error.positions,
        path=error.path,
        extensions=extensions,
    )


def in_one_line(error: LinkageError) -> str:
    """Message, details and next step as sentences."""
    parts = [error.message, *error.details, *([error.next_step] if error.next_step else [])]
    return " ".join(part if part.endswith((".", "!", "?")) else f"{part}." for part in parts)


def hide(cause: BaseException, where: str) -> str:
    """Log an error that nobody may read, and return the reference that stands for it."""
    reference = secrets.token_hex(6)
    frames = traceback.extract_tb(cause.__traceback__)
    place = " < ".join(f"{frame.name}:{frame.lineno}" for frame in reversed(frames[-4:]))
    logger.error("error %s: %s at %s, %s", reference, type(cause).__name__, place or "unknown", where)
    return reference


def _logged(error: GraphQLError, cause: BaseException) -> str:
    # Response keys are the caller's aliases, which may hold anything: only the length of the path is told.
    return hide(cause, f"{len(error.path or ())} steps into the answer")
