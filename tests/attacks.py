"""What attackers send, as a table: each with the statuses and codes that are a good answer.

Sent to a service that runs, over sockets, since proxies, servers and frameworks each may fall before our own code sees
anything. As a command it tells how long each took: `python -m tests.attacks http://127.0.0.1:8410 "Bearer lk_…"`.
"""

# ruff: noqa: E501 - documents stay on the line they read best on
from __future__ import annotations

import gzip
import http.client
import json
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

JSON = {"Content-Type": "application/json", "Accept": "application/graphql-response+json"}
SUBPROTOCOL = Subprotocol("graphql-transport-ws")
#: How long an answer may be waited for before it counts as none (seconds).
PATIENCE = 30.0
REFUSED = frozenset({400})
INVALID = "GRAPHQL_VALIDATION_FAILED"
UNREADABLE = "GRAPHQL_PARSE_FAILED"
INPUT = "BAD_USER_INPUT"
Body = bytes | Iterable[bytes]


@dataclass(frozen=True, slots=True)
class Target:
    """The service, and what is shown to it."""

    origin: str
    key: str

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        parts = urlsplit(self.origin)
        return str(parts.hostname), int(parts.port or 80)


@dataclass(frozen=True, slots=True)
class Attack:
    """One request; `statuses` and `code` are what it may be answered with."""

    body: Callable[[], Body] = bytes
    method: str = "POST"
    path: str = "/graphql"
    headers: dict[str, str] = field(default_factory=dict)
    statuses: frozenset[int] = REFUSED
    code: str | None = INPUT


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, body, and whether the connection was cut before all was sent."""

    status: int
    text: str
    headers: dict[str, str]

    @property
    def codes(self) -> set[str]:
        """The codes of its errors."""
        errors = json.loads(self.text).get("errors", ()) if self.text.startswith("{") else ()
        return {str((error.get("extensions") or {}).get("code")) for error in errors}


def send(target: Target, attack: Attack) -> Answer:
    """Send it; a service that answers before it has read everything is heard."""
    connection = http.client.HTTPConnection(*target.address, timeout=PATIENCE)
    headers = {"Authorization": target.key, **JSON, **attack.headers}
    body = attack.body() if attack.method == "POST" else b""
    try:
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.request(attack.method, attack.path, body, headers, encode_chunked=not isinstance(body, bytes))
        # The answer may stand in the socket although the request was cut.
        response = connection.getresponse()
        return Answer(response.status, response.read().decode(), dict(response.getheaders()))
    finally:
        connection.close()


def _raw(content: bytes) -> Callable[[], Body]:
    return lambda: content


def operation(query: str, **variables: object) -> Callable[[], Body]:
    """A well-formed body."""
    return lambda: json.dumps({"query": query, "variables": variables}).encode()


def _endless(size: int) -> Iterator[bytes]:
    yield b'{"query": "{ __typename }", "variables": {"a": "'
    for _ in range(size // 65_536):
        yield b"x" * 65_536
    yield b'"}}'


def bomb(doublings: int) -> str:
    """Fragments that spread the next one twice: two to the power of that many fields."""
    steps = " ".join(f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(doublings))
    return f"{{ ...F0 }} {steps} fragment F{doublings} on Query {{ statistics {{ accounts }} }}"


FAN_OUT = "{ clusters(first: 40) { nodes { members(first: 40) { nodes { identifiers(first: 40) { nodes { heldBy(first: 40) { nodes { id } } } } } } } } }"
CIRCLE = "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }"
ITSELF = "{ ...A } fragment A on Query { ...A }"
INTROSPECTION = (
    "{ __schema { types { fields { type { fields { type { fields { type { fields { type { name } } } } } } } } } } }"
)
MERGES = (
    "{ "
    + " ".join(f"statistics {{ accounts clusters @include(if: {'true' if n % 2 else 'false'}) }}" for n in range(300))
    + " }"
)

_BODIES = {
    "null": b"null",
    "a number": b"5",
    "a string": b'"x"',
    "nothing": b"",
    "no JSON": b"{",
    "a batch": b'[{"query": "{ __typename }"}]',
    "bad UTF-8": b'{"query": "\xff\xfe{ __typename }"}',
    "UTF-16": '{"query": "{ __typename }"}'.encode("utf-16"),
    "not a number": b'{"query": "{ __typename }", "variables": {"a": NaN}}',
    "an integer of 5,000 digits": b'{"query": "{ __typename }", "variables": {"a": ' + b"9" * 5_000 + b"}}",
    "arrays 100,000 deep": b"[" * 100_000,
    "objects 100,000 deep": b'{"a":' * 100_000,
    "half a character": b'{"query": "{ __typename }", "variables": {"a": "\\ud800"}}',
}
_DOCUMENTS = {
    **{f"a bomb of 2^{doublings}": bomb(doublings) for doublings in (20, 30, 45, 60)},
    "a circle of fragments": CIRCLE,
    "a fragment within itself": ITSELF,
    "400 aliases": "{ " + " ".join(f"a{n}: __typename" for n in range(400)) + " }",
    "100 directives": "{ __typename " + "@skip(if: false) " * 100 + "}",
    "a fan-out of 40^4": FAN_OUT,
    "circles through introspection": INTROSPECTION,
    "first: -1": "{ clusters(first: -1) { nodes { id } } }",
    "first: 1e9": "{ clusters(first: 1000000000) { nodes { id } } }",
    "first of 5,000 digits": "{ clusters(first: " + "9" * 5_000 + ") { nodes { id } } }",
}

#: Cypher, and what else would be dangerous if it were ever more than text.
FRAGMENTS = (
    "a1'}) DETACH DELETE n //",
    "`) MATCH (n) DETACH DELETE n //",
    "\\u0060) MATCH (n) DETACH DELETE n //",
    "\u0060",
    "') RETURN 1 UNION MATCH (n) RETURN n //",
    "${jndi:ldap://x}",
    "\0",
    "\u202e",
    '+a* ~b^9 "c',
)

HTTP: dict[str, Attack] = {
    **{f"body: {name}": Attack(_raw(content)) for name, content in _BODIES.items()},
    **{f"document: {name}": Attack(operation(text), code=INVALID) for name, text in _DOCUMENTS.items()},
    "document: a bomb of 2^10": Attack(operation(bomb(10)), statuses=frozenset({200})),
    "document: 300 fields to merge": Attack(operation(MERGES), code=UNREADABLE),
    "document: 900 levels": Attack(operation("{ " + "a{" * 900), code=UNREADABLE),
    "a query of 5 MB": Attack(_raw(b'{"query": "' + b"a " * 2_500_000 + b'"}'), statuses=frozenset({413})),
    "variables of 30 MB": Attack(
        lambda: b'{"query": "{ __typename }", "variables": {"a": "' + b"x" * 30_000_000 + b'"}}',
        statuses=frozenset({413}),
    ),
    "30 MB in chunks": Attack(
        lambda: _endless(30_000_000), headers={"Transfer-Encoding": "chunked"}, statuses=frozenset({413})
    ),
    "a gzip bomb": Attack(
        lambda: gzip.compress(b" " * 100_000_000, 9), headers={"Content-Encoding": "gzip"}, statuses=frozenset({415})
    ),
    **{
        f"sent as {media_type}": Attack(
            operation("{ __typename }"), headers={"Content-Type": media_type}, statuses=frozenset({415})
        )
        for media_type in (
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "application/graphql",
            "application/json; charset=utf-16",
        )
    },
    "for another host": Attack(
        operation("{ __typename }"), headers={"Host": "evil.example"}, statuses=frozenset({421})
    ),
    "a mutation by GET": Attack(
        method="GET", path="/graphql?query=" + quote("mutation { startResolution { id } }"), statuses=frozenset({405})
    ),
    "from another origin, asking first": Attack(
        method="OPTIONS",
        headers={
            "Origin": "https://evil.example",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type",
        },
        statuses=frozenset({401, 403, 405}),
    ),
    "a hostile cursor": Attack(
        operation("query ($a: String) { clusters(after: $a) { nodes { id } } }", a="WyJTSVpFX0RFU0MiLHt9LFtdXQ"),
        statuses=frozenset({200, 400}),
    ),
    "a cursor of 100 KB": Attack(
        operation("query ($a: String) { accounts(before: $a) { nodes { id } } }", a="x" * 100_000),
        statuses=frozenset({200, 400}),
    ),
    "an id of 100 KB": Attack(
        operation("query ($i: ID!) { cluster(id: $i) { id } }", i="x" * 100_000), statuses=frozenset({200})
    ),
    "a page that does not fit 64 bits": Attack(
        operation("query ($n: Int) { clusters(first: $n) { nodes { id } } }", n=10**30), code=None
    ),
    "a key of 100 KB": Attack(
        operation("{ __typename }"),
        headers={"Authorization": "Bearer " + "x" * 60_000},
        statuses=frozenset({400, 401, 431}),
        code=None,
    ),
}

#: The same documents, for the transports that are not plain HTTP.
STREAMED = {name: text for name, text in _DOCUMENTS.items() if name not in ("first of 5,000 digits",)}


def events(target: Target, query: str) -> Answer:
    """Ask for an answer as an event stream."""
    return send(target, Attack(operation(query), headers={"Accept": "text/event-stream"}))


@contextmanager
def socket(target: Target) -> Iterator[ClientConnection]:
    """A WebSocket that has said nothing yet."""
    address = target.origin.replace("http", "ws", 1) + "/graphql"
    with connect(address, subprotocols=[SUBPROTOCOL], open_timeout=PATIENCE, close_timeout=1, max_size=2**24) as opened:
        yield opened


@contextmanager
def greeted(target: Target) -> Iterator[ClientConnection]:
    """A WebSocket whose key was taken."""
    with socket(target) as opened:
        opened.send(json.dumps({"type": "connection_init", "payload": {"authorization": target.key}}))
        assert json.loads(opened.recv(PATIENCE))["type"] == "connection_ack"
        yield opened


def subscribe(opened: ClientConnection, name: str, query: str) -> None:
    """Ask something over a WebSocket."""
    opened.send(json.dumps({"id": name, "type": "subscribe", "payload": {"query": query}}))


def over_socket(target: Target, query: str) -> list[dict[str, object]]:
    """The messages up to the end of one operation."""
    told = []
    with greeted(target) as opened:
        subscribe(opened, "1", query)
        while not told or told[-1]["type"] == "next":
            told.append(json.loads(opened.recv(PATIENCE)))
    return told


def closed_with(opened: ClientConnection) -> int | None:
    """The code that a WebSocket is closed with; None: it stays open."""
    try:
        while True:
            opened.recv(PATIENCE)
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd is not None else 1006
    except TimeoutError:
        return None


def large_frame(target: Target) -> int | None:
    """What becomes of a frame of two megabytes."""
    with greeted(target) as opened:
        with suppress(ConnectionClosed):
            opened.send("x" * 2**21)
        return closed_with(opened)


def silence(target: Target) -> int | None:
    """What becomes of a connection that never says who it is."""
    with socket(target) as opened:
        return closed_with(opened)


def crowd(target: Target, count: int = 2_000) -> tuple[int, int]:
    """Thousands of subscriptions on one connection: how many are refused, and how many answers came in all."""
    with greeted(target) as opened:
        for number in range(count):
            subscribe(opened, str(number), "subscription { clusterChanged { at } }")
        opened.send(json.dumps({"type": "ping"}))
        told = []
        while not told or told[-1]["type"] != "pong":
            told.append(json.loads(opened.recv(PATIENCE)))
    return sum(one["type"] == "error" for one in told), len(told)


def deaf(target: Target, sockets: int = 10, questions: int = 40) -> None:
    """Connections that ask for much and read nothing."""
    everything = "{ __schema { types { name description fields { name description } } } }"
    with ExitStack() as held:
        for _ in range(sockets):
            opened = held.enter_context(greeted(target))

            def ask(opened: ClientConnection = opened) -> None:
                with suppress(ConnectionClosed, OSError):
                    for number in range(questions):
                        subscribe(opened, str(number), everything)

            threading.Thread(target=ask, daemon=True).start()
        assert send(target, Attack(operation("{ statistics { accounts } }"))).status == 200


def main(origin: str, key: str) -> None:
    """Tell how long each attack takes, the slowest first."""
    target = Target(origin, key)
    send(target, Attack(operation("{ statistics { accounts } }")))
    taken = []
    for name, attack in HTTP.items():
        start = time.perf_counter()
        answer = send(target, attack)
        taken.append((1_000 * (time.perf_counter() - start), answer.status, name))
    for milliseconds, status, name in sorted(taken, reverse=True):
        print(f"{milliseconds:8.1f} ms  {status}  {name}")


if __name__ == "__main__":
    main(*sys.argv[1:3])
