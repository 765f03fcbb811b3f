"""The ratio of busy workers: of the last ten seconds, whoever asks and however often."""

from __future__ import annotations

import threading

from hypothesis import given
from hypothesis import strategies as st

from framesrv.observability.metrics.busy import BusyRatio

SECOND = 1_000_000_000


class Clock:
    now_s = 0.0

    def __call__(self) -> int:
        return round(self.now_s * SECOND)


def lately(workers: int = 1) -> tuple[BusyRatio, Clock]:
    clock = Clock()
    return BusyRatio(workers, clock), clock


def test_before_ten_seconds_are_over_it_is_of_all_the_time() -> None:
    busy, clock = lately(workers=2)
    assert busy.ratio(0) == 0.0
    clock.now_s = 4
    assert busy.ratio(4 * SECOND) == 0.5


def test_what_was_ten_seconds_ago_is_forgotten() -> None:
    busy, clock = lately()
    for second in range(1, 31):  # ten seconds of work, and then none
        clock.now_s = second
        ratio = busy.ratio(min(second, 10) * SECOND)
        assert ratio == min(1.0, max(0.0, (20 - second) / 10))


def test_a_scraper_that_seldom_comes_hears_of_all_the_time_since() -> None:
    busy, clock = lately()
    clock.now_s = 60
    assert busy.ratio(30 * SECOND) == 0.5
    clock.now_s = 120
    assert busy.ratio(30 * SECOND) == 0.0


@given(st.lists(st.floats(0.001, 30), min_size=1, max_size=50), st.integers(1, 200))
def test_other_scrapers_change_nothing_of_what_one_is_told(gaps: list[float], more: int) -> None:
    """Half of the time is work; however often it is asked in between, it says so."""
    busy, clock = lately()
    for gap in gaps:
        for _ in range(more):
            clock.now_s += gap / more
            assert abs(busy.ratio(clock() // 2) - 0.5) < 0.01
    assert len(busy._read) <= 12


@given(st.lists(st.tuples(st.floats(0, 20), st.integers(-5, 50))))
def test_it_is_from_0_to_1_whatever_it_is_told(steps: list[tuple[float, int]]) -> None:
    busy, clock = lately()
    for gap, seconds in steps:
        clock.now_s += gap
        assert 0.0 <= busy.ratio(seconds * SECOND) <= 1.0


def test_scrapers_may_come_at_once() -> None:
    busy = BusyRatio(1)
    threads = [
        threading.Thread(target=lambda: [busy.ratio(0) for _ in range(1000)]) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert busy.ratio(0) == 0.0
