"""Neo4j that is not there, refuses us or goes away is named in our words, quickly; a returning one is used again."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest
from neo4j.exceptions import ClientError, Neo4jError, TransientError

from linkage.errors import BadSettings, DatabaseUnavailable
from linkage.graph.connection import Connection, Graph, async_driver, open_graph, trouble


@pytest.fixture
def deaf() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.mark.parametrize("uri", ["localhost:7687", "http://localhost:7474", "bolt://", ""])
def test_an_address_of_another_kind_is_refused(uri: str) -> None:
    with pytest.raises(BadSettings, match="no address of a Neo4j"):
        Connection(uri)


@pytest.mark.parametrize("scheme", ["bolt", "bolt+s", "bolt+ssc", "neo4j", "neo4j+s", "neo4j+ssc"])
def test_every_scheme_of_the_driver_opens(scheme: str) -> None:
    with open_graph(Connection(f"{scheme}://127.0.0.1:1")) as graph, pytest.raises(DatabaseUnavailable):
        graph.ping()


def test_the_password_is_not_shown() -> None:
    secret = "hunter2"  # noqa: S105 - made up here
    assert secret not in repr(Connection("bolt://127.0.0.1:1", password=secret))


def test_a_deaf_server_is_given_up(deaf: int) -> None:
    with open_graph(Connection(f"bolt://127.0.0.1:{deaf}")) as graph, pytest.raises(DatabaseUnavailable) as caught:
        graph.ping()
    assert caught.value.next_step


def test_a_wrong_password_is_said_to_be_refused(neo4j: Connection) -> None:
    with (
        open_graph(replace(neo4j, password=neo4j.password[::-1])) as graph,
        pytest.raises(DatabaseUnavailable) as caught,
    ):
        graph.ping()
    assert "refuses user 'neo4j'" in caught.value.message
    assert "LINKAGE_NEO4J_PASSWORD" in str(caught.value.next_step)


def test_a_database_that_is_not_there_is_named(neo4j: Connection) -> None:
    with open_graph(replace(neo4j, database="elsewhere")) as graph, pytest.raises(DatabaseUnavailable) as caught:
        graph.ping()
    assert "no database 'elsewhere'" in caught.value.message


def test_encryption_that_the_server_does_not_speak_is_named(neo4j: Connection) -> None:
    secure = replace(neo4j, uri=neo4j.uri.replace("bolt://", "bolt+ssc://"))
    with open_graph(secure) as graph, pytest.raises(DatabaseUnavailable):
        graph.ping()


def test_a_query_that_takes_too_long_is_ended_by_the_server(graph: Graph) -> None:
    slow = "UNWIND range(1, 100000) AS a UNWIND range(1, 100000) AS b RETURN sum(a * b) AS total"
    with pytest.raises(DatabaseUnavailable, match="took too long"):
        graph.read(slow, timeout=0.5)


def test_a_mistake_of_ours_is_no_trouble_of_the_database(graph: Graph) -> None:
    with pytest.raises(ClientError):
        graph.read("RETRUN 1")


def test_the_async_driver_reads_the_same_database(neo4j: Connection) -> None:
    async def one() -> int:
        async with async_driver(neo4j) as driver, driver.session(database=neo4j.database) as session:
            record = await (await session.run("RETURN 1 AS one")).single(strict=True)
            return int(record["one"])

    assert asyncio.run(one()) == 1


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("Neo.TransientError.General.MemoryPoolOutOfMemoryError", "cannot do it just now"),
        ("Neo.DatabaseError.General.UnknownError", "is in trouble"),
        ("Neo.ClientError.Cluster.NotALeader", "does not take writes"),
        ("Neo.ClientError.General.WriteOnReadOnlyAccessDatabase", "is read-only"),
        ("Neo.TransientError.Database.DatabaseUnavailable", "is not ready yet"),
    ],
)
def test_codes_of_the_server_are_told_in_our_words(code: str, said: str) -> None:
    error = Neo4jError._hydrate_neo4j(code=code, message="…")
    named = trouble(error, Connection("bolt://127.0.0.1:1"))
    assert isinstance(named, DatabaseUnavailable)
    assert said in named.message
    assert code in named.message


def test_what_is_not_of_the_database_is_left_alone() -> None:
    assert trouble(ValueError(), Connection("bolt://127.0.0.1:1")) is None
    assert isinstance(trouble(TransientError(), Connection("bolt://127.0.0.1:1")), DatabaseUnavailable)
