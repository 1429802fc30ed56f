"""A resolution whose process is killed leaves nothing that anybody reads; the next service takes it up by itself."""

from __future__ import annotations

import json
import time
import urllib.request
from pathlib import Path

import pytest

from linkage.ledger import Ledger
from tests.cli.test_serve import _free, _healthy
from tests.faults.conftest import Project, eventually

#: whole processes, each with a Neo4j to start
pytestmark = pytest.mark.timeout(900)


def _ask(port: int, query: str) -> dict[str, object]:
    body = json.dumps({"query": query}).encode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/graphql", body, {"Content-Type": "application/json"}, method="POST"
    )
    with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310 - loopback
        answer: dict[str, object] = json.loads(response.read())["data"]
    return answer


def _published(project: Project) -> int:
    return Ledger(str(project.data / "ledger")).snapshot().table("publications").num_rows


@pytest.mark.parametrize("at", ["engine", "rows"])
def test_a_killed_resolution_is_taken_up_by_the_next_service(project: Project, world: Path, at: str) -> None:
    project.run("load", str(world))
    ledger = Ledger(str(project.data / "ledger"))
    killed = project.start("resolve")
    mark = project.data / "resolving.json"
    eventually(mark.exists, "a resolution under way")
    if at == "rows":
        eventually(lambda: ledger.version("memberships") is not None, "rows of the resolution")
    else:
        time.sleep(0.3)
    killed.kill()
    killed.wait()
    if _published(project):
        pytest.fail("it was through before it was killed")
    assert mark.exists()
    port = _free()
    service = project.start("serve", "--demo", "--port", str(port))
    assert _healthy(port, service)
    query = "{ statistics { clusters lastResolution { resolutionId } } }"
    eventually(lambda: _ask(port, query)["statistics"]["lastResolution"] is not None, "the resolution")  # type: ignore[index]
    assert not mark.exists()
    assert _published(project) == 1
    service.terminate()
    service.wait(120)
    assert json.loads(project.run("graph", "check", "--json"))["differences"] == []
