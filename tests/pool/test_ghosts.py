"""Those who wait and will never come: they keep nothing, block nobody and raise no false alarm."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from framesrv.pool import ArrayPool, PoolExhausted, PoolManager
from framesrv.pool.holder import HERE
from framesrv.pool.line import join
from framesrv.pool.room import ROOM
from framesrv.pool.ticket import NOBODY, State, Ticket, Want
from framesrv.testing.clocks import FakeClock
from tests.pool.helpers import check_home


def make(clock: FakeClock, *names: str) -> tuple[PoolManager, list[ArrayPool]]:
    manager = PoolManager(1 << 24, clock=clock)
    pools = [ArrayPool(name, shape=(4,), capacity=1, clock=clock) for name in names]
    manager.register(*pools)
    return manager, pools


@contextmanager
def standing_still(start: Callable[[], Any]) -> Iterator[asyncio.AbstractEventLoop]:
    """A loop in which a task began to wait, and which turns no more."""
    loop = asyncio.new_event_loop()

    async def wait() -> Any:
        return await start()

    task = loop.create_task(wait())
    for _ in range(3):
        loop.run_until_complete(asyncio.sleep(0))
    try:
        yield loop
    finally:
        loop.close()
        task._log_destroy_pending = False  # type: ignore[attr-defined]  # stopped on purpose
        del task
        gc.collect()


def check_whole(*pools: ArrayPool) -> None:
    check_home(*pools)
    assert ROOM.waiting == {}
    assert ROOM.ready == {}


class TestAClosedLoop:
    def test_a_set_gives_back_what_was_set_aside(self) -> None:
        clock = FakeClock()
        manager, (a, b) = make(clock, "a", "b")
        held = b.acquire()
        with standing_still(lambda: manager.acquire_all_async(["a", "b"], timeout_s=30.0)) as loop:
            assert a.try_acquire() is None, "it is set aside"
            loop.close()
            a.acquire(timeout_s=0.02).release()
            assert ROOM.waiting == {}
        held.release()
        check_whole(a, b)

    def test_a_ready_ticket_gives_its_buffer_back(self) -> None:
        clock = FakeClock()
        _, (pool,) = make(clock, "a")
        held = pool.acquire()
        with standing_still(lambda: pool.acquire_async(timeout_s=30.0)) as loop:
            held.release()
            loop.close()
            assert pool.stats().waiting == 0
            check_whole(pool)

    def test_it_is_no_part_of_a_ring(self) -> None:
        clock = FakeClock()
        manager, (a, b) = make(clock, "a", "b")
        held = b.acquire()
        # The ghost has "a" set aside and lacks "b", which we hold: a ring, were it alive.
        with standing_still(lambda: manager.acquire_all_async(["a", "b"], timeout_s=30.0)) as loop:
            loop.close()
            a.acquire(timeout_s=0.0).release()
        held.release()
        check_whole(a, b)


class TestALoopThatStandsStill:
    def test_its_buffer_is_withdrawn_a_second_after_the_deadline(self) -> None:
        clock = FakeClock()
        _, (pool,) = make(clock, "a")
        held = pool.acquire()
        with standing_still(lambda: pool.acquire_async(timeout_s=0.05)):
            held.release()
            clock.advance(1.0)
            assert pool.try_acquire() is None, "it may still come for it"
            pool.acquire(timeout_s=0.1).release()  # the second is over while we wait
            check_whole(pool)

    def test_it_is_told_when_it_turns_again(self) -> None:
        clock = FakeClock()
        _, (pool,) = make(clock, "a")
        held = pool.acquire()
        loop = asyncio.new_event_loop()

        async def wait() -> None:
            with pytest.raises(PoolExhausted, match="stood still"):
                await pool.acquire_async(timeout_s=0.05)

        task = loop.create_task(wait())
        loop.run_until_complete(asyncio.sleep(0))
        held.release()
        clock.advance(1.1)
        pool.acquire(timeout_s=0.0).release() if pool.stats().idle else None
        loop.run_until_complete(task)
        loop.close()
        check_whole(pool)

    def test_in_time_it_is_served(self) -> None:
        clock = FakeClock()
        _, (pool,) = make(clock, "a")
        held = pool.acquire()
        loop = asyncio.new_event_loop()

        async def wait() -> None:
            (await pool.acquire_async(timeout_s=0.05)).release()

        task = loop.create_task(wait())
        loop.run_until_complete(asyncio.sleep(0))
        held.release()
        clock.advance(1.0)
        pool.stats()
        loop.run_until_complete(task)
        loop.close()
        check_whole(pool)


class CollectingClock(FakeClock):
    """The collector runs when the time is asked for, once."""

    armed = False

    def now(self) -> float:
        if self.armed:
            self.armed = False
            gc.collect()
        return super().now()


class Knot:
    """A reference cycle."""

    def __init__(self) -> None:
        self.me = self
        self.coroutine: Any = None


def test_a_suspended_acquire_destroyed_by_the_collector_inside_a_step() -> None:
    clock = CollectingClock()
    pool = ArrayPool("a", shape=(4,), capacity=1, clock=clock)

    async def wait() -> Any:
        return await pool.acquire_async(timeout_s=30.0)

    async def main() -> None:
        gc.disable()
        held = pool.acquire()
        knot = Knot()
        knot.coroutine = wait()
        knot.coroutine.send(None)  # stands in line now
        del knot
        clock.armed = True
        pool.stats()
        assert not clock.armed
        held.release()
        check_whole(pool)

    try:
        asyncio.run(main())
    finally:
        gc.enable()


def test_an_abandoned_ticket_in_front_does_not_block() -> None:
    """Marked by its owner, who could not step out: the next look does it for him."""
    clock = FakeClock()
    pool = ArrayPool("a", shape=(4,), capacity=1, clock=clock)
    held = pool.acquire()
    ghost = Ticket([Want(pool)], HERE.thread, NOBODY)
    ROOM.run(join, ghost)
    ghost.abandoned = True
    clock.after(0.005, held.release)
    pool.acquire(timeout_s=0.02).release()
    assert ghost.state is not State.READY
    check_whole(pool)
