"""POST /v1/observations, /v1/usage, /v1/accounts: facts in bulk, as NDJSON or as an Arrow stream.

The answer comes when what was accepted is on disk, whether Neo4j is up or not, and names each rejected line.
The same `Idempotency-Key` writes once, however often it is sent.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

import pyarrow as pa
from starlette.requests import Request
from starlette.responses import Response

from linkage.access.caller import Caller
from linkage.api.bounds import Bounds
from linkage.api.links import Touched
from linkage.errors import LinkageError
from linkage.server.answers import HttpError, answer, of_error, refuse, told
from linkage.server.callers import CALLER
from linkage.server.graphql import decode
from linkage.service.recording import Recorded

RECORDS = ("observations", "usage", "accounts")
#: Largest body, in bytes.
LARGEST = 16 * 2**20
MOST_ROWS = 100_000
LONGEST_KEY = 200
LONGEST_SOURCE = 200
#: Larger bodies wait for their turn, one caller's beside another's, for so long (seconds). Small ones do not: what
#: comes in while a commit is written goes into the next one together, and one at a time there would be nothing to put
#: together.
PATIENCE = 60.0
SMALL = 64 * 2**10

Rows = list[dict[str, object]]


async def record(request: Request) -> Response:
    """Record the rows of the body."""
    try:
        return await _record(request)
    except LinkageError as error:
        return refuse(of_error(error))
    except HttpError as error:
        return refuse(error)


async def _record(request: Request) -> Response:
    name = request.path_params["record"]
    if name not in RECORDS:
        raise HttpError(404, f"records are {', '.join(RECORDS)}", "NOT_FOUND")
    key = request.headers.get("idempotency-key")
    if key is not None and not 1 <= len(key) <= LONGEST_KEY:
        raise HttpError(400, f"the Idempotency-Key has 1 to {LONGEST_KEY} characters")
    source = request.query_params.get("source", "http")
    if not 1 <= len(source) <= LONGEST_SOURCE:
        raise HttpError(400, f"the source has 1 to {LONGEST_SOURCE} characters")
    read = _reader(request)
    caller: Caller = request.scope[CALLER]
    bounds: Bounds = request.app.state.bounds
    bounds.spend_rows(caller, 1)  # whoever has spent all is told before anything is read
    async with contextlib.nullcontext() if _is_small(request) else request.app.state.bulk.turn(caller.id):
        body = await request.body()
        numbers, rows, broken = await asyncio.to_thread(read, body)
        left = bounds.spend_rows(caller, max(0, len(rows) + len(broken) - 1))
        work = request.app.state.parts.work
        recorded = await work.record(name, rows, source=source, idempotency_key=key)
    touched = await work.touched(name, recorded) if _waits(request) else None
    return _answer(recorded, touched, numbers, broken, headers=told(left, "rows"))


def _is_small(request: Request) -> bool:
    length = request.headers.get("content-length", "")
    return length.isdecimal() and int(length) <= SMALL


def _waits(request: Request) -> bool:
    """Whether the caller wants to know which clusters its facts touched."""
    said = request.query_params.get("wait", "true")
    if said not in ("true", "false"):
        raise HttpError(400, "`wait` is true or false")
    return said == "true"


def _answer(
    recorded: Recorded,
    touched: Touched | None,
    numbers: list[int],
    broken: list[dict[str, Any]],
    *,
    headers: Mapping[str, str],
) -> Response:
    rejected = [
        {
            "line": numbers[refused.line - 1] if 0 < refused.line <= len(numbers) else refused.line,
            "column": refused.column,
            "code": refused.code,
            "reason": refused.reason,
        }
        for refused in recorded.rejections
    ]
    return answer(
        {
            "accepted": recorded.accepted,
            "duplicate": recorded.duplicate,
            "rejected": sorted([*broken, *rejected], key=lambda line: line["line"]),
            "repeated": recorded.repeated,
            "batchId": recorded.batch_id,
            "linked": touched is not None,
            "touched": [{"clusterId": one, "event": event} for one, event in (touched.clusters if touched else ())],
            "bridges": [asdict(bridge) for bridge in (touched.bridges if touched else ())],
        },
        headers=headers,
    )


#: Line numbers, rows, and lines that are no rows at all.
Read = tuple[list[int], Rows, list[dict[str, Any]]]


def read_lines(body: bytes) -> Read:
    """NDJSON: an object a line; empty lines are skipped, broken ones reported."""
    numbers: list[int] = []
    rows: Rows = []
    broken: list[dict[str, Any]] = []
    for number, line in enumerate(_lines(body), 1):
        if not line.strip():
            continue
        try:
            row = decode(line)
        except HttpError:
            row = None
        if isinstance(row, dict):
            numbers.append(number)
            rows.append(row)
        else:
            broken.append({"line": number, "column": None, "code": "BAD_LINE", "reason": "the line is no JSON object"})
        if number > MOST_ROWS:
            raise HttpError(413, f"a body may have {MOST_ROWS:,} lines; send it in parts")
    return numbers, rows, broken


def _lines(body: bytes) -> Iterator[bytes]:
    # Not splitlines(): JSON may hold other line ends inside its texts.
    yield from io.BytesIO(body)


def read_arrow(body: bytes) -> Read:
    """An Arrow IPC stream."""
    rows: Rows = []
    try:
        with pa.ipc.open_stream(pa.py_buffer(body)) as stream:
            for batch in stream:
                if len(rows) + batch.num_rows > MOST_ROWS:
                    raise HttpError(413, f"a body may have {MOST_ROWS:,} rows; send it in parts")
                rows.extend(batch.to_pylist())
    except (pa.ArrowException, ValueError, OSError):
        raise HttpError(400, "the body is no Arrow stream") from None
    return list(range(1, len(rows) + 1)), rows, []


READERS: dict[str, Callable[[bytes], Read]] = {
    "application/x-ndjson": read_lines,
    "application/ndjson": read_lines,
    "application/jsonl": read_lines,
    "application/vnd.apache.arrow.stream": read_arrow,
}


def _reader(request: Request) -> Callable[[bytes], Read]:
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    reader = READERS.get(content_type)
    if reader is None:
        raise HttpError(415, f"send the rows as {', '.join(READERS)}")
    return reader
