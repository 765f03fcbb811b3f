"""A counter that threads share without a lock."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator

import pytest

from framesrv.pool.counter import Counter


@pytest.fixture
def _hasty_threads() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("_hasty_threads")
def test_threads_lose_nothing() -> None:
    counter = Counter()
    start = threading.Barrier(8)

    def work() -> None:
        start.wait(60)
        for _ in range(5000):
            counter.add()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    seen = [counter.value for _ in range(100)]
    for thread in threads:
        thread.join(60)
    assert counter.value == 40_000
    assert seen == sorted(seen)


def test_looking_does_not_count() -> None:
    counter = Counter()
    assert (counter.value, counter.value) == (0, 0)
    counter.add()
    assert (counter.value, counter.value) == (1, 1)


def test_large_numbers() -> None:
    counter = Counter()
    for _ in range(1234):
        counter.add()
    assert counter.value == 1234
