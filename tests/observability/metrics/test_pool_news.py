"""Waits and holds, as real pools tell of them."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Mapping
from itertools import count

from framesrv.app import App, AppSettings
from framesrv.observability.metrics.pool_news import POOL_BOUNDS_S, PoolNews
from framesrv.ops.custom import Processors
from framesrv.pool import ArrayPool, DebugLevel
from framesrv.pool.lease import ArrayLease
from framesrv.pool.stats import PoolStats
from framesrv.testing.clocks import FakeClock
from framesrv.transport.address import Address
from framesrv.transport.settings import TransportSettings


def pool_of_one(news: PoolNews, clock: FakeClock, level: DebugLevel) -> ArrayPool:
    return ArrayPool("one", shape=(4,), capacity=1, clock=clock, observer=news, debug=level)


def buckets(counts: list[int]) -> dict[float, int]:
    bounds = (*POOL_BOUNDS_S, float("inf"))
    return {bound: count for bound, count in zip(bounds, counts, strict=True) if count}


def test_who_waited_and_was_served_is_counted_and_no_other() -> None:
    news, clock = PoolNews(), FakeClock()
    pool = pool_of_one(news, clock, DebugLevel.OFF)
    pool.acquire().release()
    lease = pool.acquire()
    clock.after(0.15, lease.release)
    pool.acquire(timeout_s=1.0).release()
    lease = pool.acquire()
    assert pool.try_acquire() is None
    lease.release()
    counts, total_ns = news.waits("one")
    assert (buckets(counts), total_ns) == ({0.2: 1}, 150_000_000)
    assert news.waits("another") == ([0] * (len(POOL_BOUNDS_S) + 1), 0)
    assert sum(news.holds("one")[0]) == 0, "at this level no lease is watched"


def test_one_lease_in_128_is_a_hold() -> None:
    news, clock = PoolNews(), FakeClock()
    pool = pool_of_one(news, clock, DebugLevel.SAMPLE)
    for _ in range(256):
        with pool.acquire():
            clock.advance(0.003)
    counts, total_ns = news.holds("one")
    assert buckets(counts) == {0.005: 2}
    assert abs(total_ns - 6_000_000) < 10


def test_threads_and_finalizers_lose_no_news() -> None:
    """Leases are released by threads, and by the garbage collector in the middle of anything."""
    news = PoolNews()
    pool = ArrayPool("all", shape=(4,), capacity=8, observer=news, debug=DebugLevel.POISON)
    start = threading.Barrier(4)
    held: dict[int, ArrayLease] = {}  # out of the rings: else a lease would be garbage with them
    numbers = count()

    class Ring:
        def __init__(self) -> None:
            self.number = next(numbers)
            held[self.number] = pool.acquire(timeout_s=60)
            self.ring = self

        def __del__(self) -> None:
            held.pop(self.number).release()

    def work() -> None:
        start.wait(60)
        for number in range(300):
            if number % 3:
                with pool.acquire(timeout_s=60):
                    news.waited("all", 0.5)
            else:
                Ring()

    before = gc.get_threshold()
    gc.freeze()  # what was there before is not looked through each time
    gc.set_threshold(50, 2, 2)
    threads = [threading.Thread(target=work) for _ in range(4)]
    try:
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            gc.collect()
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
        for thread in threads:
            thread.join(60)
    gc.collect()
    stats = pool.stats()
    assert (stats.leased, stats.returns) == (0, 1200)
    assert sum(news.holds("all")[0]) == 1200
    assert buckets(news.waits("all")[0])[0.5] >= 800


def test_every_pool_of_a_server_has_this_observer() -> None:
    async def build() -> tuple[App, Mapping[str, PoolStats]]:
        here = TransportSettings(listen=(Address("127.0.0.1", 0),))
        app = App(AppSettings(transport=here), Processors())
        return app, app.manager.stats()

    app, stats = asyncio.run(build())
    observers = {pool.name: pool.observer for pool in app.manager.pools}
    assert observers == dict.fromkeys(stats, app.pool_news)
    assert app.manager.shutdown() == []
