"""A view derived from the lent array and kept: quarantined, and an error where it is marked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np
import pytest

from framesrv.pool import DebugLevel, RetainedView
from framesrv.testing.clocks import FakeClock
from tests.pool.helpers import (
    Recorder,
    at_every_level,
    at_every_marked_level,
    at_every_unmarked_level,
    lends_again,
    whole,
)
from tests.pool.subjects import borrow_in_this_place, check_comes_soon, check_quarantined, make


def keep_a_slice_and_fail(lease: Any, keeper: list[Any]) -> NoReturn:
    keeper.append(lease.array[0])
    raise ZeroDivisionError


DERIVED: dict[str, Callable[[Any], Any]] = {
    "slice": lambda array: array[1:3],
    "element row": lambda array: array[0],
    "slice of a slice": lambda array: array[1:3][:, 1:],
    "reshape": lambda array: array.reshape(-1),
    "transpose": lambda array: array.T,
    "other dtype": lambda array: array.view(np.int8),
    "ellipsis": lambda array: array[...],
}


class TestRetainedSlice:
    @pytest.mark.parametrize("way", list(DERIVED))
    @at_every_unmarked_level
    def test_below_poison_it_is_quarantined(self, way: str, level: DebugLevel) -> None:
        pool = make("array", level)
        with pool.acquire() as lease:
            part = DERIVED[way](lease.array)
        assert part.size
        check_quarantined(pool)
        del part
        lends_again(pool)

    @pytest.mark.parametrize("way", list(DERIVED))
    @at_every_marked_level
    def test_at_poison_it_is_an_error(self, way: str, level: DebugLevel) -> None:
        observer = Recorder()
        pool = make("array", level, observer=observer)
        lease = borrow_in_this_place(pool)
        part = DERIVED[way](lease.array)
        with pytest.raises(RetainedView) as caught:
            lease.release()
        text = str(caught.value)
        assert "pool 'subject': 1 view(s) derived from the lent array" in text
        assert "copy what you keep, or `del` the view before the release" in text
        borrowed, returned = text.split("\nBorrowed at:\n")[1].split("\nReturned at:\n")
        assert "in borrow_in_this_place" in borrowed
        assert "in test_at_poison_it_is_an_error\n    lease.release()" in returned
        assert observer.misuses == [("subject", "retained_view", text)]
        stats = whole(pool)
        assert (stats.quarantined, stats.misuse_by_kind["retained_view"]) == (1, 1)
        assert lease.released
        assert pool.try_acquire() is None
        del part
        lends_again(pool)

    @at_every_marked_level
    def test_all_views_are_counted(self, level: DebugLevel) -> None:
        pool = make("array", level)
        lease = pool.acquire()
        handle, parts = lease.array, [lease.array[row] for row in range(3)]
        with pytest.raises(RetainedView, match=r"3 view\(s\)"):
            lease.release()
        del handle
        assert whole(pool).quarantined == 1
        parts.clear()
        lends_again(pool)

    @at_every_marked_level
    def test_with_raises_it_at_its_end(self, level: DebugLevel) -> None:
        pool = make("array", level)
        with pytest.raises(RetainedView), pool.acquire() as lease:
            part = lease.array[0]
        assert lease.released
        del part
        lends_again(pool)

    @at_every_marked_level
    def test_an_error_inside_with_is_not_hidden_by_it(self, level: DebugLevel) -> None:
        pool = make("array", level)
        parts: list[Any] = []
        with pytest.raises(ZeroDivisionError), pool.acquire() as lease:
            keep_a_slice_and_fail(lease, parts)
        stats = whole(pool)
        assert (stats.quarantined, stats.misuse_by_kind["retained_view"]) == (1, 1)
        parts.clear()
        lends_again(pool)

    @at_every_level
    def test_a_copy_is_not_one(self, level: DebugLevel) -> None:
        pool = make("array", level)
        with pool.acquire() as lease:
            lease.array[...] = 5
            part = lease.array[0].copy()
        assert (part == 5).all()
        assert (whole(pool).idle, pool.stats().misuse) == (1, 0)

    @at_every_level
    def test_one_who_waits_gets_the_buffer_when_the_slice_dies(self, level: DebugLevel) -> None:
        clock = FakeClock()
        pool = make("array", level, clock=clock)
        lease = pool.acquire()
        parts = [lease.array[0]]
        try:
            lease.release()
        except RetainedView:
            assert level in (DebugLevel.POISON, DebugLevel.FENCE)
        check_comes_soon(pool, clock, parts.clear)
