"""Time as the pool sees it. Tests put a clock of their own in its place."""

from __future__ import annotations

import time
from _thread import LockType
from typing import Protocol


class Clock(Protocol):
    def now(self) -> float:
        """Seconds that never run backwards."""

    def wait(self, lock: LockType, timeout_s: float) -> bool:
        """Take ``lock`` within ``timeout_s``; say whether it was taken."""


class MonotonicClock:
    now = staticmethod(time.monotonic)

    @staticmethod
    def wait(lock: LockType, timeout_s: float) -> bool:
        return lock.acquire(timeout=timeout_s) if timeout_s > 0 else lock.acquire(blocking=False)


MONOTONIC = MonotonicClock()
