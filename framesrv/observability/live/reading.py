"""All numbers of one moment, read from where they are counted: what a snapshot is made of."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic_ns, time_ns
from typing import Final

from framesrv.engine.meter import Meter
from framesrv.engine.troubles import Troubles
from framesrv.observability.watched import Watched
from framesrv.pool.stats import PoolStats
from framesrv.streams.tally import StreamTally

_STATM: Final = Path("/proc/self/statm")


@dataclass(frozen=True, slots=True)
class Counted:
    """What only ever grows: the difference of two of these says what happened between them."""

    at_ns: int  # monotonic
    ok: int = 0
    failed: int = 0
    dropped: int = 0
    refused: int = 0
    busy_ns: int = 0
    stages: Mapping[str, Sequence[int]] = field(default_factory=dict)
    pauses: Sequence[int] = ()
    waits: Mapping[str, Sequence[int]] = field(default_factory=dict)  # by pool


@dataclass(frozen=True, slots=True)
class Reading:
    at_ms: int  # of the clock on the wall
    counted: Counted
    meter: Meter
    refusals: Troubles
    pools: Sequence[PoolStats]
    streams: Sequence[StreamTally]
    in_flight_frames: int
    in_flight_bytes: int
    resident_bytes: int


def read(watched: Watched) -> Reading:
    pools = list(watched.pools())
    meter, refusals = watched.frames(), watched.refusals()
    waits = {stats.pool: watched.pool_news.waits(stats.pool)[0] for stats in pools}
    return Reading(
        at_ms=time_ns() // 1_000_000,
        counted=_counted(meter, refusals, watched.pauses.counts, waits),
        meter=meter,
        refusals=refusals,
        pools=pools,
        streams=list(watched.open_streams()),
        in_flight_frames=watched.in_flight_frames(),
        in_flight_bytes=watched.in_flight_bytes(),
        resident_bytes=_resident_bytes(),
    )


def _counted(
    meter: Meter,
    refusals: Troubles,
    pauses: Sequence[int],
    waits: Mapping[str, Sequence[int]],
) -> Counted:
    results = {"ok": 0, "failed": 0, "dropped": 0}
    for (result, _), count in meter.frames.items():
        results[result] += count
    return Counted(
        monotonic_ns(),
        **results,
        refused=sum(list(refusals.counts.values())),
        busy_ns=meter.busy_ns,
        stages={stage: list(histogram.counts) for stage, histogram in meter.stages.items()},
        pauses=list(pauses),
        waits=waits,
    )


def _resident_bytes() -> int:
    """0 where the system does not tell."""
    try:
        return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0
