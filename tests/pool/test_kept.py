"""A handle that is kept past the release: its buffer is quarantined until it dies."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from framesrv.pool import DebugLevel, PoolExhausted
from framesrv.testing.clocks import FakeClock
from tests.pool.helpers import Recorder, at_every_level, lends_again, whole
from tests.pool.subjects import buffer_of, check_comes_soon, check_quarantined, for_every_kind, make


class TestKeptHandle:
    @for_every_kind
    @at_every_level
    def test_in_an_attribute(self, kind: str, level: DebugLevel) -> None:
        pool = make(kind, level)
        keeper = SimpleNamespace()
        with pool.acquire() as lease:
            keeper.kept = buffer_of(lease, kind)
        check_quarantined(pool)
        del keeper.kept
        lends_again(pool)

    @at_every_level
    def test_in_a_memoryview(self, level: DebugLevel) -> None:
        pool = make("array", level)
        with pool.acquire() as lease:
            view = memoryview(lease.array)
        check_quarantined(pool)
        view.release()
        lends_again(pool)

    @pytest.mark.parametrize("kind", ["bytesio", "bytearray"])
    @at_every_level
    def test_what_was_written_in_a_memoryview(self, kind: str, level: DebugLevel) -> None:
        pool = make(kind, level)
        with pool.acquire() as lease:
            if kind == "bytesio":
                lease.buffer.write(b"frame")
            else:
                lease.used = 5
            view = lease.written()
        assert len(view) == 5
        check_quarantined(pool)
        view.release()
        lends_again(pool)

    @at_every_level
    def test_in_an_array_made_of_a_memoryview(self, level: DebugLevel) -> None:
        pool = make("array", level)
        with pool.acquire() as lease:
            tensor = np.asarray(memoryview(lease.array))
        assert tensor.shape == (4, 5, 3)
        check_quarantined(pool)
        del tensor
        lends_again(pool)

    @at_every_level
    def test_an_array_handle_is_made_read_only_and_is_never_emptied(
        self, level: DebugLevel
    ) -> None:
        pool = make("array", level)
        with pool.acquire() as lease:
            kept = lease.array
        assert kept.shape == (4, 5, 3)
        with pytest.raises(ValueError, match="read-only"):
            kept[0, 0, 0] = 1

    @at_every_level
    def test_the_death_of_an_array_handle_is_noticed_at_once(self, level: DebugLevel) -> None:
        pool = make("array", level)
        with pool.acquire() as lease:
            kept = lease.array
        assert pool.scrape().quarantined == 1
        del kept
        assert pool.scrape().quarantined == 0, "found without a look"
        lends_again(pool)

    @for_every_kind
    @at_every_level
    def test_one_who_waits_gets_it_within_ten_milliseconds(
        self, kind: str, level: DebugLevel
    ) -> None:
        clock = FakeClock()
        pool = make(kind, level, clock=clock)
        kept = []
        with pool.acquire() as lease:
            kept.append(buffer_of(lease, kind))
        check_comes_soon(pool, clock, kept.clear)

    @for_every_kind
    @at_every_level
    def test_past_a_second_it_is_reported_once(
        self, kind: str, level: DebugLevel, caplog: pytest.LogCaptureFixture
    ) -> None:
        clock, observer = FakeClock(), Recorder()
        pool = make(kind, level, clock=clock, observer=observer)
        for report in range(2):
            with pool.acquire() as lease:
                kept = buffer_of(lease, kind)
            assert kept is not None
            clock.advance(0.9)
            pool.watch(60.0)
            assert len(observer.lasting) == report
            clock.advance(0.6)
            pool.watch(60.0)
            pool.watch(60.0)
            del kept
            assert len(observer.lasting) == report + 1
        name, detail = observer.lasting[0]
        assert name == "subject"
        assert "a returned buffer has been kept for 1.5 s by its last holder" in detail
        assert "cannot be lent; borrowed 1.500 s ago by thread 'MainThread'" in detail
        assert detail in caplog.text

    def test_the_error_of_an_exhausted_pool_tells_how_to_avoid_it(self) -> None:
        pool = make("array", DebugLevel.SAMPLE, clock=FakeClock())
        with pool.acquire() as lease:
            kept = lease.array
        with pytest.raises(PoolExhausted, match=r"quarantined 1.*one buffer more per thread"):
            pool.acquire(timeout_s=0.0)
        del kept

    @at_every_level
    def test_a_closed_pool_lets_it_go_when_it_dies(self, level: DebugLevel) -> None:
        pool = make("array", level)
        with pool.acquire() as lease:
            kept = lease.array
        pool.close()
        assert whole(pool).quarantined == 1
        del kept
        stats = whole(pool)
        assert (stats.existing, stats.discards_by_reason) == (0, {"closed": 1})
