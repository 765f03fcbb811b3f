"""Named threads on a stage where time stands still, so that who waits for whom is certain."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from framesrv.pool import ArrayPool
from tests.pool.helpers import FAILED_S


class StandingClock:
    """Time that stands still, for all threads, until the test moves it."""

    def __init__(self) -> None:
        self._now = 1000.0
        self._looks: set[tuple[str, float]] = set()
        self._changed = threading.Condition()

    def now(self) -> float:
        return self._now

    def wait(self, lock: Any, timeout_s: float) -> bool:
        end = self._now + timeout_s
        with self._changed:
            self._looks.add((threading.current_thread().name, self._now))
            self._changed.notify_all()
        while not lock.acquire(timeout=0.001):
            if self._now >= end:
                return False
        return True

    def until_waiting(self, *names: str) -> None:
        """Until these threads have all looked around at the present time, in vain."""
        looks = {(name, self._now) for name in names}
        with self._changed:
            assert self._changed.wait_for(lambda: looks <= self._looks, FAILED_S)

    def advance(self, seconds: float) -> None:
        self._now += seconds


class Stage:
    """Named threads, each of which does what it is told."""

    def __init__(self) -> None:
        self.clock = StandingClock()
        self._threads: dict[str, ThreadPoolExecutor] = {}

    def begin(self, who: str, act: Callable[[], Any]) -> Future[Any]:
        if who not in self._threads:
            self._threads[who] = ThreadPoolExecutor(1, thread_name_prefix=who)
        return self._threads[who].submit(act)

    def do(self, who: str, act: Callable[[], Any]) -> Any:
        return self.begin(who, act).result(FAILED_S)

    def wait_for(self, who: str, act: Callable[[], Any]) -> Future[Any]:
        """Begin something in which the thread must wait."""
        future = self.begin(who, act)
        self.clock.until_waiting(f"{who}_0")
        return future

    def end(self) -> None:
        self.clock.advance(1e6)  # whoever still waits is done now
        for thread in self._threads.values():
            thread.shutdown()

    def pool(self, name: str, capacity: int = 1) -> ArrayPool:
        return ArrayPool(name, shape=(2,), capacity=capacity, clock=self.clock)


def error_of(future: Future[Any]) -> BaseException:
    error = future.exception(FAILED_S)
    assert error is not None
    return error
