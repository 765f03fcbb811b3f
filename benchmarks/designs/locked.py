"""(a) Fixed buffers behind one lock, with a condition for those who find none."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from benchmarks.designs.design import Design, Lender, Shape, itself
from benchmarks.loops import touched


class LockedBuffers:
    def __init__(self, shape: Shape, capacity: int) -> None:
        self._idle = [touched(shape) for _ in range(capacity)]
        self._changed = threading.Condition(threading.Lock())

    def acquire(self, timeout_s: float = 10.0) -> np.ndarray[Any, Any]:
        with self._changed:
            while not self._idle:
                if not self._changed.wait(timeout_s):
                    raise TimeoutError("no buffer came free")
            return self._idle.pop()

    def release(self, array: np.ndarray[Any, Any]) -> None:
        with self._changed:
            self._idle.append(array)
            self._changed.notify()


def _build(shape: Shape, capacity: int, written: bool) -> Lender:
    buffers = LockedBuffers(shape, capacity)
    return Lender(buffers.acquire, buffers.release, itself)


LOCKED = Design(
    "locked",
    "(a) fixed buffers behind one lock",
    "FIFO order (a newcomer overtakes whoever was notified), a total deadline, detection of kept "
    "views and of double or foreign returns, leaks, a byte limit, async",
    _build,
)
