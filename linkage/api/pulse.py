"""A bell for whoever waits on the event loop."""

from __future__ import annotations

import asyncio
import contextlib


class Pulse:
    """Wakes everybody who waits, whenever it beats."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def beat(self) -> None:
        """Wake them; for the event loop's thread."""
        self._event.set()
        self._event = asyncio.Event()

    async def wait(self, seconds: float) -> None:
        """Wait for a beat, or so long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._event.wait()
