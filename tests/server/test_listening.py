"""The HTTP server around the application."""

from __future__ import annotations

import asyncio
import json
import urllib.request

import pytest

from linkage.errors import BadSettings
from linkage.server.app import create_app
from linkage.server.listening import bind, listen
from linkage.settings import Settings
from tests.small_service import Api


def test_it_answers_from_ready_until_it_is_stopped(settings: Settings, api: Api) -> None:
    async def scenario() -> bytes:
        stop, answered = asyncio.Event(), asyncio.Event()
        with bind("127.0.0.1", 0) as listener:
            port = listener.getsockname()[1]
            serving = asyncio.create_task(
                listen(create_app(settings, demo=True), listener, ready=answered.set, stop=stop)
            )
            await asyncio.wait_for(answered.wait(), 60)

            def ask() -> bytes:
                request = urllib.request.Request(
                    f"http://127.0.0.1:{port}/graphql",
                    data=json.dumps({"query": "{ statistics { accounts } }"}).encode(),
                    headers={"Content-Type": "application/json"},
                )
                with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
                    body: bytes = response.read()
                    assert response.headers["server"] is None
                    return body

            body = await asyncio.to_thread(ask)
            stop.set()
            assert await serving is True
            return body

    assert json.loads(asyncio.run(scenario()))["data"]["statistics"]["accounts"] == 6


def test_a_start_that_fails_is_told() -> None:
    async def scenario() -> bool:
        async def app(scope: object, receive: object, send: object) -> None:
            raise ZeroDivisionError

        with bind("127.0.0.1", 0) as listener:
            return await listen(app, listener)

    assert asyncio.run(scenario()) is False


def test_a_port_that_is_taken_is_told() -> None:
    with bind("127.0.0.1", 0) as listener:
        listener.listen()
        with pytest.raises(BadSettings, match="cannot listen"):
            bind("127.0.0.1", listener.getsockname()[1])


def test_a_host_that_is_none_is_told() -> None:
    with pytest.raises(BadSettings, match="no address"):
        bind("no.such.host.invalid", 0)
