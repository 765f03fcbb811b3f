"""What pools tell while it happens, since nobody could read it of them later: waits and holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from framesrv.engine.histogram import SharedHistogram
from framesrv.pool import PoolObserver

# Seconds: from a buffer that comes home in the next moment to the longest that a job waits.
POOL_BOUNDS_S: Final = (
    0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0,
)  # fmt: skip
_BOUNDS_NS: Final = tuple(round(bound * 1e9) for bound in POOL_BOUNDS_S)
_NOTHING: Final = ([0] * (len(POOL_BOUNDS_S) + 1), 0)

Counts = tuple[list[int], int]  # by bucket, and the nanoseconds of all together


class PoolNews(PoolObserver):
    """Told from any thread, and from finalizers: see ``SharedHistogram``."""

    def __init__(self) -> None:
        self._waits: dict[str, SharedHistogram] = {}
        self._holds: dict[str, SharedHistogram] = {}

    def waited(self, pool: str, wait_s: float) -> None:
        _add(self._waits, pool, wait_s)

    def held(self, pool: str, hold_s: float) -> None:
        _add(self._holds, pool, hold_s)

    def waits(self, pool: str) -> Counts:
        """How long those waited that had to, and were served."""
        return _read(self._waits, pool)

    def holds(self, pool: str) -> Counts:
        """How long the traced leases were held: one in 128, unless the debug level says else."""
        return _read(self._holds, pool)


def _add(histograms: dict[str, SharedHistogram], pool: str, seconds: float) -> None:
    histogram = histograms.get(pool)
    if histogram is None:  # ``setdefault`` is one step: of two threads, one makes it for both
        histogram = histograms.setdefault(pool, SharedHistogram(_BOUNDS_NS))
    histogram.add(max(0, round(seconds * 1e9)))


def _read(histograms: Mapping[str, SharedHistogram], pool: str) -> Counts:
    histogram = histograms.get(pool)
    return _NOTHING if histogram is None else histogram.read()
