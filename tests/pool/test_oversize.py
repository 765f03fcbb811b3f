"""Images past the end of the ladder: never kept, and shown apart."""

from __future__ import annotations

from typing import Any

from framesrv.pool import DebugLevel
from framesrv.pool.memory import PAGE_BYTES
from tests.pool.managers import ladder_of, make_ladder, pages


class TestOversize:
    def test_it_is_shown_apart_and_never_kept(self) -> None:
        manager = make_ladder()
        with manager.acquire(pages(5)) as lease:
            lease.array[...] = 3
            stats = manager.stats()["oversize"]
            assert (stats.leased, stats.misses, stats.bytes_total) == (1, 1, 5 * PAGE_BYTES)
        stats = manager.stats()["oversize"]
        assert (stats.existing, stats.discards_by_reason) == (0, {"oversize": 1})
        assert (stats.gets, stats.returns, stats.recycled) == (1, 1, 0)
        assert ladder_of(manager).existing == 0

    def test_it_takes_whole_pages(self) -> None:
        manager = make_ladder()
        with manager.acquire((4 * PAGE_BYTES + 1,)):
            assert manager.budget.reserved_bytes == 5 * PAGE_BYTES

    def test_one_that_is_kept_is_discarded_when_it_is_let_go(self) -> None:
        manager = make_ladder()
        with manager.acquire(pages(5)) as lease:
            kept = lease.array
        stats = manager.stats()["oversize"]
        assert (stats.quarantined, manager.budget.reserved_bytes) == (1, 5 * PAGE_BYTES)
        assert kept.shape == pages(5)
        del kept
        stats = manager.stats()["oversize"]
        assert (stats.existing, stats.discards_by_reason) == (0, {"oversize": 1})
        assert manager.budget.reserved_bytes == 0

    def test_one_that_is_dropped_is_discarded(self) -> None:
        manager = make_ladder(debug=DebugLevel.OFF)
        manager.acquire(pages(5))
        stats = manager.stats()["oversize"]
        assert (stats.existing, stats.leaks_by_kind) == (0, {"dropped": 1})
        assert stats.discards_by_reason == {"oversize": 1}
        ladder_of(manager)

    def test_there_is_never_anything_to_trim(self) -> None:
        manager = make_ladder()
        manager.acquire(pages(5)).release()
        oversize: Any = manager.pools[-1]
        assert (oversize.trim(), oversize.take(pages(5)), oversize.drain_idle()) == (0, None, [])
