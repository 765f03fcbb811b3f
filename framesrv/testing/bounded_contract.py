"""What a bounded pool promises beyond what its unpooled twin can."""

from __future__ import annotations

import asyncio
import gc
import threading
from abc import abstractmethod
from typing import Any

import pytest

from framesrv.errors import BadConfig
from framesrv.pool import PoolClosed, PoolDeadlock, PoolExhausted
from framesrv.testing.clocks import FakeClock, run_virtually
from framesrv.testing.contract import PoolContract, check_identities


class BoundedContract(PoolContract):
    @abstractmethod
    def make(
        self,
        name: str = "subject",
        capacity: int = 2,
        *,
        warm: int | None = None,
        **options: Any,
    ) -> Any:
        """A pool of the kind under test."""

    def test_all_buffers_exist_from_the_start(self) -> None:
        stats = self.make(capacity=3).stats()
        assert (stats.idle, stats.warmed, stats.misses) == (3, 3, 0)
        check_identities(stats)

    def test_fewer_buffers_exist_if_so_asked_and_the_rest_is_made_on_demand(self) -> None:
        pool = self.make(capacity=3, warm=1)
        assert pool.stats().existing == 1
        leases = [pool.acquire() for _ in range(3)]
        stats = pool.stats()
        assert (stats.hits, stats.misses, stats.existing) == (1, 2, 3)
        for lease in leases:
            lease.release()
        check_identities(pool.stats())

    @pytest.mark.parametrize(
        ("capacity", "warm"), [(0, None), (-1, None), (2.5, None), (2, 3), (2, -1), (True, 7)]
    )
    def test_numbers_that_cannot_work_are_refused(self, capacity: Any, warm: Any) -> None:
        with pytest.raises(BadConfig, match="subject"):
            self.make(capacity=capacity, warm=warm)

    def test_a_pool_needs_a_name(self) -> None:
        with pytest.raises(BadConfig, match="name"):
            self.make(name="")

    def test_buffers_are_used_again(self) -> None:
        pool = self.make(capacity=1)
        for _ in range(10):
            with pool.acquire() as lease:
                self.scribble(lease)
        stats = pool.stats()
        assert (stats.gets, stats.misses, stats.recycled) == (10, 0, 10)

    def test_an_empty_pool_says_so_with_its_numbers(self) -> None:
        clock = FakeClock()
        pool = self.make(capacity=2, clock=clock)
        leases = [pool.acquire()]
        clock.advance(2.0)
        leases.append(pool.acquire())
        clock.advance(1.0)
        with pytest.raises(PoolExhausted) as caught:
            _in_thread(lambda: pool.acquire(timeout_s=0.25))
        text = str(caught.value)
        for number in ("subject", "0.250 s", "total 2 of 2", "leased 2", "idle 0", "waiting 1"):
            assert number in text
        assert "quarantined 0" in text
        assert "oldest lease 3.250 s" in text
        assert pool.stats().timeouts == 1
        for lease in leases:
            lease.release()
        check_identities(pool.stats())

    def test_try_acquire_never_waits(self) -> None:
        clock = FakeClock()
        pool = self.make(capacity=1, clock=clock)
        before = clock.now()
        with pool.acquire():
            assert pool.try_acquire() is None
        assert clock.now() == before
        with pool.try_acquire() as lease:
            assert self.looks_new(lease)

    def test_a_return_ends_the_wait(self) -> None:
        clock = FakeClock()
        pool = self.make(capacity=1, clock=clock)
        first = pool.acquire()
        before = clock.now()
        clock.after(0.05, first.release)
        with pool.acquire(timeout_s=1.0):
            assert clock.now() == pytest.approx(before + 0.05)
        assert pool.stats().timeouts == 0

    def test_waiters_are_served_in_the_order_in_which_they_queued(self) -> None:
        async def main(clock: FakeClock) -> list[int]:
            pool = self.make(capacity=1, clock=clock)
            held = pool.acquire()
            served: list[int] = []

            async def wait_in_line(number: int) -> None:
                async with pool.acquire_async(timeout_s=60.0):
                    served.append(number)
                    await asyncio.sleep(0)

            tasks = []
            for number in range(8):
                tasks.append(asyncio.create_task(wait_in_line(number)))
                await asyncio.sleep(0)
            assert pool.stats().waiting == 8
            held.release()
            assert pool.try_acquire() is None, "a newcomer overtook the queue"
            await asyncio.gather(*tasks)
            return served

        assert run_virtually(main) == list(range(8))

    def test_holding_the_last_buffer_and_waiting_for_another_is_a_deadlock(self) -> None:
        pool = self.make(capacity=1, clock=FakeClock())
        with pool.acquire(), pytest.raises(PoolDeadlock, match=r"ring.*MainThread.*subject"):
            pool.acquire(timeout_s=0.5)

    def test_closing_refuses_those_who_wait(self) -> None:
        clock = FakeClock()
        pool = self.make(capacity=1, clock=clock)
        lease = pool.acquire()
        clock.after(0.01, pool.close)
        with pytest.raises(PoolClosed, match="closed while you waited"):
            pool.acquire(timeout_s=1.0)
        lease.release()
        stats = pool.stats()
        assert (stats.existing, stats.discards_by_reason) == (0, {"closed": 1})
        check_identities(stats)

    def test_trimming_goes_down_to_the_floor_and_spares_what_is_in_use(self) -> None:
        clock = FakeClock()
        pool = self.make(capacity=4, warm=1, clock=clock)
        leases = [pool.acquire() for _ in range(4)]
        assert pool.trim() == 0
        for lease in leases[1:]:
            lease.release()
        assert pool.trim(idle_for_s=30.0) == 0
        clock.advance(31.0)
        with pool.acquire():
            pass
        assert pool.trim(idle_for_s=30.0) == 2, "the one just used is spared"
        leases[0].release()
        assert pool.trim() == 1
        stats = pool.stats()
        assert (stats.existing, stats.trimmed) == (1, 3)
        check_identities(stats)

    def test_a_dropped_lease_is_found_and_its_buffer_lent_again(self) -> None:
        pool = self.make(capacity=1)
        with pool.acquire():
            pass  # the first lease of a buffer is watched, the second is not
        pool.acquire()
        with pool.acquire(timeout_s=0.0) as lease:
            self.scribble(lease)
        stats = pool.stats()
        assert stats.leaks_by_kind == {"dropped": 1}
        check_identities(stats)

    def test_a_kept_buffer_is_quarantined_until_it_is_let_go(self) -> None:
        pool = self.make(capacity=2)
        lease = pool.acquire()
        kept = getattr(lease, self.attribute)
        lease.release()
        stats = pool.stats()
        assert (stats.quarantined, stats.idle, stats.returns) == (1, 1, 1)
        check_identities(stats)
        with pool.acquire() as other:
            assert getattr(other, self.attribute) is not kept
            assert pool.try_acquire() is None
        del kept
        leases = [pool.acquire(timeout_s=0.0) for _ in range(2)]
        for held in leases:
            held.release()
        assert pool.stats().quarantined == 0

    def test_a_pool_that_is_forgotten_goes_away(self) -> None:
        pool = self.make()
        with pool.acquire():
            pass
        gone: list[bool] = []
        import weakref

        weakref.finalize(pool, gone.append, True)
        del pool
        gc.collect()
        assert gone == [True]


def _in_thread(act: Any) -> Any:
    """Do it as somebody else: the thread that holds the buffers is not the one that waits."""
    caught: list[BaseException] = []

    def run() -> None:
        try:
            act()
        except BaseException as error:
            caught.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if caught:
        raise caught[0]
