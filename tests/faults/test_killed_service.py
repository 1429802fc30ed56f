"""The service is killed again and again while facts, decisions, withdrawals and resolutions come in: nothing that it
answered for is lost, nothing counts twice, and the graph is the ledger in the end."""

from __future__ import annotations

import json
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest

from linkage.ledger import Ledger
from tests.cli.test_serve import _free, _healthy
from tests.faults.conftest import Project, eventually

#: whole processes, each with a Neo4j to start
pytestmark = pytest.mark.timeout(900)

#: seconds that each life of the service lasts
PAUSES = (3.1, 5.3, 2.2, 4.4)
DECIDE = """mutation ($left: ID!, $right: ID!, $judgement: Judgement!) {
  decide(left: $left, right: $right, judgement: $judgement, author: "ann", reason: "seen") {
    decisions { decision { decisionId } } } }"""
WITHDRAW = """mutation ($subject: ID!) {
  withdrawObservations(of: {subject: $subject, kind: "ip"}, author: "ann", reason: "seen") { observations } }"""


@dataclass
class Client:
    """A client that says things one after another, says again what was not answered, and remembers what was."""

    port: int
    stopping: threading.Event = field(default_factory=threading.Event)
    recorded: set[str] = field(default_factory=set)
    decided: set[str] = field(default_factory=set)
    withdrawn: set[str] = field(default_factory=set)
    unanswered: int = 0

    def run(self) -> None:
        number = 0
        while not self.stopping.is_set():
            try:
                self._say(number)
            except (urllib.error.URLError, ConnectionError, TimeoutError, OSError):
                self.unanswered += 1
                time.sleep(0.2)
            else:
                number += 1

    def heard_enough(self) -> bool:
        return len(self.recorded) > 8 and len(self.decided) > 1 and len(self.withdrawn) > 1

    def _say(self, number: int) -> None:
        who = f"acct-{number:05}"
        rows = [
            {"account_id": who, "kind": "device", "value": f"6f1c-22ab-9{number // 3:05}"},
            {"account_id": who, "kind": "payment_method", "value": f"card-7Kq{number // 3:05}"},
            {"account_id": who, "kind": "ip", "value": f"203.0.113.{number % 200}"},
        ]
        body = "\n".join(map(json.dumps, rows)).encode()
        answer = self._post("/v1/observations?wait=false", body, "application/x-ndjson", f"fact-{number}")
        assert answer["accepted"] + answer["duplicate"] in (0, len(rows)), answer
        self.recorded.add(who)
        if number % 4 == 3:
            said = {
                "left": who,
                "right": f"acct-{number - 2:05}",
                "judgement": "DIFFERENT" if number % 8 == 3 else "SAME",
            }
            decided = self._graphql(DECIDE, said)
            self.decided |= (
                {one["decision"]["decisionId"] for one in decided["decide"]["decisions"]} if decided else set()
            )
        if number % 5 == 3 and self._graphql(WITHDRAW, {"subject": who}):
            self.withdrawn.add(who)
        if number % 12 == 4:
            self._graphql("mutation { startResolution { id } }", {})

    def _graphql(self, query: str, variables: dict[str, str]) -> dict[str, Any]:
        body = json.dumps({"query": query, "variables": variables}).encode()
        answer = self._post("/graphql", body, "application/json", None)
        # What was carried out and not answered for finds nothing to do the second time; one resolution runs at a time.
        codes = {error["extensions"]["code"] for error in answer.get("errors", ())}
        assert codes <= {"NOT_FOUND", "CONFLICT"}, answer
        return {} if codes else answer["data"]

    def _post(self, path: str, body: bytes, content: str, key: str | None) -> dict[str, Any]:
        headers = {"Content-Type": content, **({"Idempotency-Key": key} if key else {})}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", body, headers, method="POST")
        with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310 - loopback
            answer: dict[str, Any] = json.loads(response.read())
        return answer


def _serve(project: Project, port: int) -> subprocess.Popen[str]:
    service = project.start("serve", "--demo", "--port", str(port))
    assert _healthy(port, service)
    return service


def test_what_was_answered_for_is_there_after_any_number_of_kills(project: Project) -> None:
    port = _free()
    client = Client(port)
    service = _serve(project, port)
    failures: list[BaseException] = []

    def said() -> None:
        try:
            client.run()
        except BaseException as error:  # told by the test, which waits for it
            failures.append(error)

    talking = threading.Thread(target=said)
    talking.start()
    try:
        for pause in PAUSES:
            time.sleep(pause)
            service.kill()
            service.wait()
            service = _serve(project, port)
        # The last life lasts until each of the things that the client says was answered for, however slow the machine.
        eventually(lambda: bool(failures) or client.heard_enough(), "facts, decisions and withdrawals answered for")
    finally:
        client.stopping.set()
        talking.join(120)
    assert not failures, failures
    service.terminate()
    service.wait(120)
    assert client.unanswered > 0
    snapshot = Ledger(str(project.data / "ledger")).snapshot()
    rows = Counter(snapshot.table("observations")["subject_id"].to_pylist())
    assert {who: rows[who] for who in client.recorded} == dict.fromkeys(client.recorded, 3)
    assert client.decided <= set(snapshot.table("decisions")["decision_id"].to_pylist())
    assert client.withdrawn <= set(snapshot.table("withdrawals")["subject_id"].to_pylist())
    project.run("resolve", "--no-gate")
    assert json.loads(project.run("graph", "check", "--json"))["differences"] == []
