"""What a caller may spend, on every transport; who waits for whom; what becomes of those who go away."""

# ruff: noqa: E501 - operations and queries stay on the line they read best on
from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from types import TracebackType

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient
from starlette.types import Message
from strawberry.types import ExecutionResult

from linkage.access.caller import Caller
from linkage.access.keys import KeyRing
from linkage.access.roles import Role
from linkage.access.turns import WAITING_EACH
from linkage.api.bounds import Bounds
from linkage.api.context import Context
from linkage.api.limits import Limits
from linkage.api.schema import build_schema
from linkage.audit.log import AuditLog
from linkage.audit.reading import records
from linkage.graph.connection import Graph
from linkage.server.app import create_app
from linkage.server.callers import KnownCallers
from linkage.server.failures import A_MINUTE
from linkage.service import Service
from linkage.settings import Settings, project_secret
from tests.server.test_graphql import ATTACKS
from tests.small_service import keys_of
from tests.transports import TRANSPORTS, code_of

NDJSON = {"Content-Type": "application/x-ndjson"}
#: About 3,000: more than a service may ask at once, and more than half of what anybody may where rates are tight.
DEAR = """{ clusters(first: 200) { nodes {
  id clusterId size live confidence band createdAt usage { tokens requests } weakestLink { text } evidence(first: 1) { bits }
} } }"""
CHEAP = "{ statistics { accounts } }"


@pytest.fixture(scope="module")
def tight(small: Graph, settings: Settings) -> Iterator[TestClient]:
    """The application, where a minute's budget is what one document may cost, and a hundred rows."""
    narrow = settings.model_copy(update={"host": "0.0.0.0", "rate": 0.0001})  # noqa: S104 - nothing listens
    with TestClient(create_app(narrow), base_url="http://linkage.example", raise_server_exceptions=False) as opened:
        yield opened


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("attack", ATTACKS)
def test_what_a_document_may_cost_holds_on_every_transport(
    guarded: TestClient, keys: dict[Role, str], transport: str, attack: str
) -> None:
    answer = TRANSPORTS[transport](guarded, keys[Role.ADMIN], {"query": ATTACKS[attack]})
    assert code_of(answer) == "GRAPHQL_VALIDATION_FAILED"
    assert answer.get("data") is None


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_document_may_cost_what_the_role_may_spend_on_one(
    guarded: TestClient, keys: dict[Role, str], transport: str
) -> None:
    ask = TRANSPORTS[transport]
    answer = ask(guarded, keys[Role.SERVICE], {"query": DEAR})
    assert code_of(answer) == "GRAPHQL_VALIDATION_FAILED"
    assert "2000" in answer["errors"][0]["message"]
    told = ask(guarded, keys[Role.VIEWER], {"query": DEAR})
    assert code_of(told) is None
    cost = told["extensions"]["cost"]
    assert 2_000 < cost["document"] <= cost["documentBudget"] == 5_000
    assert 0 < cost["left"] < cost["minuteBudget"] == 60_000
    assert cost["fullInSeconds"] > 0


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_what_is_spent_is_spent_on_every_transport_and_by_that_key_alone(
    tight: TestClient, settings: Settings, transport: str
) -> None:
    ask = TRANSPORTS[transport]
    key, other = keys_of(settings)[Role.VIEWER], keys_of(settings)[Role.VIEWER]
    assert code_of(ask(tight, key, {"query": DEAR})) is None
    refused = ask(tight, key, {"query": DEAR})
    assert code_of(refused) == "RATE_LIMITED"
    assert refused.get("data") is None
    assert 0 < refused["errors"][0]["extensions"]["retryAfter"] <= 60
    assert code_of(ask(tight, key, {"query": CHEAP})) is None
    assert code_of(ask(tight, other, {"query": DEAR})) is None


def test_over_http_it_is_429_with_the_time_to_come_back(tight: TestClient, settings: Settings) -> None:
    headers = {"Authorization": keys_of(settings)[Role.VIEWER]}
    statuses = [tight.post("/graphql", json={"query": DEAR}, headers=headers) for _ in range(2)]
    assert [response.status_code for response in statuses] == [200, 429]
    assert 0 < int(statuses[1].headers["retry-after"]) <= 60
    assert "data" not in statuses[1].json()


def test_rows_are_counted_whichever_way_they_come(tight: TestClient, settings: Settings) -> None:
    shown = {"Authorization": keys_of(settings)[Role.SERVICE]}
    rows = "\n".join(json.dumps({"account_id": f"r{number}"}) for number in range(60)).encode()
    taken = tight.post("/v1/accounts?wait=false", content=rows, headers={**shown, **NDJSON})
    assert (taken.status_code, taken.headers["ratelimit-policy"]) == (200, '"rows";q=100;w=60')
    assert taken.headers["ratelimit"].startswith('"rows";r=4')
    refused = tight.post("/v1/accounts?wait=false", content=rows, headers={**shown, **NDJSON})
    assert refused.status_code == 429
    assert refused.json()["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
    assert 0 < int(refused.headers["retry-after"]) <= 60
    inputs = ", ".join(f'{{accountId: "r{number}"}}' for number in range(60))
    body = {"query": f"mutation {{ recordAccounts(accounts: [{inputs}], wait: false) {{ accepted }} }}"}
    answer = tight.post("/graphql", json=body, headers={**shown, "Accept": "application/graphql-response+json"})
    assert answer.json()["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
    assert "retry-after" in answer.headers


def test_an_event_is_paid_for_and_waits_until_it_can_be() -> None:
    async def check() -> None:
        bounds, ann = Bounds(factor=0.0001), Caller("key:ann", "ann", Role.VIEWER)
        await bounds.pay(ann, 5_000)
        assert bounds.costs.left(ann.id, 5_000).left == 0
        waiting = asyncio.create_task(bounds.pay(ann, 4_000))
        await asyncio.sleep(0)
        assert not waiting.done()
        waiting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await waiting

    asyncio.run(check())


@pytest.mark.parametrize("transport", ["WebSocket", "SSE"])
def test_so_many_subscriptions_stand_and_their_place_is_free_again_once_they_end(
    guarded: TestClient, settings: Settings, transport: str
) -> None:
    bounds: Bounds = guarded.app.state.bounds  # type: ignore[attr-defined]
    held = bounds.streams.held
    ended = TRANSPORTS[transport](
        guarded, keys_of(settings)[Role.VIEWER], {"query": "subscription { resolutionProgress { state } }"}
    )
    assert code_of(ended) == "NOT_FOUND"
    assert bounds.streams.held == held


# -- who we do not know


def test_wrong_keys_of_one_address_are_counted_and_good_ones_are_never_slowed(small: Graph, settings: Settings) -> None:
    wide = settings.model_copy(update={"host": "0.0.0.0"})  # noqa: S104 - nothing listens
    good = {"Authorization": keys_of(settings)[Role.VIEWER]}
    wrong = {"Authorization": "Bearer lk_wrong.key"}
    app = create_app(wide)
    with TestClient(app, base_url="http://linkage.example") as opened:
        statuses = [
            opened.post("/graphql", json={"query": CHEAP}, headers=wrong).status_code for _ in range(A_MINUTE + 3)
        ]
        assert statuses == [401] * A_MINUTE + [429] * 3
        refused = opened.get("/metrics", headers=wrong)
        assert refused.json()["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
        assert 0 < int(refused.headers["retry-after"]) <= 60
        assert opened.post("/graphql", json={"query": CHEAP}, headers=good).status_code == 200
        assert f"linkage_failed_authentications_total {A_MINUTE + 4}" in opened.get("/metrics", headers=good).text
        assert opened.post("/graphql", json={"query": CHEAP}).status_code == 401


def test_a_refusal_of_whom_we_do_not_know_leaves_nothing_in_memory(guarded: TestClient) -> None:
    for _ in range(20):
        assert guarded.post("/graphql", json={"query": CHEAP}).status_code == 401
    gc.collect()
    kept = [one for one in gc.get_objects() if isinstance(one, TracebackType)]
    assert [one.tb_frame.f_code.co_name for one in kept if one.tb_frame.f_code is KnownCallers._admitted.__code__] == []


def test_whom_we_do_not_know_is_told_nothing_of_the_schema(guarded: TestClient, settings: Settings) -> None:
    async def nobody() -> None:
        return None

    async def ask(query: str) -> ExecutionResult:
        parts = guarded.app.state.parts  # type: ignore[attr-defined]
        ring = KeyRing(settings.data, project_secret(settings.data))
        context = Context(parts.reader, parts.work, nobody, parts.audit, parts.log, ring)
        return await build_schema().execute(query, context_value=context)

    assert guarded.portal is not None
    told = [guarded.portal.call(ask, query) for query in ("{ acount }", CHEAP, "{ __schema { types { name } } }", DEAR)]
    assert len({(error.message, error.extensions["code"]) for one in told for error in one.errors or ()}) == 1
    assert [(one.data, one.extensions) for one in told] == [(None, {})] * 4
    assert "clu" not in str(told)


# -- who waits for whom, and who goes away


class Asked:
    """A request to the application in the loop of a test, whose client may go away."""

    def __init__(self, app: Starlette, shown: str, query: str) -> None:
        self._app = app
        self._body = json.dumps({"query": query}).encode()
        self._headers = [(b"authorization", shown.encode()), (b"content-type", b"application/json")]
        self._sent = False
        self.gone = asyncio.Event()
        self.status: int | None = None

    async def answered(self) -> int | None:
        """The status; None: there was no answer."""
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/graphql",
            "root_path": "",
            "query_string": b"",
            "headers": self._headers,
            "client": ("192.0.2.1", 1),
            "app": self._app,
        }
        await self._app(scope, self._receive, self._send)
        return self.status

    async def _receive(self) -> Message:
        if not self._sent:
            self._sent = True
            return {"type": "http.request", "body": self._body, "more_body": False}
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        self.status = message.get("status", self.status)


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Starlette]:
    """The application in this loop."""
    app = create_app(settings.model_copy(update={"host": "0.0.0.0"}))  # noqa: S104 - nothing listens
    async with app.router.lifespan_context(app):
        yield app


def test_a_flood_of_dear_queries_keeps_nobody_else_waiting(small: Graph, settings: Settings) -> None:
    flood, other = keys_of(settings)[Role.ADMIN], keys_of(settings)[Role.VIEWER]
    ended: list[str] = []

    async def ask(app: Starlette, name: str, shown: str, query: str) -> None:
        assert await Asked(app, shown, query).answered() == 200
        ended.append(name)

    async def check() -> None:
        async with running(settings) as app:
            flooding = [asyncio.create_task(ask(app, "flood", flood, DEAR)) for _ in range(32)]
            lanes = app.state.bounds.lanes
            while lanes[-1].waiting < 31:
                await asyncio.sleep(0)
            asked = [
                asyncio.create_task(ask(app, name, other, query)) for name, query in (("cheap", CHEAP), ("dear", DEAR))
            ]
            await asyncio.gather(*flooding, *asked)
            assert [(lane.held, lane.waiting) for lane in (*lanes, app.state.bounds.reads)] == [(0, 0)] * 4

    asyncio.run(check())
    assert ended.index("cheap") < 16
    assert ended.index("dear") < 16
    assert len(ended) == 34


def test_beyond_what_may_wait_a_caller_is_told_to_come_back(small: Graph, settings: Settings) -> None:
    flood, other = keys_of(settings)[Role.ADMIN], keys_of(settings)[Role.VIEWER]

    async def check() -> None:
        async with running(settings) as app:
            lane = app.state.bounds.lanes[-1]
            flooding = [asyncio.create_task(Asked(app, flood, DEAR).answered()) for _ in range(WAITING_EACH + 1)]
            while lane.waiting < WAITING_EACH:
                await asyncio.sleep(0)
            assert await Asked(app, flood, DEAR).answered() == 429
            assert await Asked(app, other, DEAR).answered() == 200
            for task in flooding:
                task.cancel()
            await asyncio.gather(*flooding, return_exceptions=True)
            assert (lane.held, lane.waiting) == (0, 0)

    asyncio.run(check())


SLOW = "UNWIND range(1, 100000) AS a UNWIND range(1, 100000) AS b WITH a, b WHERE a * b = -1 RETURN count(*) AS n"
RUNNING = (
    "SHOW TRANSACTIONS YIELD currentQuery WHERE currentQuery STARTS WITH 'UNWIND range(1, 100000)' RETURN count(*) AS n"
)


async def until_running(graph: Graph, wanted: int) -> None:
    """Wait until so many of the slow queries run in Neo4j."""
    async with asyncio.timeout(30):
        while (await asyncio.to_thread(graph.read, RUNNING))[0]["n"] != wanted:
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("query", [CHEAP, f"{CHEAP[:-1]} {DEAR[1:]}"])
def test_a_client_that_goes_away_ends_its_query_in_neo4j(
    small: Graph, settings: Settings, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    monkeypatch.setattr("linkage.graph.reads.statistics.STATISTICS", SLOW)

    async def check() -> None:
        async with running(settings) as app:
            asked = Asked(app, keys_of(settings)[Role.VIEWER], query)
            answering = asyncio.create_task(asked.answered())
            await until_running(small, 1)
            asked.gone.set()
            assert await answering is None
            await until_running(small, 0)
            assert [lane.held for lane in (*app.state.bounds.lanes, app.state.bounds.reads)] == [0] * 4

    asyncio.run(check())


def test_an_operation_that_takes_too_long_ends_what_it_runs_in_neo4j(
    small: Graph, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("linkage.graph.reads.statistics.STATISTICS", SLOW)
    hasty = create_app(settings, limits=Limits(seconds=0.5), demo=True)
    shown = keys_of(settings)[Role.VIEWER]
    with TestClient(hasty, base_url="http://127.0.0.1") as opened:
        answer = TRANSPORTS["WebSocket"](opened, shown, {"query": CHEAP})
    assert code_of(answer) == "BAD_USER_INPUT"
    asyncio.run(until_running(small, 0))


def test_a_mutation_whose_socket_closes_is_accounted_for(
    guarded: TestClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, gone = threading.Event(), threading.Event()

    def retract(self: Service, decision_id: str, **signature: str) -> None:
        begun.set()
        gone.wait(30)

    monkeypatch.setattr(Service, "retract", retract)
    shown = keys_of(settings)[Role.ANALYST]
    mutation = 'mutation Back { retractDecision(id: "d1", author: "ann", reason: "wrong") { summary } }'
    url = "ws://linkage.example/graphql"
    with guarded.websocket_connect(url, subprotocols=["graphql-transport-ws"]) as socket:
        socket.send_json({"type": "connection_init", "payload": {"authorization": shown}})
        assert socket.receive_json()["type"] == "connection_ack"
        socket.send_json({"id": "1", "type": "subscribe", "payload": {"query": mutation}})
        assert begun.wait(30)
    gone.set()
    log, until = AuditLog(settings.data, project_secret(settings.data)), time.monotonic() + 30
    written: list[tuple[list[str], str]] = []
    while not written and time.monotonic() < until:
        written = [(one["asked"], one["outcome"]) for _, one in records(log) if one.get("operation") == "Back"]
    assert written == [(["retractDecision"], "CLIENT_GONE")]


def test_what_changes_something_is_carried_out_though_its_client_went_away(small: Graph, settings: Settings) -> None:
    mutation = 'mutation { recordAccounts(accounts: [{accountId: "gone"}], wait: false) { accepted } }'

    async def check() -> None:
        async with running(settings) as app:
            asked = Asked(app, keys_of(settings)[Role.SERVICE], mutation)
            asked.gone.set()
            assert await asked.answered() == 200

    asyncio.run(check())
