"""The metrics of the pools. All numbers of a pool are of one moment, and so always add up."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from prometheus_client.core import Metric

from framesrv.observability.metrics.families import buckets, counter, gauge, histogram
from framesrv.observability.metrics.pool_news import POOL_BOUNDS_S, Counts, PoolNews
from framesrv.pool.stats import PoolStats

# name, help, value
_COUNTERS: Final[tuple[tuple[str, str, Callable[[PoolStats], int]], ...]] = (
    ("hits", "borrows that a waiting buffer served", lambda stats: stats.hits),
    ("misses", "borrows for which a buffer had to be allocated", lambda stats: stats.misses),
    ("returns", "buffers that came home, kept or not", lambda stats: stats.returns),
    ("warmed", "buffers allocated ahead of any borrow", lambda stats: stats.warmed),
    ("trimmed", "idle buffers given back to the system", lambda stats: stats.trimmed),
    ("timeouts", "borrows that waited in vain", lambda stats: stats.timeouts),
)
_GAUGES: Final[tuple[tuple[str, str, Callable[[PoolStats], float]], ...]] = (
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
    "misuse": (),  # a pool tells of all kinds by itself
}
# name, label, help, values by label
_LABELLED: Final[tuple[tuple[str, str, str, Callable[[PoolStats], Mapping[str, int]]], ...]] = (
    ("discards", "reason", "returned buffers not kept", lambda stats: stats.discards_by_reason),
    ("leaks", "kind", "leases lost or held too long", lambda stats: stats.leaks_by_kind),
    ("misuse", "kind", "what a borrower must not do", lambda stats: stats.misuse_by_kind),
)
# name, help, what a pool told
_TOLD: Final[tuple[tuple[str, str, Callable[[PoolNews, str], Counts]], ...]] = (
    ("wait_seconds", "waits of the borrows that had to wait and were served", PoolNews.waits),
    ("hold_seconds", "how long the sampled leases were out", PoolNews.holds),
)


def pool_metrics(pools: Sequence[PoolStats], news: PoolNews) -> Iterator[Metric]:
    for name, text, count in _COUNTERS:
        counted = counter(f"pool_{name}", text, "pool")
        for stats in pools:
            counted.add_metric([stats.pool], count(stats))
        yield counted
    for name, label, text, counts in _LABELLED:
        counted = counter(f"pool_{name}", text, "pool", label)
        for stats in pools:
            known = dict.fromkeys(_SEEN_AT_START[name], 0)
            for value, number in (known | dict(counts(stats))).items():
                counted.add_metric([stats.pool, value], number)
        yield counted
    for name, text, read in _GAUGES:
        told = gauge(f"pool_{name}", text, "pool")
        for stats in pools:
            told.add_metric([stats.pool], read(stats))
        yield told
    yield from _states(pools)
    for name, text, heard in _TOLD:
        times = histogram(f"pool_{name}", text, "pool")
        for stats in pools:
            found, total_ns = heard(news, stats.pool)
            times.add_metric([stats.pool], buckets(POOL_BOUNDS_S, found), total_ns / 1e9)
        yield times


def _states(pools: Sequence[PoolStats]) -> Iterator[Metric]:
    buffers = gauge("pool_buffers", "buffers by state", "pool", "state")
    nbytes = gauge("pool_bytes", "bytes of the buffers by state", "pool", "state")
    for stats in pools:
        buffers.add_metric([stats.pool, "idle"], stats.idle)
        buffers.add_metric([stats.pool, "leased"], stats.leased)
        buffers.add_metric([stats.pool, "quarantined"], stats.quarantined)
        for state, number in stats.bytes_by_state.items():
            nbytes.add_metric([stats.pool, state], number)
    yield buffers
    yield nbytes
