"""The runner of reads: an async driver, a deadline, and our errors instead of the driver's."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from neo4j import READ_ACCESS, AsyncDriver, Query
from neo4j.exceptions import ClientError, DriverError, Neo4jError, ServiceUnavailable, SessionExpired

from linkage.errors import BadInput, DatabaseUnavailable
from linkage.graph.connection import Connection, async_driver, trouble
from linkage.tracing import span

#: A query is given up after so long, on the server too (seconds): whoever asked hears of it within six seconds.
SECONDS = 4.5
TIMED_OUT = "Neo.ClientError.Transaction.TransactionTimedOut"
NO_INDEX = "Neo.ClientError.Procedure.ProcedureCallFailed"


class Reader:
    """Runs Cypher that reads. `queries` counts what was run since it was opened."""

    def __init__(self, driver: AsyncDriver, connection: Connection, *, seconds: float = SECONDS) -> None:
        self._driver = driver
        self._connection = connection
        self._seconds = seconds
        self.queries = 0

    @classmethod
    def open(cls, connection: Connection, *, seconds: float = SECONDS) -> Reader:
        """A reader of that database; nothing is sent before the first query."""
        return cls(async_driver(connection, connections=64), connection, seconds=seconds)

    async def close(self) -> None:
        """Close every connection."""
        await self._driver.close()

    async def rows(self, text: str, /, **parameters: Any) -> list[dict[str, Any]]:
        """Run one query and return its rows, times as `datetime`.

        Raises:
            DatabaseUnavailable: Neo4j does not answer, refuses us, or takes longer than the deadline.
        """
        self.queries += 1
        try:
            # Our own text, with parameters in place of every value.
            with span("cypher", {"db.system": "neo4j", "db.statement": text}):
                async with asyncio.timeout(self._seconds + 0.5):
                    try:
                        return await self._once(text, parameters)
                    except (SessionExpired, ServiceUnavailable):
                        # A restarted server leaves dead connections in the pool: the first try finds out.
                        return await self._once(text, parameters)
        except TimeoutError as error:
            raise DatabaseUnavailable(
                "Neo4j took too long to answer", next_step="Ask for less: smaller pages, fewer hops."
            ) from error
        except (DriverError, Neo4jError, OSError) as error:
            raise _named(error, self._connection) from error

    async def row(self, text: str, /, **parameters: Any) -> dict[str, Any] | None:
        """Run one query and return its first row, or None."""
        rows = await self.rows(text, **parameters)
        return rows[0] if rows else None

    async def _once(self, text: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        # Written by us, parameters apart; the driver's type wants a literal, which a table of orders is not.
        query = Query(text, timeout=self._seconds)
        async with self._driver.session(
            database=self._connection.database, default_access_mode=READ_ACCESS, fetch_size=5_000
        ) as session:
            result = await session.run(query, dict(parameters))
            return [{name: _native(record[name]) for name in result.keys()} async for record in result]  # noqa: SIM118


def _named(error: Exception, connection: Connection) -> Exception:
    if isinstance(error, ClientError):
        if error.code == "Neo.ClientError.Statement.ArgumentError":
            return BadInput("an argument is out of the database's range")
        if error.code == NO_INDEX:
            return DatabaseUnavailable("an index is not there yet", next_step="Run `linkage graph check`.")
    return trouble(error, connection) or error


def _native(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _native(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_native(inner) for inner in value]
    if hasattr(value, "to_native"):
        return value.to_native()
    return value
