"""What protects the service, under load and in cost.

Flood: sixty-four clients of one key ask for the dearest documents that it may send, again and again and without regard
to what they are answered, while another key looks accounts up; beside the same look-ups with nobody else there. Rates
are lifted out of the way: what is measured is how what was let in is shared.

Overhead: the saved investigations on one cluster, as they are served and with what protects them taken out (who calls,
the table of access, prices, masking, budgets, turns, deadline, audit), in turn in one process.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import multiprocessing
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing.synchronize import Event
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any
from unittest.mock import patch

import numpy as np
import psutil
import strawberry
from rich.console import Console
from rich.table import Table
from strawberry.extensions import ParserCache, ValidationCache
from strawberry.schema.config import StrawberryConfig

from benchmarks.serving import serving
from linkage.access.admission import Admission, KeyAuthenticator
from linkage.access.caller import Caller
from linkage.access.keys import KeyRing
from linkage.access.roles import Role
from linkage.api.bounds import Bounds
from linkage.api.context import Context
from linkage.api.limits import Limits
from linkage.api.mutations import Mutation
from linkage.api.queries import Query
from linkage.api.schema import CACHED, LinkageSchema, build_schema
from linkage.api.subscriptions import Subscription
from linkage.api.types.cluster import Cluster
from linkage.api.types.decision import Decision
from linkage.api.types.identifier import Identifier
from linkage.api.types.resolution import Resolution
from linkage.api.types.scalars import LONG, Long
from linkage.api.types.subject import Account, Organisation
from linkage.api.work import Work
from linkage.audit.log import AuditLog
from linkage.audit.writing import Writer
from linkage.graph.reads import Reader
from linkage.scenario import generate
from linkage.service import Service
from linkage.settings import Settings, project_secret

CLIENTS = 64
#: Look-ups a second, and how many are measured each time.
RATE = 20.0
LOOK_UPS = 400
#: Rounds of all investigations that are not counted, and that are.
WARM_ROUNDS, ROUNDS = 5, 60
INVESTIGATIONS = Path(__file__).parents[1] / "web" / "investigations"
READING = ("01", "02", "03", "04", "05", "06", "07", "08")
DEAR = """query { clusters(first: 100, orderBy: SIZE_DESC) { nodes {
  id clusterId size confidence band usage { tokens requests } weakestLink { text }
  members(first: 15) { nodes { id } } evidence(first: 5) { bits reason identifier { kind value } }
} } }"""
LOOK_UP = "query ($id: String!) { account(accountId: $id) { accountId cluster { id size confidence band } } }"


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds of look-ups by what went on, answers to the flood by status, bytes of memory before and at most; seconds
    of all investigations in each round, as served and bare."""

    quiet: Sequence[float]
    flooded: Sequence[float]
    answers: Counter[int]
    refused_look_ups: int
    memory: tuple[int, int]
    alive: bool
    served: Sequence[float]
    bare: Sequence[float]


def run(habit: str, accounts: int, seed: int, *, tell: Callable[[str], None]) -> Measured:
    """Generate, load, resolve, and measure both."""
    with TemporaryDirectory(prefix="linkage-protection-") as folder:
        tell("making the world")
        world = generate(habit, accounts, seed, Path(folder) / "world").out
        settings = Settings.load({"LINKAGE_DATA": f"{folder}/data"})
        with Service.open(settings) as service:
            tell("loading")
            service.load([world])
            tell("resolving")
            service.resolve()
            tell("filling the graph")
            service.follow()
            tell("with protection and without")
            served, bare = asyncio.run(_overhead(service, settings))
            # The managed Neo4j is kept for the service that is started next.
            ring = KeyRing(settings.data, project_secret(settings.data))
            keys = [ring.create(name, role)[1] for name, role in (("flood", Role.ADMIN), ("look-ups", Role.SERVICE))]
            with serving(folder, environ={"LINKAGE_RATE": "1000"}) as it:
                return _flood(it.port, psutil.Process(it.process.pid), keys, served, bare, tell)


# -- flood


def _flood(
    port: int,
    process: psutil.Process,
    keys: Sequence[str],
    served: Sequence[float],
    bare: Sequence[float],
    tell: Callable[[str], None],
) -> Measured:
    flood, look_ups = keys
    ids = [edge["node"]["accountId"] for edge in _accounts(port, flood)]
    tell("warming up")
    _look_up(port, look_ups, ids)
    tell("look-ups, quiet")
    quiet, _ = _look_up(port, look_ups, ids)
    before = process.memory_info().rss
    context = multiprocessing.get_context("spawn")
    stop, answers = context.Event(), context.Queue()
    flooding = context.Process(target=_flooder, args=(port, flood, stop, answers))
    flooding.start()
    tell("look-ups, flooded")
    time.sleep(5.0)  # until all clients are there
    flooded, refused = _look_up(port, look_ups, ids)
    most = process.memory_info().rss
    stop.set()
    counted: Counter[int] = answers.get(timeout=120)
    flooding.join()
    return Measured(quiet, flooded, counted, refused, (before, most), process.is_running(), served, bare)


def _post(connection: http.client.HTTPConnection, key: str, query: str, variables: dict[str, Any]) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    connection.request("POST", "/graphql", json.dumps({"query": query, "variables": variables}), headers)
    response = connection.getresponse()
    return response.status, json.loads(response.read())


def _accounts(port: int, key: str) -> list[Any]:
    query = "{ accounts(first: 200) { edges { node { accountId } } } }"
    _, answer = _post(http.client.HTTPConnection("127.0.0.1", port), key, query, {})
    found: list[Any] = answer["data"]["accounts"]["edges"]
    return found


def _look_up(port: int, key: str, ids: Sequence[str]) -> tuple[list[float], int]:
    """Seconds of look-ups, one after the other at no more than the rate; and how many were refused."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    start, taken, refused = time.perf_counter(), [], 0
    for number in range(LOOK_UPS):
        due = start + number / RATE
        time.sleep(max(0.0, due - time.perf_counter()))
        sent = time.perf_counter()
        status, answer = _post(connection, key, LOOK_UP, {"id": ids[number % len(ids)]})
        taken.append(time.perf_counter() - sent)
        refused += status != 200 or "errors" in answer
    return taken, refused


def _flooder(port: int, key: str, stop: Event, answers: Any) -> None:
    """Ask by many clients until told to stop; in a process of its own."""
    counted: list[int] = []

    def client() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        while not stop.is_set():
            counted.append(_post(connection, key, DEAR, {})[0])

    clients = [Thread(target=client) for _ in range(CLIENTS)]
    for each in clients:
        each.start()
    for each in clients:
        each.join()
    answers.put(Counter(counted))


# -- overhead


async def _overhead(service: Service, settings: Settings) -> tuple[list[float], list[float]]:
    """Seconds of all investigations in each round, as served and bare, in turn."""
    ring = KeyRing(settings.data, project_secret(settings.data))
    _, token = ring.create("overhead", Role.INVESTIGATOR)
    admission = Admission([KeyAuthenticator(ring)])
    caller = Caller("key:overhead", "overhead", Role.INVESTIGATOR)
    reader, work = Reader.open(service.connection), Work(service)
    log = AuditLog(settings.data, service.secret)
    audit = Writer(log.append)

    async def known() -> Caller | None:
        return await admission.admit(f"Bearer {token}")

    async def anybody() -> Caller | None:
        return caller

    bounds = Bounds(factor=1_000)

    def context(admit: Callable[[], Awaitable[Caller | None]]) -> Context:
        return Context(reader, work, admit, audit, log, ring, bounds)

    schemas = {"served": build_schema(), "bare": _bare_schema()}
    operations = await _operations(schemas["served"], lambda: context(known))
    taken: dict[str, list[float]] = {"served": [], "bare": []}
    for number in range(WARM_ROUNDS + ROUNDS):
        for name in ("served", "bare") if number % 2 else ("bare", "served"):
            began = time.perf_counter()
            with ExitStack() as stack:
                if name == "bare":
                    stack.enter_context(_unmasked())
                for query, variables in operations:
                    own = context(known if name == "served" else anybody)
                    if name == "bare":
                        own.caller = caller
                    answer = await schemas[name].execute(query, variable_values=variables, context_value=own)
                    assert not answer.errors, answer.errors  # noqa: S101 - of no use otherwise
            if number >= WARM_ROUNDS:
                taken[name].append(time.perf_counter() - began)
    await audit.close()
    await work.close()
    await reader.close()
    return taken["served"], taken["bare"]


class _BareSchema(LinkageSchema):
    """The schema without turns, deadline and audit; the look whether a publication came in between is its own."""

    async def _execute_operation(self, *parts: Any) -> Any:
        return await self._execute_whole(*parts)

    async def _handle_execution_result(self, *parts: Any, **more: Any) -> Any:
        return await strawberry.Schema._handle_execution_result(self, *parts, **more)


def _bare_schema() -> LinkageSchema:
    return _BareSchema(
        Limits(),
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=[Account, Organisation, Identifier, Cluster, Resolution, Decision],
        extensions=[lambda: ParserCache(maxsize=CACHED), lambda: ValidationCache(maxsize=CACHED)],
        config=StrawberryConfig(scalar_map={Long: LONG}),
    )


@contextmanager
def _unmasked() -> Iterator[None]:
    with ExitStack() as stack:
        for module in ("subject", "identifier", "graph"):
            stack.enter_context(patch(f"linkage.api.types.{module}.masked", lambda kind, value, *_: value))
        yield


async def _operations(schema: LinkageSchema, context: Callable[[], Context]) -> list[tuple[str, dict[str, Any]]]:
    """The saved investigations that read, filled with a large cluster and two of its members."""
    query = (
        """{ clusters(first: 2, orderBy: SIZE_DESC) { nodes { id members(first: 2) { nodes { id subjectId } } } } }"""
    )
    answer = await schema.execute(query, context_value=context())
    assert answer.data is not None, answer.errors  # noqa: S101 - of no use otherwise
    first, second = answer.data["clusters"]["nodes"]
    left, right = first["members"]["nodes"]
    stranger = second["members"]["nodes"][0]
    clues = {
        "cluster": first["id"],
        "left": left["id"],
        "right": right["id"],
        "stranger": stranger["id"],
        "far": right["id"],
        "account": left["subjectId"],
    }
    found = []
    for path in sorted(INVESTIGATIONS.glob("*.graphql")):
        if path.name.startswith(READING):
            given = path.with_suffix(".json")
            text = given.read_text() if given.exists() else "{}"
            for name, value in clues.items():
                text = text.replace(f"{{{name}}}", value)
            found.append((path.read_text(), json.loads(text)))
    return found


def show(measured: Measured, console: Console) -> None:
    """Both tables."""
    table = Table(title=f"Look-ups of one key, {RATE:.0f} a second: milliseconds")
    for column in ("what", "look-ups", "p50", "p95", "p99", "p95 beside quiet"):
        table.add_column(column, justify="left" if column == "what" else "right")
    usual = np.quantile(measured.quiet, 0.95)
    for name, seconds in (("quiet", measured.quiet), (f"{CLIENTS} clients of another key flood", measured.flooded)):
        figures = [f"{1_000 * np.quantile(seconds, share):.0f}" for share in (0.5, 0.95, 0.99)]
        table.add_row(name, str(len(seconds)), *figures, f"{np.quantile(seconds, 0.95) / usual:.2f}")
    console.print(table)
    answers = ", ".join(f"{count:,} with {status}" for status, count in sorted(measured.answers.items()))
    before, most = (size / 2**20 for size in measured.memory)
    console.print(
        f"The flood was answered {answers}; {measured.refused_look_ups} look-ups were refused. Memory {before:.0f} MiB "
        f"before, {most:.0f} MiB under it; the service {'lives' if measured.alive else 'died'}.",
        highlight=False,
    )
    served, bare = (1_000 * float(np.median(each)) for each in (measured.served, measured.bare))
    console.print(
        f"{len(READING)} investigations, median of {ROUNDS} rounds: {served:.0f} ms as served, {bare:.0f} ms bare, "
        f"{served / bare - 1:+.1%}.",
        highlight=False,
    )
