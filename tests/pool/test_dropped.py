"""A lease that is dropped without release: its buffer comes home, and the leak is told."""

from __future__ import annotations

import gc
from typing import Any

import pytest

from framesrv.pool import DebugLevel
from framesrv.testing.clocks import FakeClock
from tests.pool.helpers import (
    MARKED,
    Recorder,
    at_every_level,
    at_every_unmarked_level,
    lends_again,
    whole,
)
from tests.pool.subjects import (
    borrow_in_this_place,
    buffer_of,
    check_comes_soon,
    for_every_kind,
    make,
)


class TestDroppedLease:
    @for_every_kind
    @pytest.mark.parametrize("level", [DebugLevel.SAMPLE, *MARKED])
    def test_a_traced_one_is_known_at_once_and_its_stack_is_logged(
        self, kind: str, level: DebugLevel, caplog: pytest.LogCaptureFixture
    ) -> None:
        observer = Recorder()
        pool = make(kind, level, observer=observer)
        borrow_in_this_place(pool)
        assert pool.leaks == {"dropped": 1}
        assert observer.leaks == [], "a finalizer may have interrupted anything: it tells nobody"
        whole(pool)
        [(name, leak, detail)] = observer.leaks
        assert (name, leak) == ("subject", "dropped")
        assert "pool 'subject': a lease was dropped without release; borrowed " in detail
        assert "s ago by thread 'MainThread' at:" in detail
        assert "in borrow_in_this_place\n    return pool.acquire()" in detail
        assert [record.getMessage() for record in caplog.records] == [detail]
        assert caplog.records[0].levelname == "WARNING"
        stats = whole(pool)
        assert (stats.idle, stats.leaks_by_kind) == (1, {"dropped": 1})
        lends_again(pool)

    @for_every_kind
    @at_every_unmarked_level
    def test_an_untraced_one_is_home_at_the_next_look(
        self, kind: str, level: DebugLevel, caplog: pytest.LogCaptureFixture
    ) -> None:
        observer = Recorder()
        pool = make(kind, level, observer=observer)
        with pool.acquire():
            pass  # the first lease of a buffer is traced at sample, the second is not
        borrow_in_this_place(pool)
        assert observer.leaks == []
        stats = whole(pool)
        assert (stats.idle, stats.leaks_by_kind) == (1, {"dropped": 1})
        [(_, _, detail)] = observer.leaks
        assert "was dropped without release" in detail
        assert "one lease in 128 carries its stack; FRAMESRV_POOL_DEBUG=poison: every" in detail
        assert "borrow_in_this_place" not in detail
        assert detail in caplog.text
        lends_again(pool)

    @for_every_kind
    @at_every_level
    def test_a_borrower_finds_it(self, kind: str, level: DebugLevel) -> None:
        pool = make(kind, level)
        for _ in range(3):
            pool.acquire(timeout_s=0.0)
        assert whole(pool).leaks_by_kind == {"dropped": 3}

    @for_every_kind
    @at_every_level
    def test_one_who_waits_finds_it_within_ten_milliseconds(
        self, kind: str, level: DebugLevel
    ) -> None:
        clock = FakeClock()
        pool = make(kind, level, clock=clock)
        with pool.acquire():
            pass
        held = [pool.acquire()]
        check_comes_soon(pool, clock, held.clear)

    @for_every_kind
    @at_every_level
    def test_one_in_a_ring_of_references(self, kind: str, level: DebugLevel) -> None:
        pool = make(kind, level)
        with pool.acquire():
            pass
        ring: list[Any] = [pool.acquire()]
        ring.append(ring)
        del ring
        gc.collect()
        assert whole(pool).idle == 1

    @for_every_kind
    @at_every_level
    def test_its_buffer_may_still_be_kept(self, kind: str, level: DebugLevel) -> None:
        pool = make(kind, level)
        lease = pool.acquire()
        kept = buffer_of(lease, kind)
        del lease
        stats = whole(pool)
        assert (stats.quarantined, stats.leaks) == (1, 1)
        assert kept is not None
        assert pool.try_acquire() is None
        del kept
        lends_again(pool)

    @at_every_level
    def test_told_of_it_twice_the_pool_counts_it_once(self, level: DebugLevel) -> None:
        """Its finalizer and a sweep may both find it."""
        pool = make("array", level)
        pool.acquire()
        before = whole(pool)
        [slot] = pool.slots
        pool.lost(slot)
        assert whole(pool) == before
        assert before.leaks == 1
