"""The runner of reads: rows, deadlines, and our errors instead of the driver's."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from neo4j.exceptions import CypherSyntaxError

from linkage.errors import BadInput, DatabaseUnavailable
from linkage.graph.connection import Connection
from linkage.graph.reads import Reader


def rows(connection: Connection, text: str, seconds: float = 4.5, **parameters: Any) -> list[dict[str, Any]]:
    async def ask() -> list[dict[str, Any]]:
        reader = Reader.open(connection, seconds=seconds)
        try:
            found = await reader.rows(text, **parameters)
            assert reader.queries == 1
            return found
        finally:
            await reader.close()

    return asyncio.run(ask())


@contextmanager
def silent_port() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_times_come_as_the_standard_librarys(neo4j: Connection) -> None:
    found = rows(neo4j, "RETURN [{at: datetime($at)}] AS inside, date('2026-05-03') AS day", at="2026-05-03T01:02:03Z")
    assert found[0]["inside"][0]["at"] == datetime(2026, 5, 3, 1, 2, 3, tzinfo=UTC)
    assert found[0]["day"].isoformat() == "2026-05-03"


def test_the_first_row_or_none(neo4j: Connection) -> None:
    async def ask() -> tuple[object, object]:
        reader = Reader.open(neo4j)
        try:
            return await reader.row("UNWIND [1, 2] AS n RETURN n"), await reader.row("UNWIND [] AS n RETURN n")
        finally:
            await reader.close()

    assert asyncio.run(ask()) == ({"n": 1}, None)


def test_nobody_there_is_the_database_being_unavailable(neo4j: Connection) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(DatabaseUnavailable):
        rows(replace(neo4j, uri=f"bolt://127.0.0.1:{port}"), "RETURN 1")


def test_a_server_that_never_answers_is_given_up(neo4j: Connection) -> None:
    with silent_port() as port, pytest.raises(DatabaseUnavailable):
        rows(replace(neo4j, uri=f"bolt://127.0.0.1:{port}"), "RETURN 1", seconds=0.5)


def test_a_wrong_password_is_the_operators_to_mend(neo4j: Connection) -> None:
    with pytest.raises(DatabaseUnavailable, match="refuses"):
        rows(replace(neo4j, password="wrong"), "RETURN 1")  # noqa: S106


def test_a_query_that_takes_too_long_is_stopped(neo4j: Connection) -> None:
    long = "UNWIND range(1, 100000) AS a UNWIND range(1, 100000) AS b WITH a * b AS c WHERE c < 0 RETURN count(c) AS n"
    with pytest.raises(DatabaseUnavailable):
        rows(neo4j, long, seconds=0.5)


def test_a_mistake_of_ours_is_not_dressed_up(neo4j: Connection) -> None:
    with pytest.raises(CypherSyntaxError):
        rows(neo4j, "RETURN")


def test_arguments_that_the_database_cannot_hold_are_the_callers(neo4j: Connection) -> None:
    with pytest.raises(BadInput):
        rows(neo4j, "RETURN range(1, 10, $step) AS numbers", step=0)


def test_a_reader_writes_nothing(neo4j: Connection) -> None:
    with pytest.raises(Exception, match=r"(?i)write|read"):
        rows(neo4j, "CREATE (n:Nothing) RETURN n")
