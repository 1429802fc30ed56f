"""Facts in bulk over HTTP."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest
from starlette.testclient import TestClient

from linkage.server import records

NDJSON = {"Content-Type": "application/x-ndjson"}
ARROW = {"Content-Type": "application/vnd.apache.arrow.stream"}


def lines(*rows: Any) -> bytes:
    return b"\n".join(row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows)


def test_each_rejected_line_is_named_with_its_number_in_the_body(client: TestClient) -> None:
    body = lines(
        {"account_id": "r1", "kind": "device", "value": "d-r1", "first_seen": "2026-05-01T00:00:00Z"},
        b"",
        b"{broken",
        {"account_id": "r1", "kind": "ip", "value": "no ip"},
        [1],
        {"account_id": "r2", "kind": "device", "value": "d-r1"},
    )
    answer = client.post("/v1/observations?source=sign-up", content=body, headers=NDJSON).json()
    assert (answer["accepted"], answer["duplicate"]) == (2, 0)
    assert [(line["line"], line["column"]) for line in answer["rejected"]] == [(3, None), (4, "value"), (5, None)]
    assert all(line["code"] and line["reason"] for line in answer["rejected"])
    assert client.post("/v1/observations?source=sign-up", content=body, headers=NDJSON).json()["duplicate"] == 2


def test_an_idempotency_key_writes_once(client: TestClient) -> None:
    headers = {**NDJSON, "Idempotency-Key": "sign-up-1"}
    row = lines({"account_id": "r3", "status": "active"})
    assert client.post("/v1/accounts", content=row, headers=headers).json()["accepted"] == 1
    assert client.post("/v1/accounts", content=row, headers=headers).json()["repeated"] is True


def test_an_arrow_stream_is_taken_as_well(client: TestClient) -> None:
    table = pa.table(
        {
            "account_id": ["r1", "r2"],
            "window_start": pa.array([1_767_225_600, 1_767_225_600], pa.timestamp("s", tz="UTC")),
            "requests": [1, 2],
        }
    )
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    answer = client.post("/v1/usage", content=sink.getvalue().to_pybytes(), headers=ARROW).json()
    assert (answer["accepted"], answer["rejected"]) == (2, [])


@pytest.mark.parametrize(
    ("path", "headers", "body", "status"),
    [
        ("/v1/decisions", NDJSON, b"{}", 404),
        ("/v1/accounts", {"Content-Type": "text/csv"}, b"{}", 415),
        ("/v1/accounts", {}, b"{}", 415),
        ("/v1/accounts", {**NDJSON, "Idempotency-Key": ""}, b"{}", 400),
        ("/v1/accounts", {**NDJSON, "Idempotency-Key": "x" * 201}, b"{}", 400),
        ("/v1/accounts?source=", NDJSON, b"{}", 400),
        ("/v1/accounts", ARROW, b"no stream", 400),
        ("/v1/accounts", NDJSON, b"\n" * (records.LARGEST + 1), 413),
    ],
)
def test_a_call_that_cannot_be_taken_says_why(
    client: TestClient, path: str, headers: dict[str, str], body: bytes, status: int
) -> None:
    response = client.post(path, content=body, headers=headers)
    assert response.status_code == status
    assert response.json()["errors"][0]["message"]


def test_a_body_has_a_bound_of_rows(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "MOST_ROWS", 2)
    assert client.post("/v1/accounts", content=lines({}, {}, {}), headers=NDJSON).status_code == 413
    table = pa.table({"account_id": ["a", "b", "c"]})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    assert client.post("/v1/accounts", content=sink.getvalue().to_pybytes(), headers=ARROW).status_code == 413


def test_records_are_only_sent(client: TestClient) -> None:
    assert client.get("/v1/accounts").status_code == 405
