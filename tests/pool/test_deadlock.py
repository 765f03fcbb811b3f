"""Rings of waiters: told at the time-out and never earlier, and never where there is none."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from framesrv.pool import (
    ArrayPool,
    BudgetExhausted,
    DebugLevel,
    LeaseSet,
    PoolClosed,
    PoolDeadlock,
    PoolExhausted,
    PoolManager,
    SizeClasses,
)
from framesrv.pool.memory import PAGE_BYTES
from framesrv.pool.ticket import NOBODY
from framesrv.pool.waiting import ThreadWaker
from framesrv.testing.clocks import FakeClock, VirtualLoop, run_virtually

FAILED_S = 60.0  # of real time; only a test that fails waits for so long


class StandingClock:
    """Time that stands still, for all threads, until the test moves it."""

    def __init__(self) -> None:
        self._now = 1000.0
        self._looks: set[tuple[str, float]] = set()
        self._changed = threading.Condition()

    def now(self) -> float:
        return self._now

    def wait(self, lock: Any, timeout_s: float) -> bool:
        end = self._now + timeout_s
        with self._changed:
            self._looks.add((threading.current_thread().name, self._now))
            self._changed.notify_all()
        while not lock.acquire(timeout=0.001):
            if self._now >= end:
                return False
        return True

    def until_waiting(self, *names: str) -> None:
        """Until these threads have all looked around at the present time, in vain."""
        looks = {(name, self._now) for name in names}
        with self._changed:
            assert self._changed.wait_for(lambda: looks <= self._looks, FAILED_S)

    def advance(self, seconds: float) -> None:
        self._now += seconds


class Stage:
    """Named threads, each of which does what it is told."""

    def __init__(self) -> None:
        self.clock = StandingClock()
        self._threads: dict[str, ThreadPoolExecutor] = {}

    def begin(self, who: str, act: Callable[[], Any]) -> Future[Any]:
        if who not in self._threads:
            self._threads[who] = ThreadPoolExecutor(1, thread_name_prefix=who)
        return self._threads[who].submit(act)

    def do(self, who: str, act: Callable[[], Any]) -> Any:
        return self.begin(who, act).result(FAILED_S)

    def wait_for(self, who: str, act: Callable[[], Any]) -> Future[Any]:
        """Begin something in which the thread must wait."""
        future = self.begin(who, act)
        self.clock.until_waiting(f"{who}_0")
        return future

    def end(self) -> None:
        self.clock.advance(1e6)  # whoever still waits is done now
        for thread in self._threads.values():
            thread.shutdown()

    def pool(self, name: str, capacity: int = 1) -> ArrayPool:
        return ArrayPool(name, shape=(2,), capacity=capacity, clock=self.clock)


@pytest.fixture
def stage() -> Iterator[Stage]:
    stage = Stage()
    yield stage
    stage.end()


def error_of(future: Future[Any]) -> BaseException:
    error = future.exception(FAILED_S)
    assert error is not None
    return error


class TestRingOfThreads:
    def test_of_two(self, stage: Stage) -> None:
        a, b = stage.pool("a"), stage.pool("b")
        lease_a = stage.do("alice", a.acquire)
        lease_b = stage.do("bob", b.acquire)
        alice = stage.wait_for("alice", lambda: b.acquire(timeout_s=1.0))
        bob = stage.wait_for("bob", lambda: a.acquire(timeout_s=2.0))

        stage.clock.advance(0.99)
        stage.clock.until_waiting("alice_0", "bob_0")
        assert not alice.done(), "never before the time-out"
        assert not bob.done()

        stage.clock.advance(0.02)
        error = error_of(alice)
        assert type(error) is PoolDeadlock
        text = str(error)
        assert text.startswith("no buffer of pool 'b' came free after 1.010 s: total 1 of 1")
        assert (
            "A ring of waiters: thread 'alice_0' waits for 'b', held by thread 'bob_0'; "
            "thread 'bob_0' waits for 'a', held by thread 'alice_0'. "
            "Borrow a job's buffers in one step: PoolManager.acquire_all"
        ) in text
        assert b.stats().timeouts == 1

        stage.do("alice", lease_a.release)
        bob.result(FAILED_S).release()
        lease_b.release()

    def test_of_three(self, stage: Stage) -> None:
        a, b, c = (stage.pool(name) for name in "abc")
        leases = [
            stage.do(who, pool.acquire) for who, pool in (("ann", a), ("ben", b), ("cleo", c))
        ]
        ann = stage.wait_for("ann", lambda: b.acquire(timeout_s=1.0))
        ben = stage.wait_for("ben", lambda: c.acquire(timeout_s=9.0))
        cleo = stage.wait_for("cleo", lambda: a.acquire(timeout_s=9.0))
        stage.clock.advance(0.99)
        stage.clock.until_waiting("ann_0", "ben_0", "cleo_0")
        assert not ann.done()
        stage.clock.advance(0.02)
        error = error_of(ann)
        assert type(error) is PoolDeadlock
        assert (
            "thread 'ann_0' waits for 'b', held by thread 'ben_0'; "
            "thread 'ben_0' waits for 'c', held by thread 'cleo_0'; "
            "thread 'cleo_0' waits for 'a', held by thread 'ann_0'."
        ) in str(error)
        leases[0].release()
        last = cleo.result(FAILED_S)
        leases[2].release()
        ben.result(FAILED_S).release()
        leases[1].release()
        last.release()

    def test_over_pools_of_several_buffers(self, stage: Stage) -> None:
        a, b = stage.pool("a"), stage.pool("b", capacity=2)
        held = [stage.do(who, pool.acquire) for who, pool in (("ann", a), ("ben", b), ("cleo", b))]
        ben = stage.wait_for("ben", lambda: a.acquire(timeout_s=9.0))
        cleo = stage.wait_for("cleo", lambda: a.acquire(timeout_s=9.0))
        ann = stage.wait_for("ann", lambda: b.acquire(timeout_s=1.0))
        stage.clock.advance(1.5)
        assert type(error_of(ann)) is PoolDeadlock
        held[0].release()
        for waiter in (ben, cleo):
            waiter.result(FAILED_S).release()
        for lease in held[1:]:
            lease.release()

    def test_one_who_waits_for_a_ring_without_being_in_it(self, stage: Stage) -> None:
        a, b = stage.pool("a"), stage.pool("b")
        lease_a, lease_b = stage.do("alice", a.acquire), stage.do("bob", b.acquire)
        alice = stage.wait_for("alice", lambda: b.acquire(timeout_s=5.0))
        bob = stage.wait_for("bob", lambda: a.acquire(timeout_s=6.0))
        carol = stage.wait_for("carol", lambda: a.acquire(timeout_s=1.0))
        stage.clock.advance(1.5)
        error = error_of(carol)
        assert type(error) is PoolDeadlock
        assert "thread 'carol_0' waits for 'a', held by thread 'alice_0'; thread" in str(error)
        stage.clock.advance(4.0)
        assert type(error_of(alice)) is PoolDeadlock
        lease_a.release()
        bob.result(FAILED_S).release()
        lease_b.release()

    def test_through_a_buffer_that_is_set_aside(self, stage: Stage) -> None:
        a, b = stage.pool("a"), stage.pool("b")
        manager = PoolManager(1 << 20, clock=stage.clock)
        manager.register(a)
        manager.register(b)
        lease_b = stage.do("bob", b.acquire)
        alice = stage.wait_for("alice", lambda: manager.acquire_all(["a", "b"], timeout_s=1.0))
        bob = stage.wait_for("bob", lambda: a.acquire(timeout_s=9.0))
        stage.clock.advance(1.5)
        error = error_of(alice)
        assert type(error) is PoolDeadlock
        assert (
            "thread 'alice_0' waits for 'b', held by thread 'bob_0'; "
            "thread 'bob_0' waits for 'a', held by thread 'alice_0'."
        ) in str(error)
        bob.result(FAILED_S).release()
        lease_b.release()


class TestNoRing:
    """Whoever could still be served gets a plain PoolExhausted."""

    def test_a_holder_who_does_not_wait(self, stage: Stage) -> None:
        a, b = stage.pool("a"), stage.pool("b")
        lease_a, lease_b = stage.do("alice", a.acquire), stage.do("bob", b.acquire)
        alice = stage.wait_for("alice", lambda: b.acquire(timeout_s=1.0))
        stage.clock.advance(1.5)
        error = error_of(alice)
        assert type(error) is PoolExhausted
        assert "ring" not in str(error)
        lease_a.release()
        lease_b.release()

    def test_one_holder_of_several_who_does_not_wait(self, stage: Stage) -> None:
        a, b = stage.pool("a"), stage.pool("b", capacity=2)
        held = [stage.do(who, pool.acquire) for who, pool in (("ann", a), ("ben", b), ("cleo", b))]
        ben = stage.wait_for("ben", lambda: a.acquire(timeout_s=9.0))
        ann = stage.wait_for("ann", lambda: b.acquire(timeout_s=1.0))
        stage.clock.advance(1.5)
        assert type(error_of(ann)) is PoolExhausted
        held[0].release()
        ben.result(FAILED_S).release()
        for lease in held[1:]:
            lease.release()

    def test_a_holder_at_the_end_of_a_chain_who_does_not_wait(self, stage: Stage) -> None:
        a, b, c = (stage.pool(name) for name in "abc")
        held = [stage.do(who, pool.acquire) for who, pool in (("ann", a), ("ben", b), ("cleo", c))]
        ben = stage.wait_for("ben", lambda: c.acquire(timeout_s=9.0))
        ann = stage.wait_for("ann", lambda: b.acquire(timeout_s=1.0))
        stage.clock.advance(1.5)
        assert type(error_of(ann)) is PoolExhausted
        held[2].release()
        ben.result(FAILED_S).release()
        held[0].release()
        held[1].release()

    def test_a_buffer_in_quarantine_may_come_free(self, stage: Stage) -> None:
        a = stage.pool("a", capacity=2)
        lease = stage.do("alice", a.acquire)
        other = a.acquire()
        kept = other.array
        other.release()
        alice = stage.wait_for("alice", lambda: a.acquire(timeout_s=1.0))
        stage.clock.advance(1.5)
        error = error_of(alice)
        assert type(error) is PoolExhausted
        assert "quarantined 1" in str(error)
        assert kept is not None
        lease.release()

    def test_a_thread_that_got_the_number_of_one_that_ended(self) -> None:
        """The lease was handed on; that its borrower's ident is used again means nothing."""
        clock = FakeClock()
        pool = ArrayPool("handed_on", shape=(2,), capacity=1, clock=clock)
        leases: list[Any] = []
        errors: list[BaseException] = []

        def borrow_and_hand_on() -> None:
            leases.append(pool.acquire())

        def wait_in_vain() -> None:
            try:
                pool.acquire(timeout_s=0.01)
            except PoolExhausted as error:
                errors.append(error)

        for act in (borrow_and_hand_on, wait_in_vain):
            thread = threading.Thread(target=act)
            thread.start()
            thread.join()
        assert [type(error) for error in errors] == [PoolExhausted]
        leases.pop().release()


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


CLASSES = SizeClasses(smallest_bytes=PAGE_BYTES, largest_bytes=4 * PAGE_BYTES, per_doubling=1)


class TestBytes:
    """The ladder and oversize draw on the same bytes: a ring may go through both."""

    @staticmethod
    def manager(stage: Stage) -> PoolManager:
        return PoolManager(8 * PAGE_BYTES, classes=CLASSES, clock=stage.clock)

    def test_two_who_hold_half_and_want_the_other(self, stage: Stage) -> None:
        manager = self.manager(stage)
        shape = (4 * PAGE_BYTES,)
        held = [stage.do(who, lambda: manager.acquire(shape)) for who in ("ann", "ben")]
        ann = stage.wait_for("ann", lambda: manager.acquire(shape, timeout_s=1.0))
        ben = stage.wait_for("ben", lambda: manager.acquire(shape, timeout_s=9.0))
        stage.clock.advance(1.5)
        error = error_of(ann)
        assert type(error) is PoolDeadlock
        assert "thread 'ann_0' waits for 'ladder', held by" in str(error)
        for lease in held:
            lease.release()
        ben.result(FAILED_S).release()

    def test_none_while_a_large_image_may_come_home(self, stage: Stage) -> None:
        manager = self.manager(stage)
        small = stage.do("ann", lambda: manager.acquire((PAGE_BYTES,)))
        large = stage.do("ben", lambda: manager.acquire((5 * PAGE_BYTES,)))
        ann = stage.wait_for("ann", lambda: manager.acquire((4 * PAGE_BYTES,), timeout_s=1.0))
        stage.clock.advance(1.5)
        assert type(error_of(ann)) is BudgetExhausted, "ben does not wait"
        small.release()
        large.release()

    def test_one_whose_own_images_exceed_the_budget(self, stage: Stage) -> None:
        manager = self.manager(stage)
        large = stage.do("ann", lambda: manager.acquire((5 * PAGE_BYTES,)))
        small = stage.do("ben", lambda: manager.acquire((2 * PAGE_BYTES,)))
        ann = stage.wait_for("ann", lambda: manager.acquire((5 * PAGE_BYTES,), timeout_s=1.0))
        stage.clock.advance(1.5)
        assert type(error_of(ann)) is PoolDeadlock, "even if ben returns his"
        large.release()
        small.release()

    def test_one_who_holds_small_ones_and_wants_a_large_one(self, stage: Stage) -> None:
        manager = self.manager(stage)
        held = stage.do("ann", lambda: manager.acquire((4 * PAGE_BYTES,)))
        ann = stage.wait_for("ann", lambda: manager.acquire((5 * PAGE_BYTES,), timeout_s=1.0))
        stage.clock.advance(1.5)
        assert type(error_of(ann)) is PoolDeadlock
        held.release()


class TestSetsCannotDeadlock:
    def test_in_whatever_order_they_name_their_pools(self) -> None:
        manager = PoolManager(1 << 20)
        names = ["a", "b", "c"]
        for name in names:
            manager.register(ArrayPool(name, shape=(2,), capacity=1))
        done: list[int] = []

        def work(number: int) -> None:
            job = names[number % 3 :] + names[: number % 3]
            if number % 2:
                job.reverse()
            for _ in range(100):
                with manager.acquire_all(job, timeout_s=FAILED_S) as leases:
                    for name in names:
                        leases[name].array.fill(number)
                    assert all((leases[name].array == number).all() for name in names)
            done.append(number)

        threads = [
            threading.Thread(target=work, args=(number,), daemon=True) for number in range(6)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(FAILED_S)
        assert sorted(done) == list(range(6))
        for name in names:
            stats = manager.stats()[name]
            assert (stats.gets, stats.idle, stats.timeouts) == (600, 1, 0)

    def test_two_that_cross(self, stage: Stage) -> None:
        manager = PoolManager(1 << 20, clock=stage.clock)
        for name in "ab":
            manager.register(stage.pool(name))
        with manager.acquire_all(["a", "b"]):
            ann = stage.wait_for("ann", lambda: manager.acquire_all(["a", "b"], timeout_s=9.0))
            ben = stage.wait_for("ben", lambda: manager.acquire_all(["b", "a"], timeout_s=9.0))
        first: LeaseSet = ann.result(FAILED_S)
        assert not ben.done(), "lower tickets win"
        first.release()
        ben.result(FAILED_S).release()


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
