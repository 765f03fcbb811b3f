"""For answers that cost something to make: one at a time, and a rest after each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import perf_counter
from typing import Final

from starlette.requests import Request

# However often it is asked, making them takes at most this share of one core's time.
_SHARE: Final = 0.1


class Turns:
    """A hostile scraper takes no worker's time."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._rested_at = 0.0

    async def make(self, request: Request, answer: Callable[[], bytes]) -> bytes:
        """Nothing for who has gone before it was its turn: nobody has to wait for it."""
        async with self._turn:
            await asyncio.sleep(self._rested_at - perf_counter())
            if await request.is_disconnected():
                return b""
            begun = perf_counter()
            made = answer()
            ended = perf_counter()
            self._rested_at = ended + (ended - begun) * (1 / _SHARE - 1)
        return made
