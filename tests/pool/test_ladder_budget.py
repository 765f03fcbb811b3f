"""The bytes that images of any size share: who gives way, who waits, who is refused."""

from __future__ import annotations

import mmap
import threading
from collections.abc import Callable
from typing import Any

import pytest

from framesrv.errors import Reason
from framesrv.pool import BudgetExhausted, JobTooLarge, PoolExhausted, PoolManager, SizeClasses
from framesrv.pool.memory import PAGE_BYTES, map_private
from framesrv.testing.clocks import FakeClock
from tests.pool.managers import ladder_of, make_ladder, pages


def elsewhere(act: Callable[[], Any]) -> Any:
    """What ``act`` returns in a thread of its own, which is then over."""
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(act()))
    thread.start()
    thread.join()
    return results[0]


class TestBudget:
    def test_idle_ones_of_other_classes_are_given_up_first(self) -> None:
        clock = FakeClock()
        manager = make_ladder(8, clock=clock)
        leases = []
        for count in (1, 2, 4):  # seven of eight pages
            leases.append(manager.acquire(pages(count)))
            clock.advance(1.0)
        for lease in leases:
            lease.release()
        with manager.acquire(pages(2)), manager.acquire(pages(2)):
            stats = ladder_of(manager)
            assert stats.trimmed == 1, "the smallest was unused for longest, and was enough"
            assert (stats.bytes_total, stats.bytes_by_state["idle"]) == (
                8 * PAGE_BYTES,
                4 * PAGE_BYTES,
            )

    def test_the_longest_unused_go_first_and_no_more_than_needed(self) -> None:
        clock = FakeClock()
        manager = make_ladder(8, clock=clock)
        leases = [manager.acquire(pages(1)) for _ in range(4)]
        addresses = [lease.array.ctypes.data for lease in leases]
        for lease in leases:
            lease.release()
        for _ in range(2):  # the last two returned are used again
            clock.advance(1.0)
            one, two = manager.acquire(pages(1)), manager.acquire(pages(1))
            assert {one.array.ctypes.data, two.array.ctypes.data} == set(addresses[2:])
            one.release()
            two.release()
        with manager.acquire(pages(4)), manager.acquire(pages(2)):
            assert ladder_of(manager).trimmed == 2
            with manager.acquire(pages(1)) as one, manager.acquire(pages(1)) as two:
                left = {one.array.ctypes.data, two.array.ctypes.data}
                assert left == set(addresses[2:])

    def test_nothing_is_given_up_for_a_job_that_must_wait_anyway(self) -> None:
        manager = make_ladder(8)
        for lease in [manager.acquire(pages(1)) for _ in range(2)]:
            lease.release()
        held = elsewhere(lambda: manager.acquire(pages(4)))
        with pytest.raises(BudgetExhausted):
            manager.acquire(pages(5), timeout_s=0.05)
        assert (ladder_of(manager).idle, manager.stats()["ladder"].trimmed) == (2, 0)
        held.release()

    def test_the_numbers_are_those_of_all_that_share_the_bytes(self) -> None:
        """Who waits for an oversize image must see that the ladder holds the bytes."""
        manager = make_ladder(8)
        held = elsewhere(lambda: [manager.acquire(pages(4)), manager.acquire(pages(2))])
        with pytest.raises(BudgetExhausted) as caught:
            manager.acquire(pages(5), timeout_s=0.0)
        for lease in held:
            lease.release()
        assert "leased 2" in str(caught.value)

    def test_an_idle_one_that_is_borrowed_meanwhile_is_not_given_up(self) -> None:
        """Borrowing takes no lock: the one to be given up may be gone when its turn comes."""
        taken: list[Any] = []

        class Meddling(SizeClasses):
            armed = False

            def index(self, nbytes: int) -> int | None:
                if self.armed and nbytes == PAGE_BYTES:
                    self.armed = False
                    taken.append(ladder.lend_or_put_back(ladder._idle[0].pop()))
                return super().index(nbytes)

        classes = Meddling(smallest_bytes=PAGE_BYTES, largest_bytes=4 * PAGE_BYTES, per_doubling=1)
        clock = FakeClock()
        manager = PoolManager(6 * PAGE_BYTES, classes=classes, clock=clock)
        ladder: Any = manager.pools[0]
        for count in (1, 2):
            manager.acquire(pages(count)).release()
            clock.advance(1.0)
        classes.armed = True
        with manager.acquire(pages(4), timeout_s=0.0):
            stats = ladder_of(manager)
            assert (stats.leased, stats.idle, stats.trimmed) == (2, 0, 1)
        taken.pop().release()

    def test_then_the_job_waits(self) -> None:
        clock = FakeClock()
        manager = make_ladder(8, clock=clock)
        held = [manager.acquire(pages(4)), manager.acquire(pages(4))]
        before = clock.now()
        clock.after(0.03, held.pop().release)
        with manager.acquire(pages(2), timeout_s=1.0) as lease:
            assert lease.array.shape == pages(2)
            assert clock.now() - before < 0.05
            assert ladder_of(manager).timeouts == 0
        held.pop().release()

    def test_then_it_is_refused_with_the_numbers(self) -> None:
        manager = make_ladder(8)
        held = elsewhere(lambda: [manager.acquire(pages(4)), manager.acquire(pages(3))])
        with pytest.raises(BudgetExhausted) as caught:
            manager.acquire(pages(2), timeout_s=0.25)
        for lease in held:
            lease.release()
        text = str(caught.value)
        assert f"no room for {2 * PAGE_BYTES:,} bytes in the byte budget (pool 'ladder'; " in text
        assert f"0 of {8 * PAGE_BYTES:,} bytes free) after 0.250 s" in text
        assert "leased 2" in text
        assert caught.value.reason is Reason.MEMORY_BUDGET
        assert isinstance(caught.value, PoolExhausted)
        assert manager.stats()["ladder"].timeouts == 1
        manager.acquire(pages(2), timeout_s=0.0).release()

    def test_oversize_is_refused_in_the_same_words(self) -> None:
        manager = make_ladder(8)
        held = elsewhere(lambda: manager.acquire(pages(4)))
        with pytest.raises(BudgetExhausted, match=r"pool 'oversize'; "):
            manager.acquire(pages(5), timeout_s=0.0)
        held.release()

    def test_a_job_that_alone_exceeds_the_budget_is_refused_at_once(self) -> None:
        clock = FakeClock()
        manager = make_ladder(8, clock=clock)
        before = clock.now()
        for shape in (pages(9), (8 * PAGE_BYTES + 1,)):
            with pytest.raises(JobTooLarge):
                manager.acquire(shape, timeout_s=10.0)
        assert clock.now() == before
        manager.acquire(pages(8), timeout_s=0.0).release()

    def test_the_ladder_and_oversize_share_one_line(self) -> None:
        """A small job that came later does not starve the large one."""
        clock = FakeClock()
        manager = make_ladder(8, clock=clock)
        held = [manager.acquire(pages(4)), manager.acquire(pages(4))]
        ladder: Any = manager.pools[0]
        seen = []

        def newcomer() -> None:
            held.pop().release()
            seen.append(ladder.take(pages(1)))

        clock.after(0.01, newcomer)
        clock.after(0.03, lambda: held.pop().release())
        with manager.acquire(pages(8), timeout_s=1.0):
            assert seen == [None]

    def test_an_allocation_that_fails_gives_its_room_back(self) -> None:
        fails = [True]

        def allocate(nbytes: int) -> mmap.mmap:
            if fails[0]:
                raise MemoryError("rigged")
            return map_private(nbytes)

        manager = make_ladder(8, allocate=allocate)
        for shape in (pages(1), pages(5)):
            with pytest.raises(MemoryError, match="rigged"):
                manager.acquire(shape)
            assert manager.budget.reserved_bytes == 0
        fails[0] = False
        manager.acquire(pages(8)).release()
        ladder_of(manager)
