"""Rings of waiting tasks, and of a task and the thread of its loop."""

from __future__ import annotations

import asyncio

import pytest

from framesrv.pool import ArrayPool, PoolDeadlock, PoolExhausted, PoolManager
from framesrv.testing.clocks import FakeClock, run_virtually


class TestTasks:
    def test_a_ring_of_two(self) -> None:
        async def main(clock: FakeClock) -> None:
            a, b = (ArrayPool(name, shape=(2,), capacity=1, clock=clock) for name in "ab")
            started = clock.now()
            errors: dict[str, tuple[type, float, str]] = {}

            async def work(name: str, mine: ArrayPool, other: ArrayPool, timeout_s: float) -> None:
                async with mine.acquire_async():
                    await asyncio.sleep(0)
                    try:
                        async with other.acquire_async(timeout_s):
                            errors[name] = (type(None), clock.now(), "served")
                    except PoolExhausted as error:
                        errors[name] = (type(error), clock.now(), str(error))

            one = asyncio.create_task(work("one", a, b, 1.0), name="one")
            two = asyncio.create_task(work("two", b, a, 2.0), name="two")
            await asyncio.gather(one, two)
            kind, at, text = errors["one"]
            assert kind is PoolDeadlock
            assert at - started == pytest.approx(1.0)
            assert "task 'one' waits for 'b', held by task 'two'; task 'two' waits for 'a'" in text
            assert errors["two"][2] == "served"

        run_virtually(main)

    def test_none_while_another_task_could_return_its_buffer(self) -> None:
        async def main(clock: FakeClock) -> None:
            a, b = (ArrayPool(name, shape=(2,), capacity=1, clock=clock) for name in "ab")

            async def hold() -> None:
                async with b.acquire_async():
                    await asyncio.sleep(5.0)

            holder = asyncio.create_task(hold())
            await asyncio.sleep(0)
            async with a.acquire_async():
                with pytest.raises(PoolExhausted) as caught:
                    await b.acquire_async(timeout_s=1.0)
            assert type(caught.value) is PoolExhausted
            await holder

        run_virtually(main)

    def test_a_task_that_waits_for_what_it_holds(self) -> None:
        async def main(clock: FakeClock) -> None:
            pool = ArrayPool("a", shape=(2,), capacity=1, clock=clock)
            async with pool.acquire_async():
                with pytest.raises(PoolDeadlock, match="waits for 'a', held by task"):
                    await pool.acquire_async(timeout_s=1.0)

        run_virtually(main)

    def test_a_thread_that_blocks_the_loop_of_the_task_it_waits_for(self) -> None:
        async def main(clock: FakeClock) -> None:
            pool = ArrayPool("a", shape=(2,), capacity=1, clock=clock)

            async def hold() -> None:
                async with pool.acquire_async():
                    await asyncio.sleep(1000.0)

            holder = asyncio.create_task(hold(), name="holder")
            await asyncio.sleep(0)
            with pytest.raises(
                PoolDeadlock, match="thread 'MainThread' waits for 'a', held by thread 'MainThread'"
            ):
                pool.acquire(timeout_s=1.0)
            holder.cancel()

        run_virtually(main)

    def test_a_ring_of_three_with_sets(self) -> None:
        async def main(clock: FakeClock) -> None:
            manager = PoolManager(1 << 20, clock=clock)
            for name in "abc":
                manager.register(ArrayPool(name, shape=(2,), capacity=1, clock=clock))
            errors: dict[str, type] = {}

            async def work(name: str, mine: str, other: str, timeout_s: float) -> None:
                async with manager.acquire_all_async([mine]):
                    await asyncio.sleep(0)
                    try:
                        async with manager.acquire_all_async([other], timeout_s):
                            pass
                    except PoolExhausted as error:
                        errors[name] = type(error)

            async with asyncio.TaskGroup() as group:
                for number, (mine, other) in enumerate([("a", "b"), ("b", "c"), ("c", "a")], 1):
                    group.create_task(work(mine, mine, other, float(number)))
            assert errors == {"a": PoolDeadlock}

        run_virtually(main)
