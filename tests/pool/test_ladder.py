"""Images of any size: which buffer serves which, and how long a buffer lives."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from framesrv.pool import BudgetExhausted, DebugLevel, JobTooLarge, PoolManager
from framesrv.pool.memory import PAGE_BYTES
from framesrv.testing.clocks import FakeClock
from tests.pool.helpers import at_every_unfenced_level
from tests.pool.managers import CLASSES, ladder_of, make_ladder, pages


class TestClasses:
    def test_a_buffer_serves_every_shape_that_fits_its_class(self) -> None:
        manager = make_ladder()
        addresses = set()
        for shape in ((PAGE_BYTES,), (10, 10, 3), (1,), (2, 2, 2, 2), (64, 64)):
            with manager.acquire(shape) as lease:
                assert (lease.array.shape, lease.array.dtype) == (shape, np.uint8)
                assert lease.array.flags.c_contiguous
                assert lease.array.flags.writeable
                lease.array[...] = 9
                addresses.add(lease.array.ctypes.data)
        assert len(addresses) == 1
        stats = ladder_of(manager)
        assert (stats.gets, stats.misses, stats.idle) == (5, 1, 1)

    def test_the_next_class_begins_one_byte_later(self) -> None:
        manager = make_ladder()
        for size, total in (
            (PAGE_BYTES, 1),
            (PAGE_BYTES + 1, 3),
            (2 * PAGE_BYTES, 3),
            (2 * PAGE_BYTES + 1, 7),
        ):
            manager.acquire((size,)).release()
            assert ladder_of(manager).bytes_total == total * PAGE_BYTES

    def test_the_last_one_returned_is_lent_first(self) -> None:
        manager = make_ladder()
        one, two = manager.acquire((5,)), manager.acquire((5,))
        address = one.array.ctypes.data
        two.release()
        one.release()
        with manager.acquire((7,)) as lease:
            assert lease.array.ctypes.data == address

    def test_a_size_past_the_end_is_none_of_its_business(self) -> None:
        ladder: Any = make_ladder().pools[0]
        assert ladder.take((5 * PAGE_BYTES,)) is None
        with pytest.raises(JobTooLarge, match="20,481 bytes are past the end of the size ladder"):
            ladder.room_for(5 * PAGE_BYTES + 1)

    def test_capacity_is_what_would_fit(self) -> None:
        stats = make_ladder(9).stats()
        assert (stats["ladder"].capacity, stats["oversize"].capacity) == (9, 2)
        stats = PoolManager(10, classes=CLASSES).stats()
        assert (stats["ladder"].capacity, stats["oversize"].capacity) == (1, 1)

    @given(
        shapes=st.lists(
            st.lists(st.integers(1, 12), min_size=1, max_size=4).map(tuple), min_size=1, max_size=8
        )
    )
    def test_leases_out_at_the_same_time_never_overlap(self, shapes: list[tuple[int, ...]]) -> None:
        manager = make_ladder(64)
        leases = []
        for value, shape in enumerate(shapes, 1):
            leases.append(manager.acquire(shape))
            leases[-1].array[...] = value
        for value, (shape, lease) in enumerate(zip(shapes, leases, strict=True), 1):
            assert lease.array.shape == shape
            assert int(lease.array.sum(dtype=np.int64)) == value * prod(shape)
        for lease in leases:
            lease.release()
        assert ladder_of(manager).leased == 0


class TestLife:
    @at_every_unfenced_level
    def test_a_kept_view_is_quarantined_and_counts_against_the_budget(
        self, level: DebugLevel
    ) -> None:
        manager = make_ladder(8, debug=level)
        with manager.acquire(pages(4)) as one, manager.acquire(pages(4)) as two:
            kept = [one.array, two.array]
        stats = ladder_of(manager)
        assert (stats.quarantined, stats.bytes_by_state["quarantined"]) == (2, 8 * PAGE_BYTES)
        with pytest.raises(BudgetExhausted, match="quarantined 2"):
            manager.acquire(pages(1), timeout_s=0.0)
        assert not kept[0].flags.writeable
        kept.pop()
        manager.acquire(pages(2), timeout_s=0.0).release()

    def test_a_kept_slice_is_quarantined(self) -> None:
        manager = make_ladder(8, debug=DebugLevel.OFF)
        with manager.acquire(pages(4)) as lease:
            part = lease.array[1:2, 5:]
        assert ladder_of(manager).quarantined == 1
        assert part.size
        del part
        assert ladder_of(manager).idle == 1

    def test_a_dropped_lease_is_found(self) -> None:
        manager = make_ladder(8, debug=DebugLevel.OFF)
        manager.acquire(pages(8))
        manager.acquire(pages(8), timeout_s=0.0).release()
        assert manager.stats()["oversize"].leaks == 1

    def test_trim_gives_everything_back(self) -> None:
        clock = FakeClock()
        manager = make_ladder(8, clock=clock)
        for count in (1, 2):
            manager.acquire(pages(count)).release()
        assert manager.trim(5.0) == 0
        clock.advance(6.0)
        manager.acquire(pages(1)).release()
        assert manager.trim(5.0) == 1
        assert ladder_of(manager).existing == 1

    def test_closing_lets_idle_ones_go_and_discards_the_rest_as_they_come(self) -> None:
        manager = make_ladder(8)
        manager.acquire(pages(1)).release()
        lease, large = manager.acquire(pages(2)), manager.acquire(pages(5))
        manager.drain()
        assert ladder_of(manager).idle == 0
        lease.release()
        large.release()
        stats = ladder_of(manager)
        assert (stats.existing, stats.discards_by_reason) == (0, {"closed": 1})
        assert manager.stats()["oversize"].existing == 0
        assert manager.budget.reserved_bytes == 0
