"""The lock of all pools: refused within a step, and never left behind by an interrupt."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import pytest

from framesrv.pool import ArrayPool, PoolError
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
