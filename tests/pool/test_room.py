"""The lock of all pools: refused within a step, and never left behind by an interrupt."""

from __future__ import annotations

import gc
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import pytest

from framesrv.pool import ArrayPool, DebugLevel, PoolError
from framesrv.pool.room import ROOM, Room
from tests.pool.helpers import lends_again


def make() -> ArrayPool:
    return ArrayPool("p", shape=(4,), capacity=1)


def test_bookkeeping_refuses_to_be_entered_twice() -> None:
    """As from a signal handler that strikes while this thread holds the lock."""
    pool = make()
    with pytest.raises(PoolError, match="from within its own bookkeeping"):
        ROOM.run(pool.stats)
    lends_again(pool)


def test_a_lock_left_behind_is_released_by_the_next_use() -> None:
    pool = make()
    ROOM._lock.acquire()
    pool.stats()
    assert not ROOM._lock._is_owned()
    with ThreadPoolExecutor(1) as elsewhere:
        assert elsewhere.submit(pool.stats).result().idle == 1


class ReleasedByCollector:
    """Garbage that holds a lease, and releases it when it is found."""

    def __init__(self, pool: ArrayPool) -> None:
        self.lease = pool.acquire()
        self.ring = self

    def __del__(self) -> None:
        self.lease.release()


def test_a_collection_in_a_thread_s_first_step() -> None:
    """What it releases does not take the lock of that step for one left behind."""
    # At poison each release has news for the observer, which it sends if nobody is in a step.
    pool = ArrayPool("p", shape=(4,), capacity=1, debug=DebugLevel.POISON)
    failed: list[BaseException] = []

    def first_step(allocations: int) -> None:
        gc.set_threshold(gc.get_count()[0] + allocations, 1000, 1000)
        gc.enable()
        try:
            pool.stats()
        except BaseException as error:
            failed.append(error)

    thresholds = gc.get_threshold()
    try:
        for allocations in range(1, 40):
            gc.disable()
            ReleasedByCollector(pool)
            thread = threading.Thread(target=first_step, args=(allocations,))
            thread.start()
            thread.join()
            gc.disable()
            gc.collect()
    finally:
        gc.set_threshold(*thresholds)
        gc.enable()
    assert not failed
    lends_again(pool)


class StruckLock:
    """A lock whose holder is interrupted as soon as it has it."""

    def __init__(self) -> None:
        self.real = cast(Any, threading.RLock())
        self._is_owned, self.release = self.real._is_owned, self.real.release

    def acquire(self, *, blocking: bool) -> bool:
        self.real.acquire(blocking=blocking)
        raise KeyboardInterrupt


def test_a_lock_is_released_if_an_interrupt_follows_at_once() -> None:
    room = Room()
    room._lock = StruckLock()
    with pytest.raises(KeyboardInterrupt):
        room.ask(make())
    assert not room._lock._is_owned()
    assert not room._mine.inside
