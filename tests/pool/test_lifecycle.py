"""The end, and the beginning, while others are in the middle of something."""

from __future__ import annotations

import asyncio
import mmap
import threading
from collections.abc import Callable
from typing import Any

import pytest

from framesrv.pool import ArrayPool, ManagerState, PoolClosed, PoolManager
from framesrv.pool.memory import map_private
from framesrv.pool.room import ROOM
from framesrv.testing.clocks import FakeClock, run_virtually
from framesrv.testing.contract import check_identities


class SlowMemory:
    """Allocates only when it is told to go on."""

    def __init__(self) -> None:
        self.asked, self.go_on = threading.Event(), threading.Event()

    def __call__(self, nbytes: int) -> mmap.mmap:
        self.asked.set()
        self.go_on.wait()
        return map_private(nbytes)


def in_background(act: Callable[[], Any]) -> tuple[threading.Thread, list[Any]]:
    """Begin it in another thread; what came of it, or the error, is in the list at the end."""
    outcome: list[Any] = []

    def run() -> None:
        try:
            outcome.append(act())
        except Exception as error:
            outcome.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, outcome


@pytest.mark.parametrize("request_", ["slow", (9, 9)], ids=["named", "ladder"])
def test_shutdown_waits_for_a_buffer_that_is_being_made(request_: Any) -> None:
    clock, memory = FakeClock(), SlowMemory()
    manager = PoolManager(1 << 20, clock=clock, allocate=memory)
    manager.register(
        ArrayPool("slow", shape=(4,), capacity=1, warm=0, clock=clock, allocate=memory)
    )
    borrower, outcome = in_background(lambda: manager.acquire(request_, timeout_s=1.0))
    memory.asked.wait()
    states = []

    def finish() -> None:
        states.append(manager.state)
        memory.go_on.set()
        borrower.join()

    clock.after(0.5, finish)
    before = clock.now()
    assert manager.shutdown(timeout_s=5.0) == []
    assert states == [ManagerState.DRAINING]
    assert clock.now() - before == pytest.approx(0.5, abs=0.011)
    [error] = outcome
    assert isinstance(error, PoolClosed)
    for stats in manager.stats().values():
        check_identities(stats)
        assert (stats.existing, stats.leased) == (0, 0)


def test_shutdown_withdraws_what_lies_ready_for_somebody() -> None:
    async def main(clock: FakeClock) -> None:
        manager = PoolManager(1 << 20, clock=clock)
        pools = [ArrayPool(name, shape=(4,), capacity=1, clock=clock) for name in ("a", "b")]
        manager.register(*pools)
        held = pools[0].acquire()

        async def job() -> None:
            with pytest.raises(PoolClosed, match="while you waited"):
                await manager.acquire_all_async(["a", "b"], timeout_s=10.0)

        task = asyncio.create_task(job())
        await asyncio.sleep(0)
        held.release()  # now it is ready, and the task did not run yet
        before = clock.now()
        assert manager.shutdown(timeout_s=5.0) == []
        assert clock.now() == before
        await task
        for pool in pools:
            stats = pool.stats()
            check_identities(stats)
            assert (stats.existing, stats.waiting) == (0, 0)
        assert ROOM.waiting == {}

    run_virtually(main)


def test_closing_serves_nobody_meanwhile() -> None:
    async def main(clock: FakeClock) -> None:
        manager = PoolManager(1 << 20, clock=clock)
        pools = [ArrayPool(name, shape=(4,), capacity=1, clock=clock) for name in ("a", "b", "c")]
        manager.register(*pools)
        held = [pools[1].acquire(), pools[2].acquire()]

        async def job(places: list[str]) -> None:
            with pytest.raises(PoolClosed):
                await manager.acquire_all_async(places, timeout_s=10.0)

        jobs = (["a", "b"], ["a"], ["c"], ["a", "c"])  # the first has "a" set aside
        tasks = [asyncio.create_task(job(places)) for places in jobs]
        await asyncio.sleep(0)
        held.pop().release()  # "c" is ready for the third
        manager.drain()
        await asyncio.gather(*tasks)
        assert [pool.stats().gets for pool in pools] == [0, 1, 1]
        held.pop().release()
        assert manager.shutdown() == []
        assert sum(stats.existing for stats in manager.stats().values()) == 0

    run_virtually(main)


class TestRegisterAndDrain:
    def test_a_pool_that_comes_meanwhile_is_closed_too(self) -> None:
        manager = PoolManager(1 << 20)
        drained: list[Any] = []

        class Late(ArrayPool):
            def worst_case_bytes(self) -> int:
                if not drained:
                    drained.append(in_background(manager.drain)[0])
                    drained[0].join(0.1)  # it is over now, or waits for the registration
                return super().worst_case_bytes()

        try:
            manager.register(Late("late", shape=(4,), capacity=1))
        except PoolClosed:
            assert manager.state is not ManagerState.RUNNING
        drained[0].join()
        for pool in manager.pools:
            assert pool.closed, pool.name

    def test_a_pool_that_comes_afterwards_is_refused(self) -> None:
        manager = PoolManager(1 << 20)
        manager.drain()
        late = ArrayPool("late", shape=(4,), capacity=1)
        with pytest.raises(PoolClosed, match="draining"):
            manager.register(late)
        assert not late.closed
        late.acquire().release()


class TestLookingWhileAnotherThreadRegisters:
    def test_trim(self) -> None:
        manager = PoolManager(1 << 24)

        class Registering(ArrayPool):
            def trim(self, idle_for_s: float = 0.0, *, heap: bool = True) -> int:
                other = ArrayPool("other", shape=(4,), capacity=1, warm=0)
                thread, outcome = in_background(lambda: manager.register(other))
                thread.join()
                assert outcome == [None]
                return super().trim(idle_for_s)

        manager.register(Registering("p", shape=(4,), capacity=1))
        assert manager.trim() == 0
        assert manager.pool("other").name == "other"

    def test_worst_case(self) -> None:
        manager = PoolManager(1 << 24)
        pools = [ArrayPool(f"p{i}", shape=(4,), capacity=1, warm=0) for i in range(200)]

        def register_all() -> None:
            for pool in pools:
                manager.register(pool)

        thread, outcome = in_background(register_all)
        while thread.is_alive():
            manager.worst_case()
            manager.trim()
        thread.join()
        assert outcome == [None]
        assert manager.worst_case().count("\n") == len(pools) + 1
