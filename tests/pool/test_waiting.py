"""A stay in the line at its edges: the last moment, no wait at all, no task, no such time-out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from framesrv.pool import ArrayPool, DebugLevel, PoolClosed
from framesrv.pool.ticket import NOBODY
from framesrv.pool.waiting import ThreadWaker
from framesrv.testing.clocks import FakeClock, VirtualLoop


class LastMoment(FakeClock):
    """Does ``act`` while a waiter looks at the time, ``looks`` looks from now."""

    def __init__(self) -> None:
        super().__init__()
        self.looks = 0
        self.act: Callable[[], object] | None = None

    def now(self) -> float:
        if self.act is not None:
            self.looks -= 1
            if self.looks == 0:
                act, self.act = self.act, None
                act()
        return super().now()


class TestServedAtTheLastMoment:
    """Between a look at the ticket and what follows from it, another thread may serve it."""

    @pytest.mark.parametrize("timeout_s", [0.0, 1.0])
    def test_a_thread(self, timeout_s: float) -> None:
        clock = LastMoment()
        pool = ArrayPool("a", shape=(2,), capacity=1, clock=clock)
        lease = pool.acquire()
        clock.looks, clock.act = 2, lease.release  # the first look is at the beginning
        with pool.acquire(timeout_s=timeout_s):
            assert clock.act is None
            assert pool.stats().timeouts == 0

    @pytest.mark.parametrize("timeout_s", [0.0, 1.0])
    def test_a_task(self, timeout_s: float) -> None:
        clock = LastMoment()
        pool = ArrayPool("a", shape=(2,), capacity=1, clock=clock)

        async def main() -> None:
            lease = pool.acquire()
            clock.looks, clock.act = 2, lease.release
            async with pool.acquire_async(timeout_s):
                assert clock.act is None
                assert pool.stats().timeouts == 0

        asyncio.run(main())

    def test_a_task_whose_loop_ends_before_it_comes(self) -> None:
        loop = VirtualLoop()
        pool = ArrayPool("a", shape=(2,), capacity=1, clock=loop.clock)
        lease = pool.acquire()

        async def wait() -> None:
            await pool.acquire_async(timeout_s=9.0)

        async def begin() -> asyncio.Task[None]:
            task = asyncio.create_task(wait())
            await asyncio.sleep(0)
            return task

        task = loop.run_until_complete(begin())
        lease.release()
        assert pool.try_acquire() is None, "the buffer is set aside for the task"
        loop.close()
        pool.acquire(timeout_s=1.0).release()
        assert pool.stats().idle == 1
        coroutine: Any = task.get_coro()
        with pytest.raises(PoolClosed):
            coroutine.throw(PoolClosed())

    def test_a_thread_may_be_woken_twice(self) -> None:
        waker = ThreadWaker()
        assert waker.wake()
        assert waker.wake()
        assert waker.lock.acquire(blocking=False)


class TestWhoeverOnlyTries:
    def test_is_served_from_the_line_if_there_is_room(self) -> None:
        pool = ArrayPool("a", shape=(2,), capacity=1, warm=0)
        lease = pool.try_acquire()
        assert lease is not None
        assert pool.try_acquire() is None
        lease.release()
        assert NOBODY.alive()


class TestOutsideOfTasks:
    @pytest.mark.parametrize("idle", [True, False])
    def test_awaiting_is_refused_and_nothing_is_lost(self, idle: bool) -> None:
        """A coroutine that is driven by hand has no task to hold the lease."""
        pool = ArrayPool("a", shape=(2,), capacity=1, debug=DebugLevel.OFF)
        held = None if idle else pool.acquire()
        errors: list[BaseException] = []

        async def main() -> None:
            def by_hand() -> None:
                try:
                    next(pool.acquire_async().__await__())
                except BaseException as error:
                    errors.append(error)
                done.set_result(None)

            loop = asyncio.get_running_loop()
            done = loop.create_future()
            loop.call_soon(by_hand)
            await done

        asyncio.run(main())
        [error] = errors
        assert isinstance(error, RuntimeError)
        assert "acquire_async must be awaited inside a task" in str(error)
        errors.clear()
        del error
        if held is not None:
            held.release()
        stats = pool.stats()
        assert (stats.idle, stats.waiting, stats.leaks) == (1, 0, 0)


@pytest.mark.parametrize("timeout_s", [None, "soon", 10**400])
def test_a_time_out_that_is_no_number_is_refused(timeout_s: Any) -> None:
    pool = ArrayPool("p", shape=(4,), capacity=1)
    with pool.acquire(), pytest.raises(ValueError, match="timeout_s"):
        pool.acquire(timeout_s=timeout_s)
