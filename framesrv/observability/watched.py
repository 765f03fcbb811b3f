"""Where the numbers are that operators see: metrics, dashboard and readiness read no others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from framesrv.engine.meter import Meter
from framesrv.engine.troubles import Troubles
from framesrv.frames import copies
from framesrv.observability.metrics.pool_news import PoolNews
from framesrv.observability.pauses import GcPauses
from framesrv.pool.stats import PoolStats
from framesrv.streams.dispatcher import Subscribed
from framesrv.streams.merges import Merged
from framesrv.streams.tally import StreamTally


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """Each is called from the HTTP listener's thread."""

    pools: Callable[[], Iterable[PoolStats]]
    frames: Callable[[], Meter]
    in_flight_frames: Callable[[], int]
    in_flight_bytes: Callable[[], int]
    streams: Callable[[], Mapping[str, int]]  # by state
    build: Mapping[str, str]
    refusals: Callable[[], Troubles] = Troubles  # of whole calls
    subscribed: Callable[[], Subscribed] = Subscribed
    merged: Callable[[], Merged] = Merged
    published_bytes: Callable[[], int] = int  # that are kept for subscribers
    copies: Callable[[], Mapping[str, int]] = copies.counts  # of pictures, by where
    pool_news: PoolNews = field(default_factory=PoolNews)
    pauses: GcPauses = field(default_factory=GcPauses)
    workers: int = 1
    budget_bytes: int = 0  # of all pools
    elastic_bytes: int = 0  # what the named ones leave of it for other sizes
    open_streams: Callable[[], Sequence[StreamTally]] = tuple
    published: Callable[[str], StreamTally | None] = lambda _: None  # the stream of this id
    pool_debug: str = "off"
