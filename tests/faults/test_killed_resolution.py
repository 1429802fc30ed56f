"""A resolution whose process is killed leaves nothing that anybody reads; the next service takes it up by itself."""

from __future__ import annotations

import json
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


def test_a_resolution_killed_again_and_again_is_taken_up_by_the_next_service(project: Project, world: Path) -> None:
    project.run("load", str(world))
    ledger = Ledger(str(project.data / "ledger"))
    mark = project.data / "resolving.json"
    points = {
        "a resolution under way": mark.exists,
        "rows of the resolution": lambda: ledger.version("memberships") is not None,
    }
    for what, reached in points.items():
        killed = project.start("resolve")
        eventually(reached, what)
        killed.kill()
        killed.wait()
        assert _published(project) == 0, "it was through before it was killed"
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
