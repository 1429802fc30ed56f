"""/healthz: the process answers. /readyz: database and ledger do. /metrics: a few figures for Prometheus."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from linkage.errors import LinkageError
from linkage.server.answers import answer

#: A check that takes longer has failed (seconds).
SECONDS = 5.0


async def healthz(request: Request) -> Response:
    """Answer at once, whatever else is wrong."""
    return answer({"status": "ok"})


async def readyz(request: Request) -> Response:
    """Whether reads and writes can be served now: 200, or 503 with what is wrong."""
    parts = request.app.state.parts
    database, ledger, storage = await asyncio.gather(
        _state(parts.reader.row("RETURN 1 AS one")),
        _state(parts.work.ledger_versions()),
        _state(asyncio.to_thread(parts.work.check_room)),
    )
    standing = parts.following.standing
    ready = database == ledger == storage == "ok"
    checks = {
        "database": database,
        "ledger": ledger,
        "storage": storage,
        "projection": "ok" if not standing.failures else f"behind: {standing.error}",
    }
    return answer({"status": "ok" if ready else "unavailable", "checks": checks}, 200 if ready else 503)


async def _state(check: Awaitable[object]) -> str:
    try:
        async with asyncio.timeout(SECONDS):
            await check
    except LinkageError as error:
        return error.code
    except TimeoutError:
        return "TIMEOUT"
    except Exception as error:  # a health check tells of every fault and dies of none
        return type(error).__name__
    return "ok"


async def metrics(request: Request) -> Response:
    """Counters since the start, as Prometheus reads them."""
    parts = request.app.state.parts
    standing = parts.following.standing
    lines = [
        "# TYPE linkage_cypher_queries_total counter",
        f"linkage_cypher_queries_total {parts.reader.queries}",
        "# TYPE linkage_projected_commits_total counter",
        f"linkage_projected_commits_total {standing.commits}",
        "# TYPE linkage_projection_failures gauge",
        f"linkage_projection_failures {standing.failures}",
        "# TYPE linkage_failed_authentications_total counter",
        f"linkage_failed_authentications_total {request.app.state.failures.total}",
        "# TYPE linkage_operations_waiting gauge",
        f"linkage_operations_waiting {sum(lane.waiting for lane in request.app.state.bounds.lanes)}",
        "# TYPE linkage_resolution_running gauge",
        f"linkage_resolution_running {int(parts.work.resolving.running() is not None)}",
    ]
    return PlainTextResponse("\n".join(lines) + "\n", media_type="text/plain; version=0.0.4")
