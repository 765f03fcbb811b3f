"""Looks after subscribers: one that takes nothing for too long is ended."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final, Protocol

_LOOKS: Final = 4  # in the time that a subscriber may stand still


class Writer(Protocol):
    writes: int  # begun so far
    writing: bool  # the last of them has not ended

    def end_as_slow(self) -> None: ...


class Patrol:
    """One timer for all: a clock a message would cost more than the rest of its way."""

    def __init__(self, writers: Iterable[Writer], stall_s: float) -> None:
        self._writers = writers
        self._stall_s = stall_s
        self._seen: dict[Writer, tuple[int, float]] = {}  # who was writing: what, and since when

    async def walk(self) -> None:
        """Until it is cancelled."""
        clock = asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(self._stall_s / _LOOKS)
            self.look(clock())

    def look(self, now_s: float) -> None:
        before, self._seen = self._seen, {}
        for writer in [*self._writers]:
            if not writer.writing:
                continue
            writes, since_s = before.get(writer, (-1, now_s))
            if writes != writer.writes:
                since_s = now_s
            self._seen[writer] = (writer.writes, since_s)
            if now_s - since_s >= self._stall_s:
                writer.end_as_slow()
