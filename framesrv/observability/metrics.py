"""Everything on /metrics, read from its owners when somebody asks and never before.

A pool's numbers are read in one moment and so always add up, also under load.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from framesrv.engine.meter import BOUNDS_S, Meter
from framesrv.observability.pauses import BOUNDS_S as PAUSE_BOUNDS_S
from framesrv.observability.pauses import GcPauses
from framesrv.observability.watched import Watched
from framesrv.pool.stats import PoolStats

_PREFIX: Final = "framesrv_"


# name, help, value
_POOL_COUNTERS: Final[tuple[tuple[str, str, Callable[[PoolStats], int]], ...]] = (
    ("hits", "borrows that a waiting buffer served", lambda stats: stats.hits),
    ("misses", "borrows for which a buffer had to be allocated", lambda stats: stats.misses),
    ("returns", "buffers that came home, kept or not", lambda stats: stats.returns),
    ("warmed", "buffers allocated ahead of any borrow", lambda stats: stats.warmed),
    ("trimmed", "idle buffers given back to the system", lambda stats: stats.trimmed),
    ("timeouts", "borrows that waited in vain", lambda stats: stats.timeouts),
)
_POOL_GAUGES: Final[tuple[tuple[str, str, Callable[[PoolStats], float]], ...]] = (
    ("capacity", "the most buffers that may exist at once", lambda stats: stats.capacity),
    ("waiters", "borrows waiting in line", lambda stats: stats.waiting),
    (
        "oldest_lease_age_seconds",
        "how long the longest-held buffer has been out",
        lambda stats: stats.oldest_lease_age_s,
    ),
)
# Those of the label values that are there from the start, so that a first one can be seen to come.
_SEEN_AT_START: Final = {
    "discards": ("oversized", "oversize", "closed", "reset_failed"),
    "leaks": ("dropped", "held"),
    "misuse": (),
}
# name, label, help, values by label
_POOL_LABELLED: Final[
    tuple[tuple[str, str, str, Callable[[PoolStats], Mapping[str, int]]], ...]
] = (
    ("discards", "reason", "returned buffers not kept", lambda stats: stats.discards_by_reason),
    ("leaks", "kind", "leases lost or held too long", lambda stats: stats.leaks_by_kind),
    ("misuse", "kind", "what a borrower must not do", lambda stats: stats.misuse_by_kind),
)


def registry(watched: Watched) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(_AtScrape(watched))
    return registry


class _AtScrape(Collector):
    def __init__(self, watched: Watched) -> None:
        self._watched = watched

    def describe(self) -> Iterable[Metric]:
        return ()  # else registering would ask everything once

    def collect(self) -> Iterator[Metric]:
        watched = self._watched
        yield from pool_metrics(list(watched.pools()))
        yield from frame_metrics(watched.frames())
        yield _gauge("in_flight_frames", "frames admitted and not yet done").plain(
            watched.in_flight_frames()
        )
        yield _gauge("in_flight_bytes", "bytes of the frames in flight, as they came").plain(
            watched.in_flight_bytes()
        )
        streams = _gauge("streams", "streams that are open", "state")
        for state, count in watched.streams().items():
            streams.add_metric([state], count)
        yield streams
        yield _pause_metric(watched.pauses)
        build = _gauge("build_info", "what runs here", *watched.build)
        build.add_metric(list(watched.build.values()), 1)
        yield build


def pool_metrics(pools: list[PoolStats]) -> Iterator[Metric]:
    for name, text, count in _POOL_COUNTERS:
        counter = _counter(f"pool_{name}", text, "pool")
        for stats in pools:
            counter.add_metric([stats.pool], count(stats))
        yield counter
    for name, label, text, counts in _POOL_LABELLED:
        counter = _counter(f"pool_{name}", text, "pool", label)
        for stats in pools:
            known = dict.fromkeys(_SEEN_AT_START[name], 0)
            for value, number in (known | dict(counts(stats))).items():
                counter.add_metric([stats.pool, value], number)
        yield counter
    for name, text, read in _POOL_GAUGES:
        gauge = _gauge(f"pool_{name}", text, "pool")
        for stats in pools:
            gauge.add_metric([stats.pool], read(stats))
        yield gauge
    yield from _pool_states(pools)


def _pool_states(pools: list[PoolStats]) -> Iterator[Metric]:
    buffers = _gauge("pool_buffers", "buffers by state", "pool", "state")
    nbytes = _gauge("pool_bytes", "bytes of the buffers by state", "pool", "state")
    for stats in pools:
        buffers.add_metric([stats.pool, "idle"], stats.idle)
        buffers.add_metric([stats.pool, "leased"], stats.leased)
        buffers.add_metric([stats.pool, "quarantined"], stats.quarantined)
        for state, number in stats.bytes_by_state.items():
            nbytes.add_metric([stats.pool, state], number)
    yield buffers
    yield nbytes


def frame_metrics(meter: Meter) -> Iterator[Metric]:
    frames = _counter("frames", "frames answered; the reason says why not ok", "result", "reason")
    for (result, reason), count in ({("ok", ""): 0} | meter.frames).items():
        frames.add_metric([result, reason], count)
    yield frames
    stages = HistogramMetricFamily(
        f"{_PREFIX}frame_stage_seconds",
        "time of the frames that were ok, by stage; total includes the waits between",
        labels=["stage"],
    )
    for stage, histogram in meter.stages.items():
        buckets = _buckets(BOUNDS_S, histogram.counts)
        stages.add_metric([stage], buckets, histogram.total_ns / 1e9)
    yield stages


def _pause_metric(pauses: GcPauses) -> Metric:
    buckets = _buckets(PAUSE_BOUNDS_S, pauses.counts)
    return HistogramMetricFamily(
        f"{_PREFIX}gc_pause_seconds",
        "what each run of Python's cyclic garbage collector took",
        buckets=buckets,
        sum_value=pauses.total_ns / 1e9,
    )


def _buckets(bounds_s: Sequence[float], counts: Sequence[int]) -> list[tuple[str, float]]:
    bounds = [*map(str, bounds_s), "+Inf"]
    return list(zip(bounds, map(float, accumulate(counts)), strict=True))


def _counter(name: str, text: str, *labels: str) -> CounterMetricFamily:
    return CounterMetricFamily(_PREFIX + name, text, labels=labels)


class _Gauge(GaugeMetricFamily):
    def plain(self, value: float) -> _Gauge:
        self.add_metric([], value)
        return self


def _gauge(name: str, text: str, *labels: str) -> _Gauge:
    return _Gauge(_PREFIX + name, text, labels=labels)
