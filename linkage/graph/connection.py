"""Where Neo4j is and how we speak with it.

What the driver raises becomes `DatabaseUnavailable` with a next step, in one place: `trouble`. An error that names
a fault of ours (a Cypher mistake, a broken constraint) is not dressed up as trouble of the database.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

import neo4j
from neo4j.exceptions import (
    AuthError,
    ClientError,
    ConfigurationError,
    DatabaseError,
    DriverError,
    Neo4jError,
    TransientError,
)

from linkage.errors import BadSettings, DatabaseUnavailable, LinkageError
from linkage.tracing import span

SCHEMES = ("neo4j", "neo4j+s", "neo4j+ssc", "bolt", "bolt+s", "bolt+ssc")

#: Limits of one try and of trying again (seconds): together they keep within the six after which we must have answered.
CONNECT_TIMEOUT = 3.0
ACQUIRE_TIMEOUT = 3.0
RETRY_TIME = 2.5

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Connection:
    """Where Neo4j is: URI (schemes in `SCHEMES`), user, password, database. Raises `BadSettings` on another scheme."""

    uri: str
    user: str = "neo4j"
    password: str = field(default="", repr=False)
    database: str = "neo4j"

    def __post_init__(self) -> None:
        scheme, separator, rest = self.uri.partition("://")
        if not separator or scheme not in SCHEMES or not rest:
            raise BadSettings(
                f"{self.uri!r} is no address of a Neo4j",
                next_step=f"Write it as SCHEME://HOST:PORT with one of {', '.join(SCHEMES)}.",
            )


def _driver_settings(connection: Connection) -> dict[str, Any]:
    return {
        "auth": (connection.user, connection.password),
        "connection_timeout": CONNECT_TIMEOUT,
        "connection_acquisition_timeout": ACQUIRE_TIMEOUT,
        "max_transaction_retry_time": RETRY_TIME,
        # A connection idle for this long is tried before it is used, so that a restart of Neo4j goes unnoticed.
        "liveness_check_timeout": 10.0,
        "keep_alive": True,
        # Deadlocks between sessions are settled in moments, not after the default second.
        "initial_retry_delay": 0.05,
        "notifications_min_severity": "OFF",
        "user_agent": "linkage",
    }


def open_graph(connection: Connection) -> Graph:
    """Open the graph for reading and writing from threads; nothing is sent before the first use."""
    # The driver warns of what it tries again by itself; what counts reaches the caller as an error.
    logging.getLogger("neo4j").setLevel(logging.ERROR)
    return Graph(connection, neo4j.GraphDatabase.driver(connection.uri, **_driver_settings(connection)))


def async_driver(connection: Connection, *, connections: int = 50) -> neo4j.AsyncDriver:
    """Make a driver for the event loop; name its errors with `trouble`."""
    settings = _driver_settings(connection) | {"max_connection_pool_size": connections}
    return neo4j.AsyncGraphDatabase.driver(connection.uri, **settings)


class Graph:
    """The graph as threads use it: reads, writes, and transactions that are tried again after a deadlock."""

    def __init__(self, connection: Connection, driver: neo4j.Driver) -> None:
        self.connection = connection
        self.driver = driver

    def __enter__(self) -> Graph:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back."""
        self.driver.close()

    def ping(self) -> str:
        """Return the server's version; raise `DatabaseUnavailable` when it does not answer."""
        rows = self.read("CALL dbms.components() YIELD versions RETURN versions[0] AS version")
        return str(rows[0]["version"])

    def read(self, cypher: str, /, *, timeout: float | None = None, **parameters: Any) -> list[dict[str, Any]]:
        """Run one query in a read transaction and return its rows; `timeout` in seconds, held by the server."""
        return self.transaction(lambda tx: tx.run(cypher, parameters).data(), mode="read", timeout=timeout)

    def write(self, cypher: str, /, *, timeout: float | None = None, **parameters: Any) -> list[dict[str, Any]]:
        """Run one query in a write transaction and return its rows."""
        return self.transaction(lambda tx: tx.run(cypher, parameters).data(), mode="write", timeout=timeout)

    def transaction(
        self,
        work: Callable[[neo4j.ManagedTransaction], T],
        *,
        mode: Literal["read", "write"] = "write",
        timeout: float | None = None,
    ) -> T:
        """Run `work` in one transaction; it may be called again after a deadlock or a lost connection."""
        unit = neo4j.unit_of_work(timeout=timeout)(work)
        with (
            span(f"cypher {mode}", {"db.system": "neo4j"}),
            self.translated(),
            self.driver.session(database=self.connection.database) as session,
        ):
            run = session.execute_read if mode == "read" else session.execute_write
            return run(unit)

    def run(self, cypher: str, /, **parameters: Any) -> list[dict[str, Any]]:
        """Run one statement outside our transactions: schema commands, and what commits in batches by itself."""
        with self.translated(), self.driver.session(database=self.connection.database) as session:
            return session.run(cypher, parameters).data()

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Turn what the driver raises inside into our errors."""
        try:
            yield
        except (DriverError, Neo4jError, OSError) as error:
            named = trouble(error, self.connection)
            if named is None:
                raise
            raise named from error


_START = "Start it (`linkage neo4j start` for the managed one), or mend LINKAGE_NEO4J_URI; facts are kept meanwhile."
_AUTH = "Mend LINKAGE_NEO4J_USER and LINKAGE_NEO4J_PASSWORD."
_DATABASE = "Mend LINKAGE_NEO4J_DATABASE, or create the database."
_LOOK = "Look into Neo4j's log; a full disk or too little memory are the usual causes, and need a restart of Neo4j."

#: Beginnings of Neo4j's status codes → what it means for us, and what to do now. The first that fits counts.
_CODES = (
    ("Neo.ClientError.Database.DatabaseNotFound", "Neo4j at {uri} has no database {database!r}", _DATABASE),
    ("Neo.ClientError.Security", "Neo4j at {uri} refuses user {user!r}", _AUTH),
    ("Neo.ClientError.Cluster", "Neo4j at {uri} does not take writes", "Use a URI that starts with neo4j://."),
    ("Neo.ClientError.Transaction.TransactionTimedOut", "Neo4j at {uri} took too long", _LOOK),
    ("Neo.ClientError.General.WriteOnReadOnlyAccessDatabase", "Neo4j at {uri} is read-only", _LOOK),
    ("Neo.ClientError.General.ForbiddenOnReadOnlyDatabase", "Neo4j at {uri} is read-only", _LOOK),
    ("Neo.TransientError.Database.DatabaseUnavailable", "Neo4j at {uri} is not ready yet", _START),
    ("Neo.TransientError", "Neo4j at {uri} cannot do it just now", _LOOK),
    ("Neo.DatabaseError", "Neo4j at {uri} is in trouble", _LOOK),
)


def trouble(error: BaseException, connection: Connection) -> LinkageError | None:
    """Say what is wrong with the database in our words; None where the error is a mistake of ours."""
    where = {"uri": connection.uri, "user": connection.user, "database": connection.database}
    if isinstance(error, ConfigurationError):
        return BadSettings(f"the connection to {connection.uri} cannot be set up: {error}")
    if isinstance(error, Neo4jError):
        code = error.code or ""
        for beginning, message, next_step in _CODES:
            if code.startswith(beginning):
                return DatabaseUnavailable(f"{message.format(**where)} ({code})", next_step=next_step)
        known = (AuthError, TransientError, DatabaseError)
        return _silence(error, connection) if isinstance(error, known) or not isinstance(error, ClientError) else None
    if isinstance(error, DriverError | OSError):
        return _silence(error, connection)
    return None


def _silence(error: BaseException, connection: Connection) -> DatabaseUnavailable:
    return DatabaseUnavailable(f"Neo4j at {connection.uri} does not answer ({type(error).__name__})", next_step=_START)
