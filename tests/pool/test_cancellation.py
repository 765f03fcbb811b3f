"""acquire_async cancelled at every moment: no buffer lost, none granted twice.

The loop runs in virtual time and is stepped one iteration at a time, so that "every moment"
is a list, not a matter of luck.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from framesrv.pool import ArrayPool, BytesIOPool, PoolClosed, PoolExhausted, PoolManager
from framesrv.pool.room import ROOM
from framesrv.testing.clocks import FakeClock, VirtualLoop, run_virtually
from tests.pool.helpers import check_home

STEPS = 8  # more iterations of the loop than any acquire needs


async def use(pool: ArrayPool) -> None:
    async with pool.acquire_async(timeout_s=5.0) as lease:
        lease.array.fill(1)
        await asyncio.sleep(0)


async def take(pool: ArrayPool) -> None:
    lease = await pool.acquire_async(timeout_s=5.0)
    try:
        await asyncio.sleep(0)
    finally:
        lease.release()


@pytest.mark.parametrize("borrow", [use, take])
@pytest.mark.parametrize("release_at", range(STEPS))
@pytest.mark.parametrize("cancel_at", range(STEPS))
def test_cancelled_at_every_step_around_the_grant(
    borrow: Callable[[ArrayPool], Coroutine[Any, Any, None]], cancel_at: int, release_at: int
) -> None:
    async def main(clock: FakeClock) -> None:
        pool = ArrayPool("p", shape=(4,), capacity=1, clock=clock)
        held = pool.acquire()
        victim = asyncio.create_task(borrow(pool))
        next_in_line = asyncio.create_task(borrow(pool))
        for step in range(STEPS):
            if step == release_at:
                held.release()
            if step == cancel_at:
                victim.cancel()
            await asyncio.sleep(0)
        await asyncio.gather(victim, return_exceptions=True)
        await next_in_line
        check_home(pool)
        assert ROOM.waiting == {}

    run_virtually(main)


@pytest.mark.parametrize("cancel_at", range(STEPS))
def test_a_set_cancelled_at_every_step_gives_back_what_was_set_aside(cancel_at: int) -> None:
    async def main(clock: FakeClock) -> None:
        manager = PoolManager(1 << 24, clock=clock)
        array = ArrayPool("array", shape=(4,), capacity=1, clock=clock)
        other = ArrayPool("other", shape=(5,), capacity=1, clock=clock)
        for pool in (array, other):
            manager.register(pool)
        held = other.acquire()

        async def job() -> None:
            async with manager.acquire_all_async(["array", "other"], timeout_s=5.0):
                await asyncio.sleep(0)

        victim = asyncio.create_task(job())
        for step in range(STEPS):
            if step == cancel_at:
                victim.cancel()
            if step == STEPS // 2:
                held.release()
            await asyncio.sleep(0)
        await asyncio.gather(victim, return_exceptions=True)
        check_home(array)
        check_home(other)

    run_virtually(main)


def test_every_await_of_the_coroutine_in_turn() -> None:
    """Drive the coroutine by hand and throw at its first, second, … suspension."""
    loop = VirtualLoop()
    asyncio.set_event_loop(loop)
    try:
        for throw_at in range(1, 4):
            pool = ArrayPool("p", shape=(4,), capacity=1, clock=loop.clock)
            held = pool.acquire()
            suspended = 0

            async def main(pool: ArrayPool = pool, throw_at: int = throw_at) -> None:
                nonlocal suspended
                coroutine = pool.acquire_async(timeout_s=60.0).__await__()
                for suspended in range(1, throw_at + 1):
                    future = next(coroutine)
                    future._asyncio_future_blocking = False
                    if suspended < throw_at:
                        await asyncio.sleep(0.011)  # its tick comes: it looks, and naps again
                with pytest.raises(asyncio.CancelledError):
                    coroutine.throw(asyncio.CancelledError())

            loop.run_until_complete(main())
            assert suspended == throw_at
            assert pool.stats().waiting == 0
            held.release()
            check_home(pool)
    finally:
        asyncio.set_event_loop(None)
        loop.close()


def test_a_waiter_whose_loop_is_closed_is_skipped() -> None:
    pool = ArrayPool("p", shape=(4,), capacity=1)
    held = pool.acquire()
    dead_loop = asyncio.new_event_loop()
    task = dead_loop.create_task(take(pool))
    dead_loop.run_until_complete(asyncio.sleep(0))
    dead_loop.run_until_complete(asyncio.sleep(0))
    assert pool.stats().waiting == 1
    dead_loop.close()

    async def main() -> None:
        waiting = asyncio.create_task(take(pool))
        await asyncio.sleep(0)
        held.release()
        await waiting

    asyncio.run(main())
    task._log_destroy_pending = False  # type: ignore[attr-defined]  # we killed it on purpose
    del task
    gc.collect()
    check_home(pool)


def test_a_task_destroyed_while_it_waits_leaves_the_line() -> None:
    pool = ArrayPool("p", shape=(4,), capacity=1)
    held = pool.acquire()
    coroutine = take(pool)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        task = loop.create_task(coroutine)
        await asyncio.sleep(0)
        assert pool.stats().waiting == 1
        task._log_destroy_pending = False  # type: ignore[attr-defined]
        task.cancel()

    asyncio.run(main())
    assert pool.stats().waiting == 0
    held.release()
    check_home(pool)


def test_a_time_out_of_one_task_serves_the_next() -> None:
    async def main(clock: FakeClock) -> None:
        manager = PoolManager(1 << 24, clock=clock)
        pools = [ArrayPool(n, shape=(s,), capacity=1, clock=clock) for n, s in (("a", 4), ("b", 5))]
        for pool in pools:
            manager.register(pool)
        held = pools[1].acquire()

        async def first() -> None:  # sets "a" aside and never gets "b"
            with pytest.raises(PoolExhausted):
                await manager.acquire_all_async(["a", "b"], timeout_s=0.05)

        async def second() -> float:
            async with pools[0].acquire_async(timeout_s=1.0):
                return clock.now()

        start = clock.now()
        _, served_at = await asyncio.gather(first(), second())
        assert served_at == pytest.approx(start + 0.05)
        held.release()
        for pool in pools:
            check_home(pool)

    run_virtually(main)


def test_closing_refuses_waiting_tasks() -> None:
    async def main(clock: FakeClock) -> None:
        pool = BytesIOPool("p", initial_bytes=8, capacity=1, clock=clock)
        with pool.acquire():
            task = asyncio.create_task(_await(pool))
            await asyncio.sleep(0)
            pool.close()
            with pytest.raises(PoolClosed, match="while you waited"):
                await task
        assert pool.stats().existing == 0

    run_virtually(main)


async def _await(pool: BytesIOPool) -> Any:
    return await pool.acquire_async(timeout_s=5.0)


def test_outside_a_task_it_says_so() -> None:
    pool = ArrayPool("p", shape=(4,), capacity=1)
    acquire = pool.acquire_async().__await__()
    with pytest.raises(RuntimeError, match=r"no running event loop|inside a task"):
        next(acquire)
    check_home(pool)
