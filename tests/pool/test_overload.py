"""Many more borrowers than buffers: each is told in time, and the work stays in bounds."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import framesrv.pool
from framesrv.pool import ArrayPool, DebugLevel, PoolExhausted
from framesrv.pool.room import ROOM
from framesrv.testing.clocks import FakeClock, run_virtually
from framesrv.testing.contract import check_identities

POOL_DIR = str(Path(framesrv.pool.__file__).parent)


def make(clock: FakeClock, capacity: int) -> ArrayPool:
    return ArrayPool("p", shape=(4,), capacity=capacity, clock=clock, debug=DebugLevel.OFF)


def overload(tasks: int, timeout_s: float = 0.1) -> Counter[str]:
    """All are refused when their time is up. Says how often each function of the pool ran."""
    calls: Counter[str] = Counter()

    def count(frame: FrameType, event: str, arg: object) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(POOL_DIR):
            calls[frame.f_code.co_name] += 1

    async def main(clock: FakeClock) -> None:
        pool = make(clock, 8)
        held = [pool.acquire() for _ in range(8)]
        start = clock.now()

        async def one() -> float:
            with pytest.raises(PoolExhausted):
                await pool.acquire_async(timeout_s=timeout_s)
            return clock.now()

        before = sys.getprofile()
        sys.setprofile(count)
        try:
            ends = await asyncio.gather(*(one() for _ in range(tasks)))
        finally:
            sys.setprofile(before)
        assert {round(end - start, 6) for end in ends} == {timeout_s}
        for lease in held:
            lease.release()
        stats = pool.stats()
        check_identities(stats)
        assert (stats.timeouts, stats.idle, stats.waiting) == (tasks, 8, 0)
        assert ROOM.waiting == {}

    run_virtually(main)
    return calls


def test_the_work_grows_with_the_square_of_the_waiters_at_most() -> None:
    few, many = overload(50), overload(200)
    assert many.total() < 20 * few.total(), "16 is the square"


def test_four_hundred_are_all_told_in_time() -> None:
    assert overload(400)["expire"] == 400


def test_only_the_one_in_front_looks_for_lost_buffers() -> None:
    """Ten looks in a tenth of a second, and one by each who comes to the front."""
    sweeps = overload(200)["sweep"]
    assert 10 <= sweeps <= 2 * 200 + 20


def test_with_nobody_leaving_the_number_of_waiters_does_not_matter() -> None:
    """One who waits longest stands in front: the others only come, and go when time is up."""

    async def main(clock: FakeClock) -> None:
        pool = make(clock, 1)
        held = pool.acquire()
        looks = 0

        def count(frame: FrameType, event: str, arg: object) -> None:
            nonlocal looks
            looks += event == "call" and frame.f_code.co_name == "sweep"

        async def wait(timeout_s: float) -> None:
            with pytest.raises(PoolExhausted):
                await pool.acquire_async(timeout_s=timeout_s)

        tasks = [asyncio.create_task(wait(2.0)) for _ in range(100)]
        await asyncio.sleep(0)
        before = sys.getprofile()
        sys.setprofile(count)
        try:
            await asyncio.sleep(1.0)
        finally:
            sys.setprofile(before)
        assert 95 <= looks <= 105, "every 10 ms, by one of them"
        await asyncio.gather(*tasks)
        held.release()

    run_virtually(main)


def test_who_comes_to_the_front_goes_on_looking() -> None:
    async def main(clock: FakeClock) -> None:
        pool = make(clock, 1)
        held: list[Any] = [pool.acquire()]
        start = clock.now()

        async def first() -> None:
            with pytest.raises(PoolExhausted):
                await pool.acquire_async(timeout_s=0.05)

        async def second() -> float:
            async with pool.acquire_async(timeout_s=10.0):
                return clock.now() - start

        leaving, staying = asyncio.create_task(first()), asyncio.create_task(second())
        await asyncio.sleep(0.055)
        assert leaving.done()
        held.clear()  # leaked: nobody is told
        assert await staying <= 0.055 + 0.010 + 1e-6
        assert pool.stats().leaks_by_kind == {"dropped": 1}
        await leaving

    run_virtually(main)


def test_a_leak_before_the_front_leaves_is_found_as_well() -> None:
    async def main(clock: FakeClock) -> None:
        pool = make(clock, 1)
        held: list[Any] = [pool.acquire()]
        start = clock.now()

        async def one(timeout_s: float) -> float:
            async with pool.acquire_async(timeout_s=timeout_s):
                return clock.now() - start

        tasks = [asyncio.create_task(one(timeout_s)) for timeout_s in (0.5, 0.6)]
        await asyncio.sleep(0.1)
        held.clear()
        assert max(await asyncio.gather(*tasks)) <= 0.110 + 1e-6

    run_virtually(main)
