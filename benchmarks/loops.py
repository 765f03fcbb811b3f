"""The bodies of the measured loops. They differ in nothing but what is measured.

``repeat`` costs a few nanoseconds a cycle and is left in: every contestant pays it.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import repeat
from queue import LifoQueue
from typing import Any, Final

import numpy as np

from framesrv.pool import ArrayPool, DebugLevel
from framesrv.pool.bounded import BoundedPool

Shape = tuple[int, ...]
Loop = Callable[[int], None]

SMALL: Final = (320, 320, 4)  # the pool that every frame passes last
FRAME: Final = (720, 1280, 3)  # a decoded video frame
_PAGE_BYTES: Final = 4096


def array_pool(shape: Shape = SMALL, *, capacity: int = 8, level: str = "sample") -> ArrayPool:
    """The level is always said: what the environment asks for must not change a figure."""
    return ArrayPool("bench", shape=shape, capacity=capacity, debug=DebugLevel(level))


def touched(shape: Shape) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """A fresh array whose pages exist: one byte written on each."""
    array = np.empty(shape, np.uint8)
    array.reshape(-1)[::_PAGE_BYTES] = 0
    return array


def borrow_and_return(pool: BoundedPool[Any]) -> Loop:
    def loop(cycles: int) -> None:
        for _ in repeat(None, cycles):
            lease = pool.acquire()
            lease.release()

    return loop


def filled_queue(shape: Shape = SMALL, *, capacity: int = 8) -> LifoQueue[Any]:
    queue: LifoQueue[Any] = LifoQueue()
    for _ in range(capacity):
        queue.put(touched(shape))
    return queue


def get_and_put(queue: LifoQueue[Any]) -> Loop:
    def loop(cycles: int) -> None:
        for _ in repeat(None, cycles):
            array = queue.get()
            queue.put(array)

    return loop
