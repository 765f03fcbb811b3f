"""The allocator fails at the 1st, 2nd, … Nth allocation until a run succeeds.

After every failure the pool is whole: nothing lost, nothing reserved, nobody waiting.
"""

from __future__ import annotations

import asyncio
import mmap
from typing import Any

import pytest

from framesrv.pool import ArrayPool, PoolManager, RecordPool
from framesrv.pool.memory import PAGE_BYTES, map_private
from framesrv.pool.room import ROOM
from framesrv.testing.clocks import FakeClock
from framesrv.testing.contract import check_identities
from tests.pool.managers import CLASSES


class Rigged:
    """Allocates until the turn that fails; later ones succeed again."""

    def __init__(self, fail_at: int) -> None:
        self.fail_at = fail_at
        self.turn = 0

    def __call__(self, nbytes: int) -> mmap.mmap:
        self.turn += 1
        if self.turn == self.fail_at:
            raise MemoryError(f"allocation {self.turn} was rigged to fail")
        return map_private(nbytes)


def scenario(allocate: Any) -> PoolManager:
    """A bit of everything that allocates: warm-up, misses, sets, ladder, oversize, async."""
    manager = PoolManager(
        40 * PAGE_BYTES,
        classes=CLASSES,
        allocate=allocate,
        clock=FakeClock(),
    )
    survivors.append(manager)
    pool = ArrayPool("a", shape=(16,), capacity=4, warm=2, allocate=allocate, clock=FakeClock())
    manager.register(pool)
    with pool.acquire(), pool.acquire(), pool.acquire():
        with manager.acquire_all({"x": "a", "y": (2, PAGE_BYTES), "z": (6, PAGE_BYTES)}):
            pass
        with manager.acquire_all({"y": (PAGE_BYTES,), "z": (2, PAGE_BYTES), "w": (7, PAGE_BYTES)}):
            pass

    async def main() -> None:
        async with manager.acquire_all_async({"y": (4, PAGE_BYTES), "z": (4, PAGE_BYTES)}):
            pass

    asyncio.run(main())
    return manager


survivors: list[PoolManager] = []


def check_whole(manager: PoolManager) -> None:
    for pool in manager.pools:
        stats = pool.stats()
        check_identities(stats)
        assert (stats.leased, stats.waiting, len(pool.permits)) == (0, 0, 0)
    assert manager.budget.reserved_bytes == sum(
        pool.stats().bytes_total for pool in manager.budget.elastic
    )
    assert ROOM.waiting == {}
    with manager.acquire((2, PAGE_BYTES)), manager.acquire((8, PAGE_BYTES)):
        pass  # and it still lends


def test_every_allocation_in_turn() -> None:
    failures = 0
    for fail_at in range(1, 100):
        survivors.clear()
        allocator = Rigged(fail_at)
        try:
            scenario(allocator)
        except MemoryError:
            failures += 1
        allocator.fail_at = 0  # what follows succeeds
        check_whole(survivors[0])
        if failures < fail_at:
            break
    assert failures == 10, "two of the warm-up, and eight misses"


def test_a_failed_warm_up_raises_and_leaves_nothing() -> None:
    with pytest.raises(MemoryError, match="allocation 3"):
        ArrayPool("p", shape=(16,), capacity=4, allocate=Rigged(3))


def test_whoever_waits_is_served_when_an_allocation_fails() -> None:
    """A permit that fails goes to the next in line, who may have more luck."""
    clock = FakeClock()
    pool = ArrayPool("p", shape=(16,), capacity=1, warm=0, allocate=Rigged(1), clock=clock)
    with pytest.raises(MemoryError):
        pool.acquire()
    with pool.acquire():
        assert pool.stats().misses == 1
    check_identities(pool.stats())


class Moody:
    """A record whose factory and reset fail when told to."""

    fail_make = fail_reset = False

    def __init__(self) -> None:
        if Moody.fail_make:
            raise MemoryError("rigged")

    def reset(self) -> None:
        if Moody.fail_reset:
            raise OSError("rigged")


def test_a_factory_that_fails_leaves_the_pool_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = RecordPool("p", Moody, capacity=2, warm=0)
    monkeypatch.setattr(Moody, "fail_make", True)
    for _ in range(3):
        with pytest.raises(MemoryError):
            pool.acquire()
    monkeypatch.setattr(Moody, "fail_make", False)
    with pool.acquire(), pool.acquire():
        pass
    check_identities(pool.stats())


def test_a_reset_that_fails_discards_the_record(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = RecordPool("p", Moody, capacity=1)
    lease = pool.acquire()
    monkeypatch.setattr(Moody, "fail_reset", True)
    with pytest.raises(OSError, match="rigged"):
        lease.release()
    pool.acquire()  # dropped without release: its reset fails as well, under the lock
    stats = pool.stats()
    assert (stats.existing, stats.discards_by_reason) == (0, {"reset_failed": 2})
    check_identities(stats)
    monkeypatch.setattr(Moody, "fail_reset", False)
    with pool.acquire():
        pass


def test_a_reset_that_fails_after_quarantine_discards_too(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = RecordPool("p", Moody, capacity=1)
    lease = pool.acquire()
    kept = lease.record
    lease.release()
    monkeypatch.setattr(Moody, "fail_reset", True)
    del kept
    stats = pool.stats()
    assert (stats.quarantined, stats.discards_by_reason) == (0, {"reset_failed": 1})
    check_identities(stats)
