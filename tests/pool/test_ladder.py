"""Images of any size, bounded by bytes."""

from __future__ import annotations

import mmap
import threading
from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from framesrv.errors import Reason
from framesrv.pool import (
    BudgetExhausted,
    DebugLevel,
    JobTooLarge,
    PoolExhausted,
    PoolManager,
    SizeClasses,
)
from framesrv.pool.memory import PAGE_BYTES, map_private
from framesrv.testing.clocks import FakeClock
from framesrv.testing.contract import check_identities

PAGES = PAGE_BYTES
CLASSES = SizeClasses(smallest_bytes=PAGES, largest_bytes=4 * PAGES, per_doubling=1)


def make(pages: int = 8, **options: Any) -> PoolManager:
    options.setdefault("clock", FakeClock())
    return PoolManager(pages * PAGES, classes=CLASSES, **options)


def pages(count: int) -> tuple[int, ...]:
    return (count, PAGES)


def elsewhere(act: Callable[[], Any]) -> Any:
    """What ``act`` returns in a thread of its own, which is then over."""
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(act()))
    thread.start()
    thread.join()
    return results[0]


def whole(manager: PoolManager) -> Any:
    """The numbers of the ladder; everything must add up, and what is reserved must exist."""
    stats = manager.stats()
    for each in stats.values():
        check_identities(each)
    held = stats["ladder"].bytes_total + stats["oversize"].bytes_total
    assert manager.budget.reserved_bytes == held <= manager.budget.total_bytes
    return stats["ladder"]


class TestClasses:
    def test_a_buffer_serves_every_shape_that_fits_its_class(self) -> None:
        manager = make()
        addresses = set()
        for shape in ((PAGES,), (10, 10, 3), (1,), (2, 2, 2, 2), (64, 64)):
            with manager.acquire(shape) as lease:
                assert (lease.array.shape, lease.array.dtype) == (shape, np.uint8)
                assert lease.array.flags.c_contiguous
                assert lease.array.flags.writeable
                lease.array[...] = 9
                addresses.add(lease.array.ctypes.data)
        assert len(addresses) == 1
        stats = whole(manager)
        assert (stats.gets, stats.misses, stats.idle) == (5, 1, 1)

    def test_the_next_class_begins_one_byte_later(self) -> None:
        manager = make()
        for size, total in ((PAGES, 1), (PAGES + 1, 3), (2 * PAGES, 3), (2 * PAGES + 1, 7)):
            manager.acquire((size,)).release()
            assert whole(manager).bytes_total == total * PAGES

    def test_the_last_one_returned_is_lent_first(self) -> None:
        manager = make()
        one, two = manager.acquire((5,)), manager.acquire((5,))
        address = one.array.ctypes.data
        two.release()
        one.release()
        with manager.acquire((7,)) as lease:
            assert lease.array.ctypes.data == address

    def test_a_size_past_the_end_is_none_of_its_business(self) -> None:
        ladder: Any = make().pools[0]
        assert ladder.take((5 * PAGES,)) is None
        with pytest.raises(JobTooLarge, match="20,481 bytes are past the end of the size ladder"):
            ladder.room_for(5 * PAGES + 1)

    def test_capacity_is_what_would_fit(self) -> None:
        stats = make(9).stats()
        assert (stats["ladder"].capacity, stats["oversize"].capacity) == (9, 2)
        stats = PoolManager(10, classes=CLASSES).stats()
        assert (stats["ladder"].capacity, stats["oversize"].capacity) == (1, 1)

    @given(
        shapes=st.lists(
            st.lists(st.integers(1, 12), min_size=1, max_size=4).map(tuple), min_size=1, max_size=8
        )
    )
    def test_leases_out_at_the_same_time_never_overlap(self, shapes: list[tuple[int, ...]]) -> None:
        manager = make(64)
        leases = []
        for value, shape in enumerate(shapes, 1):
            leases.append(manager.acquire(shape))
            leases[-1].array[...] = value
        for value, (shape, lease) in enumerate(zip(shapes, leases, strict=True), 1):
            assert lease.array.shape == shape
            assert int(lease.array.sum(dtype=np.int64)) == value * prod(shape)
        for lease in leases:
            lease.release()
        assert whole(manager).leased == 0


class TestOversize:
    def test_it_is_shown_apart_and_never_kept(self) -> None:
        manager = make()
        with manager.acquire(pages(5)) as lease:
            lease.array[...] = 3
            stats = manager.stats()["oversize"]
            assert (stats.leased, stats.misses, stats.bytes_total) == (1, 1, 5 * PAGES)
        stats = manager.stats()["oversize"]
        assert (stats.existing, stats.discards_by_reason) == (0, {"oversize": 1})
        assert (stats.gets, stats.returns, stats.recycled) == (1, 1, 0)
        assert whole(manager).existing == 0

    def test_it_takes_whole_pages(self) -> None:
        manager = make()
        with manager.acquire((4 * PAGES + 1,)):
            assert manager.budget.reserved_bytes == 5 * PAGES

    def test_one_that_is_kept_is_discarded_when_it_is_let_go(self) -> None:
        manager = make()
        with manager.acquire(pages(5)) as lease:
            kept = lease.array
        stats = manager.stats()["oversize"]
        assert (stats.quarantined, manager.budget.reserved_bytes) == (1, 5 * PAGES)
        assert kept.shape == pages(5)
        del kept
        stats = manager.stats()["oversize"]
        assert (stats.existing, stats.discards_by_reason) == (0, {"oversize": 1})
        assert manager.budget.reserved_bytes == 0

    def test_one_that_is_dropped_is_discarded(self) -> None:
        manager = make(debug=DebugLevel.OFF)
        manager.acquire(pages(5))
        stats = manager.stats()["oversize"]
        assert (stats.existing, stats.leaks_by_kind) == (0, {"dropped": 1})
        assert stats.discards_by_reason == {"oversize": 1}
        whole(manager)

    def test_there_is_never_anything_to_trim(self) -> None:
        manager = make()
        manager.acquire(pages(5)).release()
        oversize: Any = manager.pools[-1]
        assert (oversize.trim(), oversize.take(pages(5)), oversize.drain_idle()) == (0, None, [])


class TestBudget:
    def test_idle_ones_of_other_classes_are_given_up_first(self) -> None:
        clock = FakeClock()
        manager = make(8, clock=clock)
        leases = []
        for count in (1, 2, 4):  # seven of eight pages
            leases.append(manager.acquire(pages(count)))
            clock.advance(1.0)
        for lease in leases:
            lease.release()
        with manager.acquire(pages(2)), manager.acquire(pages(2)):
            stats = whole(manager)
            assert stats.trimmed == 1, "the smallest was unused for longest, and was enough"
            assert (stats.bytes_total, stats.bytes_by_state["idle"]) == (8 * PAGES, 4 * PAGES)

    def test_the_longest_unused_go_first_and_no_more_than_needed(self) -> None:
        clock = FakeClock()
        manager = make(8, clock=clock)
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
            assert whole(manager).trimmed == 2
            with manager.acquire(pages(1)) as one, manager.acquire(pages(1)) as two:
                left = {one.array.ctypes.data, two.array.ctypes.data}
                assert left == set(addresses[2:])

    def test_nothing_is_given_up_for_a_job_that_must_wait_anyway(self) -> None:
        manager = make(8)
        for lease in [manager.acquire(pages(1)) for _ in range(2)]:
            lease.release()
        held = elsewhere(lambda: manager.acquire(pages(4)))
        with pytest.raises(BudgetExhausted):
            manager.acquire(pages(5), timeout_s=0.05)
        assert (whole(manager).idle, manager.stats()["ladder"].trimmed) == (2, 0)
        held.release()

    def test_the_numbers_are_those_of_all_that_share_the_bytes(self) -> None:
        """Who waits for an oversize image must see that the ladder holds the bytes."""
        manager = make(8)
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
                if self.armed and nbytes == PAGES:
                    self.armed = False
                    taken.append(ladder.lend_or_put_back(ladder._idle[0].pop()))
                return super().index(nbytes)

        classes = Meddling(smallest_bytes=PAGES, largest_bytes=4 * PAGES, per_doubling=1)
        clock = FakeClock()
        manager = PoolManager(6 * PAGES, classes=classes, clock=clock)
        ladder: Any = manager.pools[0]
        for count in (1, 2):
            manager.acquire(pages(count)).release()
            clock.advance(1.0)
        classes.armed = True
        with manager.acquire(pages(4), timeout_s=0.0):
            stats = whole(manager)
            assert (stats.leased, stats.idle, stats.trimmed) == (2, 0, 1)
        taken.pop().release()

    def test_then_the_job_waits(self) -> None:
        clock = FakeClock()
        manager = make(8, clock=clock)
        held = [manager.acquire(pages(4)), manager.acquire(pages(4))]
        before = clock.now()
        clock.after(0.03, held.pop().release)
        with manager.acquire(pages(2), timeout_s=1.0) as lease:
            assert lease.array.shape == pages(2)
            assert clock.now() - before < 0.05
            assert whole(manager).timeouts == 0
        held.pop().release()

    def test_then_it_is_refused_with_the_numbers(self) -> None:
        manager = make(8)
        held = elsewhere(lambda: [manager.acquire(pages(4)), manager.acquire(pages(3))])
        with pytest.raises(BudgetExhausted) as caught:
            manager.acquire(pages(2), timeout_s=0.25)
        for lease in held:
            lease.release()
        text = str(caught.value)
        assert f"no room for {2 * PAGES:,} bytes in the byte budget (pool 'ladder'; " in text
        assert f"0 of {8 * PAGES:,} bytes free) after 0.250 s" in text
        assert "leased 2" in text
        assert caught.value.reason is Reason.MEMORY_BUDGET
        assert isinstance(caught.value, PoolExhausted)
        assert manager.stats()["ladder"].timeouts == 1
        manager.acquire(pages(2), timeout_s=0.0).release()

    def test_oversize_is_refused_in_the_same_words(self) -> None:
        manager = make(8)
        held = elsewhere(lambda: manager.acquire(pages(4)))
        with pytest.raises(BudgetExhausted, match=r"pool 'oversize'; "):
            manager.acquire(pages(5), timeout_s=0.0)
        held.release()

    def test_a_job_that_alone_exceeds_the_budget_is_refused_at_once(self) -> None:
        clock = FakeClock()
        manager = make(8, clock=clock)
        before = clock.now()
        for shape in (pages(9), (8 * PAGES + 1,)):
            with pytest.raises(JobTooLarge):
                manager.acquire(shape, timeout_s=10.0)
        assert clock.now() == before
        manager.acquire(pages(8), timeout_s=0.0).release()

    def test_the_ladder_and_oversize_share_one_line(self) -> None:
        """A small job that came later does not starve the large one."""
        clock = FakeClock()
        manager = make(8, clock=clock)
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

        manager = make(8, allocate=allocate)
        for shape in (pages(1), pages(5)):
            with pytest.raises(MemoryError, match="rigged"):
                manager.acquire(shape)
            assert manager.budget.reserved_bytes == 0
        fails[0] = False
        manager.acquire(pages(8)).release()
        whole(manager)


class TestLife:
    @pytest.mark.parametrize("level", [DebugLevel.OFF, DebugLevel.SAMPLE, DebugLevel.POISON])
    def test_a_kept_view_is_quarantined_and_counts_against_the_budget(
        self, level: DebugLevel
    ) -> None:
        manager = make(8, debug=level)
        with manager.acquire(pages(4)) as one, manager.acquire(pages(4)) as two:
            kept = [one.array, two.array]
        stats = whole(manager)
        assert (stats.quarantined, stats.bytes_by_state["quarantined"]) == (2, 8 * PAGES)
        with pytest.raises(BudgetExhausted, match="quarantined 2"):
            manager.acquire(pages(1), timeout_s=0.0)
        assert not kept[0].flags.writeable
        kept.pop()
        manager.acquire(pages(2), timeout_s=0.0).release()

    def test_a_kept_slice_is_quarantined(self) -> None:
        manager = make(8, debug=DebugLevel.OFF)
        with manager.acquire(pages(4)) as lease:
            part = lease.array[1:2, 5:]
        assert whole(manager).quarantined == 1
        assert part.size
        del part
        assert whole(manager).idle == 1

    def test_a_dropped_lease_is_found(self) -> None:
        manager = make(8, debug=DebugLevel.OFF)
        manager.acquire(pages(8))
        manager.acquire(pages(8), timeout_s=0.0).release()
        assert manager.stats()["oversize"].leaks == 1

    def test_trim_gives_everything_back(self) -> None:
        clock = FakeClock()
        manager = make(8, clock=clock)
        for count in (1, 2):
            manager.acquire(pages(count)).release()
        assert manager.trim(5.0) == 0
        clock.advance(6.0)
        manager.acquire(pages(1)).release()
        assert manager.trim(5.0) == 1
        assert whole(manager).existing == 1

    def test_closing_lets_idle_ones_go_and_discards_the_rest_as_they_come(self) -> None:
        manager = make(8)
        manager.acquire(pages(1)).release()
        lease, large = manager.acquire(pages(2)), manager.acquire(pages(5))
        manager.drain()
        assert whole(manager).idle == 0
        lease.release()
        large.release()
        stats = whole(manager)
        assert (stats.existing, stats.discards_by_reason) == (0, {"closed": 1})
        assert manager.stats()["oversize"].existing == 0
        assert manager.budget.reserved_bytes == 0
