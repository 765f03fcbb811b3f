"""The end: leases that are out are waited for, and then named."""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import Any

import pytest

from framesrv.pool import ArrayPool, DebugLevel, LeaseStillOut, ManagerState, PoolManager
from framesrv.testing.clocks import FakeClock, VirtualLoop, run_virtually
from framesrv.testing.contract import check_identities


def make(clock: FakeClock, level: DebugLevel = DebugLevel.POISON) -> PoolManager:
    manager = PoolManager(1 << 20, clock=clock, debug=level)
    manager.register(ArrayPool("image", shape=(4, 4), capacity=2, clock=clock, debug=level))
    return manager


def borrow_and_never_return(manager: PoolManager) -> Any:
    return manager.acquire("image")


class TestWaiting:
    def test_it_does_not_wait_when_all_is_home(self) -> None:
        clock = FakeClock()
        manager = make(clock)
        manager.acquire("image").release()
        before = clock.now()
        assert manager.shutdown() == []
        assert clock.now() == before

    def test_it_ends_as_soon_as_the_last_lease_is_home(self) -> None:
        clock = FakeClock()
        manager = make(clock)
        leases = [manager.acquire("image"), manager.acquire((9, 9)), manager.acquire((9, 9))]
        before = clock.now()
        for seconds, lease in zip((0.5, 2.5, 1.5), leases, strict=True):
            clock.after(seconds, lease.release)
        assert manager.shutdown(timeout_s=5.0) == []
        assert clock.now() - before == pytest.approx(2.5, abs=0.011)
        assert manager.state is ManagerState.STOPPED
        for stats in manager.stats().values():
            check_identities(stats)
            assert stats.existing == 0

    def test_a_lease_dropped_meanwhile_is_found(self) -> None:
        clock = FakeClock()
        manager = make(clock, DebugLevel.OFF)
        leases = [manager.acquire("image")]
        clock.after(1.0, leases.clear)
        assert manager.shutdown() == []

    def test_it_waits_five_seconds_unless_said(self) -> None:
        clock = FakeClock()
        manager = make(clock)
        lease = manager.acquire("image")
        before = clock.now()
        assert len(manager.shutdown()) == 1
        assert clock.now() - before == pytest.approx(5.0)
        lease.release()

    def test_without_time_it_only_looks(self) -> None:
        clock = FakeClock()
        manager = make(clock)
        lease = manager.acquire("image")
        before = clock.now()
        [still_out] = manager.shutdown(timeout_s=0.0)
        assert (still_out.pool, clock.now()) == ("image", before)
        lease.release()


class TestNaming:
    def test_pool_age_stack_and_present_place(self, caplog: pytest.LogCaptureFixture) -> None:
        clock = FakeClock()
        manager = make(clock)
        held = borrow_and_never_return(manager)
        clock.advance(2.0)
        other = manager.acquire((9, 9))
        with caplog.at_level(logging.WARNING, "framesrv.pool"):
            out = manager.shutdown(timeout_s=1.0)
        named, shaped = out
        assert (named.pool, shaped.pool) == ("image", "ladder")
        assert named.age_s == pytest.approx(3.0)
        assert shaped.age_s == pytest.approx(1.0)
        assert named.holder == "thread 'MainThread'"
        assert "in borrow_and_never_return\n" in named.borrowed_at
        assert "borrow_and_never_return" not in shaped.borrowed_at
        assert "out = manager.shutdown(timeout_s=1.0)" in named.now_at
        text = str(named)
        assert text.startswith(
            "pool 'image': a lease of thread 'MainThread' is out for 3.000 s; borrowed at:\n"
        )
        assert "; its holder is now at:\n" in text
        assert [record.getMessage() for record in caplog.records] == [
            f"still out at shutdown: {lease}" for lease in out
        ]
        held.release()
        other.release()

    def test_what_is_not_known_is_left_out(self) -> None:
        clock = FakeClock()
        manager = make(clock, DebugLevel.OFF)
        leases: list[Any] = []
        thread = threading.Thread(target=lambda: leases.append(manager.acquire("image")))
        thread.start()
        thread.join()
        [still_out] = manager.shutdown(timeout_s=1.0)
        assert str(still_out) == (
            "pool 'image': a lease of a thread that has ended is out for 1.000 s"
        )
        assert still_out == LeaseStillOut("image", still_out.age_s, still_out.holder, "", "")
        leases.pop().release()

    def test_another_threads_present_place(self) -> None:
        clock = FakeClock()
        manager = make(clock, DebugLevel.OFF)
        borrowed, may_end = threading.Event(), threading.Event()

        def busy_with_its_frame() -> None:
            may_end.wait(60)

        def work() -> None:
            with manager.acquire("image"):
                borrowed.set()
                busy_with_its_frame()

        thread = threading.Thread(target=work, name="worker-7")
        thread.start()
        assert borrowed.wait(60)
        [still_out] = manager.shutdown(timeout_s=1.0)
        may_end.set()
        thread.join()
        assert still_out.holder == "thread 'worker-7'"
        assert "in busy_with_its_frame" in still_out.now_at
        assert manager.stats()["image"].leased == 0

    def test_a_tasks_present_place(self) -> None:
        async def main(clock: FakeClock) -> None:
            manager = make(clock)

            async def hang() -> None:
                async with manager.acquire_all_async(["image"]):
                    await asyncio.Event().wait()

            async def borrow_and_end() -> Any:
                return await manager.acquire_all_async(["image"])

            hanging = asyncio.create_task(hang(), name="stream-3")
            ended = asyncio.create_task(borrow_and_end(), name="stream-4")
            leases = await ended
            out = manager.shutdown(timeout_s=1.0)
            by_holder = {still_out.holder: still_out for still_out in out}
            still_out = by_holder["task 'stream-3'"]
            assert "in hang" in still_out.now_at
            assert "await asyncio.Event().wait()" in still_out.now_at
            assert by_holder["task 'stream-4'"].now_at == ""
            del ended, by_holder, still_out
            hanging.cancel()
            leases.release()

        run_virtually(main)

    def test_a_task_that_is_gone(self) -> None:
        loop = VirtualLoop()
        manager = make(loop.clock)

        async def borrow() -> Any:
            return await manager.acquire_all_async(["image"])

        leases = loop.run_until_complete(borrow())
        loop.close()
        [still_out] = manager.shutdown(timeout_s=0.0)
        assert (still_out.holder, still_out.now_at) == ("a task that has ended", "")
        leases.release()


class TestAfterwards:
    def test_late_leases_stay_usable_and_come_home_as_discards(self) -> None:
        clock = FakeClock()
        manager = make(clock)
        lease, shaped = manager.acquire("image"), manager.acquire((9, 9))
        assert len(manager.shutdown(timeout_s=0.0)) == 2
        lease.array[...] = 3
        lease.release()
        shaped.release()
        for name in ("image", "ladder"):
            stats = manager.stats()[name]
            check_identities(stats)
            assert (stats.existing, stats.discards_by_reason) == (0, {"closed": 1})
        assert manager.shutdown() == []
        assert manager.budget.reserved_bytes == 0

    def test_idle_buffers_are_given_back_at_once(self) -> None:
        clock = FakeClock()
        manager = make(clock)
        lease = manager.acquire("image")
        manager.shutdown(timeout_s=0.0)
        stats = manager.stats()["image"]
        assert (stats.leased, stats.existing, stats.trimmed) == (1, 1, 1)
        lease.release()
