"""Writes into a returned buffer are found: who is told of them, and whom they are traced to."""

from __future__ import annotations

from typing import Any

import pytest

from framesrv.pool import ArrayPool, DebugLevel, PoolManager, WriteAfterRelease
from framesrv.pool.debug.marks import POISON
from framesrv.testing.clocks import FakeClock
from framesrv.testing.contract import check_identities
from tests.pool.debug.damage import (
    arrays,
    borrow_here,
    check_stacks,
    found,
    give_back_here,
    poke,
    write_late,
)
from tests.pool.helpers import Recorder


def test_the_observer_hears_of_it() -> None:
    observer = Recorder()
    pool = arrays(observer=observer)
    write_late(pool, 3)
    text = found(pool)
    assert observer.misuses == [("subject", "write_after_release", text)]


def test_the_stacks_are_those_of_the_last_holder() -> None:
    def borrow_elsewhere() -> Any:
        return pool.acquire()

    def give_back_elsewhere(lease: Any) -> None:
        with lease:
            pass

    pool = arrays()
    write_late(pool)
    lease = borrow_elsewhere()
    address = lease.array.ctypes.data
    give_back_elsewhere(lease)
    poke(address)
    text = found(pool)
    check_stacks(text, "borrow_elsewhere", "give_back_elsewhere", file=__file__)
    assert "borrow_here" not in text


def test_a_buffer_that_came_home_without_its_lease() -> None:
    pool = arrays()
    lease = borrow_here(pool)
    address = lease.array.ctypes.data
    del lease
    poke(address)
    text = found(pool)
    assert "in borrow_here\n" in text
    assert text.endswith("\nReturned at:\n  (not by a release)")


def test_one_who_waited_in_line_is_told_as_well() -> None:
    clock = FakeClock()
    pool = arrays(clock=clock)
    lease = borrow_here(pool)
    address = lease.array.ctypes.data

    def return_and_write() -> None:
        give_back_here(lease)
        poke(address)

    clock.after(0.01, return_and_write)
    with pytest.raises(WriteAfterRelease, match="offset 0"):
        pool.acquire(timeout_s=1.0)
    stats = pool.stats()
    check_identities(stats)
    assert stats.idle == 1


def test_one_who_only_tries_is_told_as_well() -> None:
    pool = arrays()
    write_late(pool, 59)
    with pytest.raises(WriteAfterRelease, match="offset 59"):
        pool.try_acquire()
    assert pool.stats().idle == 1
    with pool.acquire(timeout_s=0.0) as lease:
        assert (lease.array == POISON).all()


def test_a_set_gives_everything_back_when_one_buffer_is_damaged() -> None:
    manager = PoolManager(1 << 20, debug=DebugLevel.POISON)
    pools = [
        ArrayPool(name, shape=(64,), capacity=1, debug=DebugLevel.POISON) for name in ("one", "two")
    ]
    for pool in pools:
        manager.register(pool)
    write_late(pools[1], 9)
    with pytest.raises(WriteAfterRelease, match="pool 'two'"):
        manager.acquire_all(["one", "two"])
    for stats in manager.stats().values():
        check_identities(stats)
        assert stats.leased == 0
    with manager.acquire_all(["one", "two"], timeout_s=0.0):
        assert pools[0].stats().leased == 1
