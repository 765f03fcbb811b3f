"""Time that a test moves itself."""

from __future__ import annotations

import asyncio
import heapq
import selectors
from _thread import LockType
from collections.abc import Callable
from itertools import count
from typing import Any


class FakeClock:
    """A pool's clock that never waits for real.

    A wait moves time forward to the next planned event, or to the time-out, whichever is
    sooner; what was planned for ``at`` that moment happens then, in the waiting thread.
    """

    def __init__(self) -> None:
        self._now = 1000.0
        self._numbers = count()
        self._plan: list[tuple[float, int, Callable[[], object]]] = []

    def now(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        """Move time, doing what was planned on the way."""
        end = self._now + seconds
        while self._plan and self._plan[0][0] <= end:
            self._now, _, act = heapq.heappop(self._plan)
            act()
        self._now = end

    def after(self, seconds: float, act: Callable[[], object]) -> None:
        """Plan ``act`` for ``seconds`` from now."""
        heapq.heappush(self._plan, (self._now + seconds, next(self._numbers), act))

    def wait(self, lock: LockType, timeout_s: float) -> bool:
        end = self._now + timeout_s
        while not (taken := lock.acquire(blocking=False)) and self._plan:
            if self._plan[0][0] > end:
                break
            self.advance(self._plan[0][0] - self._now)
        if not taken:
            self._now = max(self._now, end)
        return taken


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time jumps to the next timer instead of passing.

    Give ``clock`` to the pool, so that both agree on the time.
    """

    def __init__(self) -> None:
        self.clock = FakeClock()
        super().__init__(_Jumping(self.clock))

    def time(self) -> float:
        return self.clock.now()


class _Jumping(selectors.DefaultSelector):
    """Looks at the real sockets without waiting, then lets the time that was asked for pass."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if timeout is None and not ready:
            return super().select(None)  # nothing is planned: only another thread can go on
        if timeout and not ready:
            self._clock.advance(timeout)
        return ready


def run_virtually(main: Callable[[FakeClock], Any]) -> Any:
    """Run ``main(clock)`` to its end in virtual time."""
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(main(loop.clock))
    finally:
        loop.close()
