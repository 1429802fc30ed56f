"""Errors become public in one place: what the caller can mend is told, the rest is a reference."""

from __future__ import annotations

import logging

import pytest
from graphql import GraphQLError, GraphQLSyntaxError, Source

from linkage.api.errors import PublicError, body, in_one_line, publish
from linkage.errors import BadInput, BadModel, Conflict, DatabaseUnavailable, LedgerDamaged, NotFound

PERSONAL = "ann@example.com"


def error(cause: Exception | None = None, path: list[str | int] | None = None) -> GraphQLError:
    return GraphQLError(f"went wrong with {PERSONAL}", path=path, original_error=cause)


@pytest.mark.parametrize(
    ("given", "executed", "code"),
    [
        (GraphQLSyntaxError(Source("{"), 1, "unexpected"), False, "GRAPHQL_PARSE_FAILED"),
        (error(RecursionError()), False, "GRAPHQL_PARSE_FAILED"),
        (error(), False, "GRAPHQL_VALIDATION_FAILED"),
        (error(), True, "BAD_USER_INPUT"),
        (error(BadInput("no"), ["a"]), True, "BAD_USER_INPUT"),
        (error(NotFound("no"), ["a"]), True, "NOT_FOUND"),
        (error(Conflict("no"), ["a"]), True, "CONFLICT"),
        (error(BadModel("no"), ["a"]), True, "BAD_MODEL"),
        (error(DatabaseUnavailable("no"), ["a"]), True, "DATABASE_UNAVAILABLE"),
        (error(LedgerDamaged("no"), ["a"]), True, "LEDGER_DAMAGED"),
        (error(ValueError(PERSONAL), ["a"]), True, "INTERNAL"),
        (error(None, ["a"]), True, "INTERNAL"),
        (error(RecursionError(), ["a"]), True, "INTERNAL"),
    ],
)
def test_every_error_has_a_stable_code(given: GraphQLError, executed: bool, code: str) -> None:
    extensions = publish(given, executed=executed).extensions
    assert extensions["code"] == code
    ours = code in ("INTERNAL", "DATABASE_UNAVAILABLE", "LEDGER_DAMAGED")
    assert ("reference" in extensions, "classification" in extensions) == (ours, not ours)


@pytest.mark.parametrize("cause", [ValueError(PERSONAL), DatabaseUnavailable(f"bolt://{PERSONAL}")])
def test_what_the_caller_cannot_mend_is_hidden_from_answer_and_log(
    cause: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        public = publish(error(cause, [PERSONAL, 0]), executed=True)
    assert PERSONAL not in str(public.formatted["message"])
    assert PERSONAL not in caplog.text
    assert type(cause).__name__ in caplog.text
    assert public.extensions["reference"] in caplog.text


def test_an_error_is_made_public_once() -> None:
    public = publish(error(ValueError(), ["a"]), executed=True)
    assert isinstance(public, PublicError)
    assert publish(public, executed=True) is public


def test_messages_are_sentences() -> None:
    assert in_one_line(BadInput("wrong", details=["a", "b"], next_step="Mend it.")) == "wrong. a. b. Mend it."


def test_a_refused_request_has_no_data() -> None:
    assert body("no", "X") == {"errors": [{"message": "no", "extensions": {"code": "X"}}]}
