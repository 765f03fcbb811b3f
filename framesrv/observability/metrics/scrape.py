"""Everything on /metrics, read from its owners when somebody asks and never before.

docs/metrics.md says what each means. Label values are of closed sets, and there from the start.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from framesrv.observability.metrics.busy import BusyRatio
from framesrv.observability.metrics.families import (
    counter_by,
    gauge,
    plain_gauge,
    plain_histogram,
)
from framesrv.observability.metrics.of_fan_out import fan_out_metrics
from framesrv.observability.metrics.of_frames import frame_metrics, refusal_metric
from framesrv.observability.metrics.of_pools import pool_metrics
from framesrv.observability.pauses import BOUNDS_S as PAUSE_BOUNDS_S
from framesrv.observability.watched import Watched

_STREAM_STATES: Final = ("open", "draining")


def registry(watched: Watched) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(_AtScrape(watched))
    return registry


class _AtScrape(Collector):
    def __init__(self, watched: Watched) -> None:
        self._watched = watched
        self._busy = BusyRatio(watched.workers)

    def describe(self) -> Iterable[Metric]:
        return ()  # else registering would ask everything once

    def collect(self) -> Iterator[Metric]:
        watched = self._watched
        yield from pool_metrics(list(watched.pools()), watched.pool_news)
        yield _budget(watched)
        meter = watched.frames()
        yield from frame_metrics(meter)
        yield refusal_metric(watched.refusals())
        yield plain_gauge(
            "in_flight_frames", "frames admitted and not yet done", watched.in_flight_frames()
        )
        yield plain_gauge(
            "in_flight_bytes",
            "bytes of the frames in flight, as they came",
            watched.in_flight_bytes(),
        )
        yield counter_by(
            "frame_copies", "pictures copied without a change, by where", "where", watched.copies()
        )
        yield plain_gauge(
            "worker_busy_ratio",
            "the share of the workers' time spent on tasks in the last ten seconds",
            self._busy.ratio(meter.busy_ns),
        )
        yield _streams(watched.streams())
        yield from fan_out_metrics(watched)
        yield plain_histogram(
            "gc_pause_seconds",
            "what each run of Python's cyclic garbage collector took",
            PAUSE_BOUNDS_S,
            watched.pauses.counts,
            watched.pauses.total_ns / 1e9,
        )
        build = gauge("build_info", "what runs here", *watched.build)
        build.add_metric(list(watched.build.values()), 1)
        yield build


def _budget(watched: Watched) -> Metric:
    budget = gauge("pool_budget_bytes", "the byte budget, by what it is for", "share")
    budget.add_metric(["named"], watched.budget_bytes - watched.elastic_bytes)
    budget.add_metric(["elastic"], watched.elastic_bytes)
    return budget


def _streams(counts: Mapping[str, int]) -> Metric:
    streams = gauge("streams", "streams that are open, by state of the server", "state")
    for state in _STREAM_STATES:
        streams.add_metric([state], counts.get(state, 0))
    return streams
