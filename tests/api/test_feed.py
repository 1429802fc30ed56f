"""The feed: complete, in order, numbered for ever, and watched from wherever one stopped."""

# ruff: noqa: E501, F811 - operations stay on the line they read best on; fixtures are imported
from __future__ import annotations

import asyncio
import json
import re
from functools import partial
from typing import Any

import pytest

from linkage.access.admission import Admission
from linkage.access.keys import KeyRing
from linkage.api.context import Context
from linkage.api.feed import number_of, watch
from linkage.api.types.change import change_cursor
from linkage.errors import FellBehind
from linkage.ledger import results
from linkage.model import PublicationKind
from linkage.server.app import create_app
from linkage.service import Service
from linkage.service.resolving import settle
from linkage.settings import Settings
from tests.projected_ledger import LETTERS, api, service, settings  # noqa: F401 - fixtures
from tests.publications import desk_of, found, link, observe, rows_of
from tests.small_service import Api

FEED = """query ($after: String, $first: Int, $since: DateTime) { clusterChanges(after: $after, first: $first, since: $since) {
  nodes { cursor event clusterId successorId members at publicationId publicationKind sentence
          evidence { bits identifier { kind value } } cluster { live size } successor { live } }
  pageInfo { hasNextPage endCursor } } }"""


@pytest.fixture
def history(service: Service) -> Service:
    """Born, grown by a link, split by a decision, merged by a resolution."""
    ledger = service.ledger
    observe(ledger, *LETTERS)
    desk = desk_of(ledger, service.settings.data)
    settle(desk, found(ledger, 1, "abc", "de", "f", "g", "h"))
    link(ledger, "ln_1", "def")
    link(ledger, "dc_1", "ab", "c", kind=PublicationKind.DECISION)
    settle(desk, found(ledger, 2, "abdef", "c", "gh"))
    service.catch_up()
    return service


def read_all(api: Api, first: int, after: str | None = None) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    while True:
        page = api.data(FEED, first=first, after=after)["clusterChanges"]
        rows += page["nodes"]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            return rows


def test_the_feed_is_the_lineage_in_the_order_of_publications(history: Service, api: Api) -> None:
    rows = read_all(api, first=2)
    lineage = rows_of(history.ledger, results.lineage_now())
    key = ("publication_id", "event", "cluster_id", "successor_id", "members")
    told = [
        (row["publicationId"], row["event"].lower(), row["clusterId"], row["successorId"], row["members"])
        for row in rows
    ]
    assert sorted(told, key=str) == sorted((tuple(row[name] for name in key) for row in lineage), key=str)
    order = [row["publicationId"] for row in rows]
    assert list(dict.fromkeys(order)) == ["rs_1", "ln_1", "dc_1", "rs_2"]
    assert [row["publicationKind"] for row in rows if row["publicationId"] in ("ln_1", "dc_1")] == ["LINK", "DECISION"]
    assert [row["event"] for row in rows if row["publicationId"] == "rs_2"] == ["BORN", "GREW", "MERGED"]
    assert [row["at"] for row in rows] == sorted(row["at"] for row in rows)


def test_a_change_names_what_brought_members_in(history: Service, api: Api) -> None:
    rows = {(row["publicationId"], row["event"]): row for row in read_all(api, first=50)}
    grown = rows["ln_1", "GREW"]
    assert [(piece["identifier"]["kind"], piece["bits"]) for piece in grown["evidence"]] == [("phone", 5.0)]
    assert grown["sentence"].startswith(
        f"The cluster {grown['clusterId']} grew to 3 members: a new fact said so. The strongest"
    )
    assert rows["dc_1", "SHRANK"]["evidence"] == []
    merged = rows["rs_2", "MERGED"]
    assert (merged["cluster"]["live"], merged["successor"]["live"]) == (False, True)


def test_the_feed_has_the_same_numbers_after_a_rebuild_and_none_while_it_is_rebuilt(history: Service, api: Api) -> None:
    before = read_all(api, first=50)
    history.projector.wipe()
    empty = api.data(FEED, after=before[2]["cursor"])["clusterChanges"]
    assert (empty["nodes"], empty["pageInfo"]) == ([], {"hasNextPage": False, "endCursor": before[2]["cursor"]})
    history.catch_up()
    assert read_all(api, first=50, after=before[2]["cursor"]) == before[3:]


def test_the_feed_begins_at_a_moment(history: Service, api: Api) -> None:
    rows = read_all(api, first=50)
    since = next(row["at"] for row in rows if row["publicationId"] == "dc_1")
    found_since = api.data(FEED, since=since)["clusterChanges"]["nodes"]
    assert found_since == [row for row in rows if row["at"] >= since]
    assert api.data(FEED, since="2999-01-01T00:00:00Z")["clusterChanges"]["nodes"] == []
    assert api.error(FEED, since="2026-01-01T00:00:00")[0] == "BAD_USER_INPUT"
    assert api.error(FEED, after="nonsense")[0] == "BAD_USER_INPUT"


SUBSCRIBE = "subscription ($ids: [ID!], $after: String) { clusterChanged(ids: $ids, after: $after) { cursor event clusterId publicationId cluster { size } } }"


def test_a_watcher_over_websocket_hears_of_what_is_published_and_resumes_where_it_stopped(
    history: Service, api: Api
) -> None:
    rows = read_all(api, first=50)
    with api.client.websocket_connect("ws://127.0.0.1/graphql", subprotocols=["graphql-transport-ws"]) as socket:
        heard = hear(socket, 3, after=rows[0]["cursor"])
        assert [event["cursor"] for event in heard] == [row["cursor"] for row in rows[1:4]]
    with api.client.websocket_connect("ws://127.0.0.1/graphql", subprotocols=["graphql-transport-ws"]) as socket:
        heard = hear(socket, len(rows) - 4, after=heard[-1]["cursor"])
        assert [event["cursor"] for event in heard] == [row["cursor"] for row in rows[4:]]
        link(history.ledger, "ln_2", "cgh")
        history.catch_up()
        message = socket.receive_json()["payload"]["data"]["clusterChanged"]
        assert (message["publicationId"], message["event"], message["cluster"]["size"]) == ("ln_2", "GREW", 3)


def hear(socket: Any, count: int, **variables: Any) -> list[dict[str, Any]]:
    socket.send_json({"type": "connection_init"})
    assert socket.receive_json()["type"] == "connection_ack"
    socket.send_json({"id": "1", "type": "subscribe", "payload": {"query": SUBSCRIBE, "variables": variables}})
    return [socket.receive_json()["payload"]["data"]["clusterChanged"] for _ in range(count)]


def test_a_watcher_of_a_cluster_follows_it_into_its_successors(history: Service, api: Api) -> None:
    rows = read_all(api, first=50)
    merged = next(row for row in rows if row["event"] == "MERGED")
    link(history.ledger, "ln_2", "abcdef")
    history.catch_up()
    later = read_all(api, first=50, after=rows[-1]["cursor"])
    concerned = [row for row in rows if merged["clusterId"] in (row["clusterId"], row["successorId"])]
    assert [(row["event"], row["clusterId"]) for row in later] == [("GREW", merged["successorId"])]
    with api.client.websocket_connect("ws://127.0.0.1/graphql", subprotocols=["graphql-transport-ws"]) as socket:
        heard = hear(socket, len(concerned) + 1, ids=[merged["clusterId"]], after=change_cursor(0))
    assert [event["cursor"] for event in heard] == [row["cursor"] for row in [*concerned, *later]]
    # Resumed after the merge it still follows the successor.
    with api.client.websocket_connect("ws://127.0.0.1/graphql", subprotocols=["graphql-transport-ws"]) as socket:
        (again,) = hear(socket, 1, ids=[merged["clusterId"]], after=merged["cursor"])
    assert again == heard[-1]


def test_a_watcher_over_sse_hears_the_same_and_whoever_is_slow_is_told_where_to_go_on(
    history: Service,
    settings: Settings,
) -> None:
    async def scenario() -> tuple[str, str, FellBehind]:
        app = create_app(settings, demo=True)
        async with app.router.lifespan_context(app):
            parts = app.state.parts
            keys = KeyRing(settings.data, b"no keys are asked for")
            context = Context(
                parts.reader, parts.work, partial(Admission([]).admit, None), parts.audit, parts.log, keys
            )
            slow = watch(context, 0, None, patience=0.0)
            first = await anext(slow)
            await asyncio.sleep(0.01)
            with pytest.raises(FellBehind) as told:
                await anext(slow)
            said = await listened(app, {"query": SUBSCRIBE, "variables": {"after": change_cursor(0)}}, events=2)
            return str(first.row["number"]), said, told.value

    first, said, told = asyncio.run(scenario())
    cursors = re.findall(r'"cursor": ?"([^"]+)"', said)
    assert str(number_of(cursors[0])) == first
    assert number_of(cursors[0]) < number_of(cursors[1])
    assert cursors[0] in str(told.next_step)


async def listened(app: Any, body: dict[str, Any], events: int) -> str:
    """What a client hears over SSE before it hangs up after so many events."""
    said, enough = "", asyncio.Event()
    request = [{"type": "http.request", "body": json.dumps(body).encode(), "more_body": False}]

    async def receive() -> dict[str, Any]:
        if request:
            return request.pop()
        await enough.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        nonlocal said
        said += message.get("body", b"").decode()
        if said.count("clusterChanged") >= events:
            enough.set()

    headers = {"host": "127.0.0.1", "content-type": "application/json", "accept": "text/event-stream"}
    scope = {
        "type": "http", "method": "POST", "path": "/graphql", "raw_path": b"/graphql", "root_path": "",
        "query_string": b"", "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "scheme": "http", "server": ("127.0.0.1", 80), "client": ("127.0.0.1", 1), "http_version": "1.1",
        "asgi": {"version": "3.0"}, "state": {}, "app": app,
    }  # fmt: skip
    await asyncio.wait_for(app(scope, receive, send), 30)
    return said
