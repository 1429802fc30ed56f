"""The running service, as others meet it: what attackers send, and the clients of the world.

One process over the planted world for all of it.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import gql
import psutil
import pytest
from gql.transport.exceptions import TransportQueryError
from gql.transport.websockets import WebsocketsTransport
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from linkage.access.roles import Role
from linkage.api.types.change import change_cursor
from linkage.settings import Settings
from tests import attacks
from tests.attacks import HTTP, STREAMED, Attack, Target, send
from tests.collector import Collector, ancestry, collecting
from tests.planted_world import NAME, Secrets, resolved, secrets, settings, shown
from tests.served import ROOT, Service, served

__all__ = ["resolved", "secrets", "settings", "shown"]

#: What all attacks together may make the process grow by (bytes).
GROWTH = 300 * 2**20
CLIENTS = Path(__file__).parent / "clients"
SAVED = sorted((ROOT / "web" / "investigations").glob("[0-9]*.graphql"))
LAST = SAVED[-1].stem


@dataclass(frozen=True, slots=True)
class Asking:
    """An operation, and after how many answers nothing more is waited for."""

    query: str
    variables: dict[str, Any]
    most: int = 1


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


@pytest.fixture(scope="module")
def service(
    settings: Settings, shown: dict[Role, str], collector: Collector, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    log = tmp_path_factory.mktemp("served") / "serve.log"
    watched = {
        "LINKAGE_LOG_FORMAT": "json",
        "LINKAGE_RATE": "1000",
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.address,
        "OTEL_BSP_SCHEDULE_DELAY": "200",
    }
    with served(settings, log, **watched) as service:
        target = Target(service.origin, shown[Role.VIEWER])
        assert send(target, Attack(attacks.operation("{ statistics { accounts } }"))).status == 200
        yield service


@pytest.fixture(scope="module")
def target(service: Service, shown: dict[Role, str]) -> Target:
    return Target(service.origin, shown[Role.VIEWER])


@dataclass
class Watch:
    """Looks at a process all the time: how large it is at most, and how often it did not say that it is healthy."""

    service: Service
    largest: int = 0
    asked: int = 0
    silent: int = 0
    done: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        process = psutil.Process(self.service.process)
        healthy = Attack(method="GET", path="/healthz")
        while not self.done.wait(0.1):
            self.largest = max(self.largest, process.memory_info().rss)
            self.asked += 1
            try:
                self.silent += send(Target(self.service.origin, ""), healthy).status != 200
            except OSError:
                self.silent += 1


@pytest.fixture(scope="module", autouse=True)
def watch(service: Service) -> Iterator[Watch]:
    """All that is sent is watched; in the end the process has stayed small and answered throughout."""
    before = psutil.Process(service.process).memory_info().rss
    watch = Watch(service)
    watching = threading.Thread(target=watch.run)
    watching.start()
    yield watch
    watch.done.set()
    watching.join()
    assert watch.asked > 0
    assert watch.silent == 0
    assert watch.largest - before <= GROWTH


@pytest.mark.parametrize("name", HTTP)
def test_what_attackers_send_is_a_client_error_with_a_code(target: Target, name: str) -> None:
    attack = HTTP[name]
    answer = send(target, attack)
    assert answer.status in attack.statuses, answer.text[:500]
    if answer.status != 200 and attack.code is not None and attack.method != "OPTIONS":
        assert answer.codes == {attack.code}
    assert not {header for header in answer.headers if header.lower().startswith("access-control-")}


@pytest.mark.parametrize("name", STREAMED)
def test_a_document_that_costs_too_much_is_refused_on_every_transport(target: Target, name: str) -> None:
    told = attacks.events(target, STREAMED[name]).text
    assert "GRAPHQL_VALIDATION_FAILED" in told
    assert '"data":{' not in told.replace(" ", "")
    (refused,) = attacks.over_socket(target, STREAMED[name])
    assert refused["type"] == "error"
    assert "GRAPHQL_VALIDATION_FAILED" in str(refused["payload"])


def test_sockets_that_are_misused_are_closed(target: Target) -> None:
    closed: dict[str, int | None] = {}
    waiting = threading.Thread(target=lambda: closed.update(silent=attacks.silence(target)))
    waiting.start()
    assert attacks.large_frame(target) == 1009  # message too big
    refused, _ = attacks.crowd(target)
    assert refused == 2_000 - 20
    attacks.deaf(target)
    waiting.join()
    assert closed == {"silent": 4408}  # connection initialisation timeout


@pytest.mark.parametrize("text", attacks.FRAGMENTS)
def test_cypher_in_any_text_is_only_text(target: Target, text: str) -> None:
    query = """query ($s: String!, $i: ID!) {
      account(accountId: $s) { id } organisation(organisationId: $s) { id } identifier(kind: "device", value: $s) { id }
      node(id: $i) { id } cluster(id: $i) { id } search(text: $s) { nodes { id } } decision(id: $i) { id }
      clusters(after: $s) { nodes { id } } neighbourhood(ids: [$i]) { truncated } path(from: $i, to: $i) { length }
      why(left: $i, right: $i) { linked } accounts(filter: {country: [$s]}) { nodes { id } } }"""
    before = send(target, Attack(attacks.operation("{ statistics { accounts clusters identifiers } }"))).text
    answer = send(target, Attack(attacks.operation(query, s=text, i=text)))
    assert answer.status == 200, answer.text[:500]
    assert answer.codes <= {"BAD_USER_INPUT", "NOT_FOUND"}
    assert send(target, Attack(attacks.operation("{ statistics { accounts clusters identifiers } }"))).text == before


# -- clients


@pytest.fixture(scope="session")
def packages() -> Path:
    """The folder of the JavaScript clients, with their packages in it."""
    subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"], cwd=CLIENTS, check=True)
    return CLIENTS


@pytest.fixture(scope="module")
def analyst(service: Service, shown: dict[Role, str]) -> Target:
    return Target(service.origin, shown[Role.ADMIN])


@pytest.fixture(scope="module")
def investigations(analyst: Target) -> dict[str, Asking]:
    """The saved investigations, filled with what the service holds, and both subscriptions."""
    question = "{ clusters(first: 2) { nodes { id members(first: 3) { nodes { id subjectId } } } } }"
    (one, other) = _data(analyst, question)["clusters"]["nodes"]
    left, right, *_ = members = one["members"]["nodes"]
    clues = {
        "cluster": one["id"],
        "left": left["id"],
        "right": right["id"],
        "far": members[-1]["id"],
        "stranger": other["members"]["nodes"][0]["id"],
        "account": left["subjectId"],
        "now": "2026-03-01T00:00:00Z",
    }
    asking = {}
    for path in SAVED:
        text = path.with_suffix(".json").read_text() if path.with_suffix(".json").exists() else "{}"
        filled = re.sub(r"\{(\w+)\}", lambda found: clues[found[1]], text)
        asking[path.stem] = Asking(path.read_text(), json.loads(filled))
    asking["changes"] = Asking(
        "subscription ($after: String) { clusterChanged(after: $after) { cursor sentence } }",
        {"after": change_cursor(0)},
        most=3,
    )
    asking["progress"] = Asking("subscription { resolutionProgress { id state } }", {}, most=1)
    return asking


def _data(target: Target, query: str) -> Any:
    return json.loads(send(target, Attack(attacks.operation(query))).text)["data"]


def _told(script: str, target: Target, packages: Path, said: str = "") -> Any:
    command = ["node", script, f"{target.origin}/graphql", target.key]
    done = subprocess.run(command, cwd=packages, input=said, capture_output=True, text=True, check=False, timeout=200)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_all_audits_of_graphql_over_http_pass(analyst: Target, packages: Path) -> None:
    told = _told("audit.mjs", analyst, packages)
    assert len(told) > 50
    assert [audit for audit in told if audit["status"] != "ok"] == []


def test_a_relay_compiler_accepts_the_schema(packages: Path, tmp_path: Path) -> None:
    shutil.copytree(packages / "src", tmp_path / "src")
    shutil.copy(packages / "relay.json", tmp_path)
    shutil.copy(ROOT / "schema" / "schema.graphql", tmp_path)
    compiler = packages / "node_modules" / "relay-compiler" / "cli.js"
    done = subprocess.run(["node", compiler, "relay.json"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(list((tmp_path / "src" / "__generated__").iterdir())) == 5


def test_graphql_ws_and_graphql_sse_run_the_saved_investigations(
    analyst: Target, packages: Path, investigations: dict[str, Asking]
) -> None:
    told = _told("ask.mjs", analyst, packages, json.dumps([asdict(one) for one in investigations.values()]))
    for answers in (told["socket"], told["events"]):
        for (name, asking), events in zip(investigations.items(), answers, strict=True):
            assert len(events) == asking.most, name
            _good(name, events)


def test_the_gql_client_runs_the_saved_investigations(analyst: Target, investigations: dict[str, Asking]) -> None:
    address = analyst.origin.replace("http", "ws", 1) + "/graphql"

    async def run() -> dict[str, list[Any]]:
        told: dict[str, list[Any]] = {}
        transport = WebsocketsTransport(url=address, init_payload={"authorization": analyst.key})
        async with gql.Client(transport=transport, fetch_schema_from_transport=True) as session:
            for name, asking in investigations.items():
                document = gql.gql(asking.query)
                document.variable_values = asking.variables
                told[name] = []
                try:
                    async for data in session.subscribe(document):
                        told[name].append({"data": data})
                        if len(told[name]) == asking.most:
                            break
                except TransportQueryError as error:
                    told[name].append({"errors": error.errors})
        return told

    for name, events in asyncio.run(run()).items():
        assert len(events) == investigations[name].most, name
        _good(name, events)


def _good(name: str, events: Sequence[Any]) -> None:
    for event in events:
        if name == LAST and "errors" in event:  # a resolution runs already, which another client started
            assert event["errors"][0]["extensions"]["code"] == "CONFLICT"
            continue
        assert "errors" not in event, (name, event)
        assert all(value is not None for value in event["data"].values()), (name, event)


def test_traces_lead_from_the_operation_through_fields_to_cypher_and_hold_no_value(
    analyst: Target, collector: Collector, secrets: Secrets
) -> None:
    expected = ["cypher", "Query.account", "graphql operation"]
    planted = f'{{ account(accountId: "{NAME}") {{ id }} }}'
    assert send(analyst, Attack(attacks.operation(planted))).status == 200

    def is_there(spans: list[Span]) -> bool:
        return any(ancestry(spans, one) == expected for one in spans if one.name == "cypher")

    assert collector.wait_for(is_there)
    with collector.came:
        told = "\n".join(map(str, collector.spans))
    assert secrets.leaks(told) == []
    assert [text for text in attacks.FRAGMENTS if len(text) > 3 and text in told] == []


def test_what_it_logged_holds_nothing_that_was_planted_or_sent(service: Service, secrets: Secrets) -> None:
    logged = service.log.read_text()
    assert secrets.leaks(logged) == []
    assert [text for text in attacks.FRAGMENTS if len(text) > 3 and text in logged] == []
    assert "Traceback" not in logged
    lines = [json.loads(line) for line in logged.splitlines() if line.startswith("{")]
    requests = [line for line in lines if line["logger"] == "linkage.access"]
    assert {line["endpoint"] for line in requests} >= {"POST /graphql", "WEBSOCKET /graphql", "GET /healthz", "other"}
    assert all(len(line["request"]) == 16 for line in requests)
