"""The thread that looks after the pools."""

from __future__ import annotations

import logging
import threading
from collections import deque
from typing import Any

import pytest

from framesrv.pool import (
    ArrayPool,
    BytesIOPool,
    DebugLevel,
    Janitor,
    PoolManager,
    PoolObserver,
    janitor,
    upkeep,
)
from framesrv.pool.room import ROOM
from framesrv.pool.slot import Slot
from framesrv.pool.upkeep import trim_idle
from framesrv.testing.clocks import FakeClock
from tests.pool.helpers import FAILED_S


class Recorder(PoolObserver):
    def __init__(self) -> None:
        self.news: list[str] = []

    def leaked(self, pool: str, kind: str, detail: str) -> None:
        self.news.append(f"{kind} {pool}")

    def leak_came_back(self, pool: str, detail: str) -> None:
        self.news.append(f"back {pool}")

    def trimmed(self, pool: str, buffers: int) -> None:
        self.news.append(f"trimmed {buffers} of {pool}")

    def quarantine_lasts(self, pool: str, detail: str) -> None:
        self.news.append(f"kept {pool}")


class Scene:
    def __init__(self) -> None:
        self.clock, self.observer = FakeClock(), Recorder()
        common: dict[str, Any] = {"clock": self.clock, "observer": self.observer}
        common["debug"] = DebugLevel.OFF
        self.manager = PoolManager(1 << 20, **common)
        self.pool = ArrayPool("image", shape=(4,), capacity=3, warm=1, **common)
        self.manager.register(self.pool)
        self.janitor = Janitor(self.manager)

    def news_after(self, seconds: float) -> list[str]:
        self.clock.advance(seconds)
        self.janitor.round()
        news, self.observer.news = self.observer.news, []
        return news


class TestRound:
    def test_nothing_to_do(self) -> None:
        assert Scene().news_after(1000.0) == []

    def test_it_trims_what_was_idle_for_half_a_minute(self) -> None:
        scene = Scene()
        for lease in [scene.pool.acquire() for _ in range(3)]:
            lease.release()
        scene.manager.acquire((9,)).release()
        assert scene.news_after(0.0) == []
        assert scene.news_after(29.0) == []
        assert scene.news_after(2.0) == ["trimmed 1 of ladder", "trimmed 2 of image"]
        assert scene.news_after(100.0) == []

    def test_the_heap_is_given_back_in_a_quiet_moment_and_once(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        given: list[int] = []
        number = 0
        for room in (janitor, upkeep):  # both can; only one of them may
            monkeypatch.setattr(room, "give_heap_back", lambda: given.append(number))
        scene = Scene()
        jpeg = BytesIOPool(
            "jpeg", initial_bytes=10, max_bytes=99, capacity=3, warm=0, clock=scene.clock
        )
        scene.manager.register(jpeg)
        for number in range(200):
            if number in (0, 20, 40, 100):
                jpeg.acquire().release()
            scene.news_after(1.0)
        assert given == [70, 130], "30 rounds after the last borrow"
        assert jpeg.stats().trimmed > 0

    def test_what_is_used_now_and_then_is_spared(self) -> None:
        scene = Scene()
        leases = [scene.pool.acquire() for _ in range(2)]
        for _ in range(5):
            for lease in leases:
                lease.release()
            assert scene.news_after(20.0) == []
            leases = [scene.pool.acquire() for _ in range(2)]
        for lease in leases:
            lease.release()

    def test_it_reports_a_lease_held_for_a_minute_and_when_it_comes_back(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        scene = Scene()
        lease = scene.pool.acquire()
        with caplog.at_level(logging.INFO, "framesrv.pool"):
            assert scene.news_after(59.0) == []
            assert scene.news_after(2.0) == ["held image"]
            assert scene.news_after(60.0) == [], "once is enough"
            lease.release()
            assert scene.news_after(1.0) == ["back image"]
            assert scene.news_after(1.0) == []
        assert scene.pool.stats().leaks_by_kind == {"held": 1}
        levels = [(record.levelname, record.getMessage()) for record in caplog.records]
        assert [level for level, _ in levels] == ["WARNING", "INFO"]
        assert "a lease has been held for 61.0 s; borrowed 61.000 s ago by thread" in levels[0][1]
        assert "the lease that was held for too long came back" in levels[1][1]

    def test_a_buffer_may_be_held_too_long_again(self) -> None:
        scene = Scene()
        for _ in range(2):
            lease = scene.pool.acquire()
            assert scene.news_after(61.0) == ["held image"]
            lease.release()
            assert scene.news_after(0.0) == ["back image"]

    def test_one_that_came_back_and_was_borrowed_again_between_two_rounds(self) -> None:
        scene = Scene()
        scene.pool.acquire().release()
        lease = scene.pool.acquire()
        assert scene.news_after(61.0) == ["held image"]
        lease.release()
        lease = scene.pool.acquire()
        assert scene.news_after(61.0) == ["back image"]
        assert scene.news_after(1.0) == ["held image"]
        lease.release()

    def test_it_reports_what_is_kept_for_more_than_a_second(self) -> None:
        scene = Scene()
        with scene.pool.acquire() as lease:
            kept = lease.array
        assert scene.news_after(1.0) == []
        assert scene.news_after(0.5) == ["kept image"]
        assert scene.news_after(0.5) == []
        assert kept is not None

    def test_it_finds_dropped_leases(self) -> None:
        scene = Scene()
        scene.pool.acquire()
        assert scene.news_after(0.0) == ["dropped image"]

    def test_its_times_may_be_said(self) -> None:
        scene = Scene()
        scene.janitor = Janitor(scene.manager, trim_after_s=1.0, held_too_long_s=2.0)
        lease, other = scene.pool.acquire(), scene.pool.acquire()
        other.release()
        assert scene.news_after(0.0) == []
        assert scene.news_after(1.5) == ["trimmed 1 of image"]
        assert scene.news_after(1.0) == ["held image"]
        lease.release()

    def test_one_that_is_borrowed_while_it_is_looked_at_is_spared(self) -> None:
        class Vanishing(deque[Slot]):
            def popleft(self) -> Slot:
                self.clear()  # as a borrower does that needs no lock
                return super().popleft()

        scene = Scene()
        [slot] = scene.pool._idle
        idle = Vanishing([slot])
        assert ROOM.run(trim_idle, scene.pool, idle, 0, 0.0) == 0
        assert scene.pool.stats().existing == 1


class TestThread:
    def test_it_runs_between_start_and_stop(self) -> None:
        """In real time, but bound by events: nothing here waits for a time to pass."""
        turns = threading.Semaphore(0)
        manager = PoolManager(1 << 20)

        class Turning(Janitor):
            def round(self) -> None:
                super().round()
                turns.release()

        janitor = Turning(manager, interval_s=0.001)
        with janitor:
            for _ in range(3):
                assert turns.acquire(timeout=FAILED_S)
            assert "framesrv-janitor" in {thread.name for thread in threading.enumerate()}
        assert janitor._thread.is_alive() is False

    def test_a_round_that_fails_is_logged_and_the_next_one_comes(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        turns = threading.Semaphore(0)

        class Failing(Janitor):
            def round(self) -> None:
                turns.release()
                raise RuntimeError("rigged")

        with Failing(PoolManager(1 << 20), interval_s=0.001):
            for _ in range(3):
                assert turns.acquire(timeout=FAILED_S)
        assert caplog.records[0].getMessage() == "the pools' janitor failed in one round"
        assert caplog.records[0].exc_info is not None

    def test_one_that_was_never_started_can_be_stopped(self) -> None:
        Janitor(PoolManager(1 << 20)).stop()

    def test_it_stops_at_once_however_long_its_interval(self) -> None:
        with Janitor(PoolManager(1 << 20), interval_s=3600.0) as janitor:
            assert janitor._thread.is_alive()
        assert not janitor._thread.is_alive()
