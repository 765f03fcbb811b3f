"""Where the numbers are that operators see: metrics, dashboard and readiness read no others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from framesrv.engine.meter import Meter
from framesrv.engine.troubles import Troubles
from framesrv.observability.pauses import GcPauses
from framesrv.pool.stats import PoolStats


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
    pauses: GcPauses = field(default_factory=GcPauses)
    workers: int = 1
    budget_bytes: int = 0
