"""The last minutes: what each point says, and that no more is kept than that."""

from __future__ import annotations

import dataclasses

import pytest

from framesrv.engine.meter import STAGES, Meter
from framesrv.frames.work import FrameReport, FrameStatus, Timings
from framesrv.observability.live.history import POINTS_MAX, History
from framesrv.observability.live.reading import Reading, read
from framesrv.observability.watched import Watched
from framesrv.pool import PoolManager
from framesrv.streams.tally import StreamTally
from tests.observability.helpers import watched

MS = 1_000_000


class World:
    """A server whose clock is moved by the test."""

    def __init__(self, workers: int = 2) -> None:
        self.meter = Meter()
        self.tallies: list[StreamTally] = []
        seen = watched(PoolManager(1 << 24), self.meter)
        self.watched: Watched = dataclasses.replace(
            seen, open_streams=lambda: tuple(self.tallies), workers=workers
        )
        self.now_ns = 1
        self.busy_ns = 0
        self.history = History(workers)

    def frames(
        self, count: int, total_ms: float = 1.0, status: FrameStatus = FrameStatus.OK
    ) -> None:
        timings = Timings(total_ns=round(total_ms * MS))
        for _ in range(count):
            self.meter.count(FrameReport(request_id="r", status=status, timings=timings))

    def second(self, seconds: float = 1.0) -> None:
        self.now_ns += round(seconds * 1e9)
        self.history.add(self.reading())

    def reading(self) -> Reading:
        found = read(self.watched)
        counted = dataclasses.replace(found.counted, at_ns=self.now_ns, busy_ns=self.busy_ns)
        return dataclasses.replace(found, counted=counted, at_ms=self.now_ns // MS)


def test_a_point_says_what_happened_since_the_one_before() -> None:
    world = World()
    world.frames(1000)
    world.second()
    assert not world.history.points, "nothing can be said of the time before the first reading"
    world.frames(30, total_ms=3.0)
    world.frames(4, status=FrameStatus.DROPPED)
    world.busy_ns += 1_000_000_000
    world.second(2.0)
    (point,) = world.history.points
    assert (point["fps"], point["dropped"], point["failed"]) == (15.0, 2.0, 0.0)
    assert point["busy"] == 0.25, "one of two workers, half of the time"
    assert 2.0 <= point["p50_ms"] <= point["p99_ms"] <= 3.0, "in the bucket of 2 to 3 ms"
    world.second()
    quiet = world.history.points[-1]
    assert (quiet["fps"], quiet["busy"], quiet["p50_ms"]) == (0.0, 0.0, None)


def test_five_minutes_are_kept() -> None:
    world = World()
    for _ in range(POINTS_MAX + 50):
        world.second()
    assert len(world.history.points) == len(world.history.last()) == POINTS_MAX
    assert world.history.points[-1]["at_ms"] == world.now_ns // MS
    assert world.history.last(3) == list(world.history.points)[-3:]


def test_stages_forget_after_a_minute() -> None:
    world = World()
    world.second()
    world.frames(10, total_ms=20.0)
    world.second()
    stages = world.history.stages()
    assert set(stages) == set(STAGES)
    p50_ms = stages["total"]["p50_ms"]
    assert p50_ms is not None
    assert 15.0 <= p50_ms <= 20.0
    for _ in range(60):
        world.second()
    assert world.history.stages()["total"] == {"p50_ms": None, "p95_ms": None, "p99_ms": None}


def test_a_stream_s_rate_is_of_the_last_second() -> None:
    world = World()
    world.second()
    world.tallies.append(StreamTally("a"))
    world.tallies[0].went(7, 0, 0)
    world.second()
    assert world.history.fps == {world.tallies[0]: 7.0}
    world.second()
    assert world.history.fps == {world.tallies[0]: 0.0}
    world.tallies.clear()
    world.second()
    assert world.history.fps == {}, "nothing is kept of a stream that has ended"


def test_waits_are_those_of_the_last_minute() -> None:
    world = World()
    world.second()
    news = world.watched.pool_news
    (pool, *_) = [stats.pool for stats in world.watched.pools()]
    assert world.history.wait_p99_ms(pool) is None
    news.waited(pool, 0.004)
    world.second()
    found = world.history.wait_p99_ms(pool)
    assert found is not None
    assert 2.0 <= found <= 5.0
    assert world.history.wait_p99_ms("no such pool") is None


@pytest.mark.parametrize("busy_s", [5.0, -5.0])
def test_nobody_is_busier_than_all_the_time(busy_s: float) -> None:
    """A task that lasts is counted when it is read, which is not the moment of the reading."""
    world = World()
    world.second()
    world.busy_ns += round(busy_s * 1e9)
    world.second()
    assert world.history.points[-1]["busy"] == (1.0 if busy_s > 0 else 0.0)
