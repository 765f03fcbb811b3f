"""Values in buckets: what is counted where, and that nothing is lost between threads."""

from __future__ import annotations

import sys
import threading
from bisect import bisect_left
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from framesrv.engine.histogram import Histogram, SharedHistogram
from tests.engine.instructions import after_each_instruction

BOUNDS = (10, 20, 50)
VALUES = st.lists(st.integers(0, 100))


@given(VALUES)
def test_both_kinds_count_alike(values: list[int]) -> None:
    plain, shared = Histogram(BOUNDS), SharedHistogram(BOUNDS)
    expected = [0, 0, 0, 0]
    for value in values:
        plain.add(value)
        shared.add(value)
        expected[bisect_left(BOUNDS, value)] += 1
    assert (plain.counts, plain.total) == (expected, sum(values))
    assert shared.read() == (expected, sum(values))
    assert shared.read() == (expected, sum(values)), "reading changes nothing"


@given(VALUES, VALUES)
def test_two_added_up_are_as_one(some: list[int], others: list[int]) -> None:
    whole, first, second = Histogram(BOUNDS), Histogram(BOUNDS), Histogram(BOUNDS)
    for value in some:
        whole.add(value)
        first.add(value)
    for value in others:
        whole.add(value)
        second.add(value)
    first.add_up(second)
    assert (first.counts, first.total) == (whole.counts, whole.total)


def test_the_last_example_of_a_bucket_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([1.0, 2.0, 3.0])
    monkeypatch.setattr("framesrv.engine.histogram.time", lambda: next(now))
    older, newer = Histogram(BOUNDS), Histogram(BOUNDS)
    older.add(1, "a")
    newer.add(2, "b")
    newer.add(3)
    older.add(70, "c")
    for one, other in ((older, newer), (newer, older)):
        total = Histogram(BOUNDS)
        total.add_up(one)
        total.add_up(other)
        assert total.examples == [("b", 2, 2.0), None, None, ("c", 70, 3.0)]


@pytest.fixture
def _hasty_threads() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("_hasty_threads")
def test_threads_lose_nothing_and_readers_see_one_moment() -> None:
    shared = SharedHistogram(BOUNDS)
    start = threading.Barrier(8)

    def work(value: int) -> None:
        start.wait(60)
        for _ in range(5000):
            shared.add(value)

    threads = [threading.Thread(target=work, args=(15,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    seen = []
    while any(thread.is_alive() for thread in threads):
        counts, total = shared.read()
        assert total == 15 * counts[1]
        seen.append(total)
    assert seen == sorted(seen)
    assert shared.read() == ([0, 40_000, 0, 0], 600_000)


def test_a_finalizer_may_count_in_the_middle_of_counting() -> None:
    """One that strikes after any instruction, in the same thread: a lock would be waited for in
    vain, and a sum that is read and then written would lose the finalizer's."""
    shared = SharedHistogram(BOUNDS)
    strikes = 0

    def strike() -> None:
        nonlocal strikes
        strikes += 1
        shared.add(15)

    with after_each_instruction(strike, SharedHistogram.add):
        shared.add(60)
    assert strikes > 20
    assert shared.read() == ([0, strikes, 0, 1], 15 * strikes + 60)
