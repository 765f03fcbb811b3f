"""For answers that cost something to make: once for all who wait, and a rest after each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import perf_counter
from typing import Final

# However often it is asked, making them takes at most this share of one core's time.
_SHARE: Final = 0.1


class Turns:
    """A hostile scraper takes no worker's time, and a crowd of them keeps no other waiting."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._rested_at = 0.0
        self._next: dict[str, asyncio.Task[bytes]] = {}  # by kind, until it is begun

    async def make(self, answer: Callable[[], bytes], kind: str = "") -> bytes:
        """Begun after this was called. Who asks for the same kind meanwhile gets the same bytes."""
        coming = self._next.get(kind)
        if coming is None:
            coming = self._next[kind] = asyncio.create_task(self._make(answer, kind))
        return await asyncio.shield(coming)

    async def _make(self, answer: Callable[[], bytes], kind: str) -> bytes:
        async with self._turn:
            await asyncio.sleep(self._rested_at - perf_counter())
            del self._next[kind]
            begun = perf_counter()
            try:
                return answer()
            finally:
                ended = perf_counter()
                self._rested_at = ended + (ended - begun) * (1 / _SHARE - 1)
