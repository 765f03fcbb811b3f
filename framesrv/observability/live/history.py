"""The last five minutes, a point a second, and what was counted in the last one of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import islice
from typing import Any, Final

from framesrv.engine.meter import BOUNDS_S
from framesrv.observability.live.quantiles import quantile
from framesrv.observability.live.reading import Counted, Reading
from framesrv.observability.metrics.pool_news import POOL_BOUNDS_S
from framesrv.observability.pauses import BOUNDS_S as PAUSE_BOUNDS_S
from framesrv.streams.tally import StreamTally

POINTS_MAX: Final = 300
EVERY_S: Final = 1.0
_WINDOW: Final = 60  # readings over which the stages are looked at

Point = dict[str, Any]


class History:
    """Told of a reading once a second. What it keeps is bounded, but for a number a stream."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._counted: deque[Counted] = deque(maxlen=_WINDOW + 1)
        self._frames: dict[StreamTally, int] = {}  # that were ok, at the last reading
        self.points: deque[Point] = deque(maxlen=POINTS_MAX)
        self.fps: dict[StreamTally, float] = {}

    def add(self, reading: Reading) -> None:
        now = reading.counted
        if self._counted:
            before = self._counted[-1]
            self.points.append(point(before, now, reading.at_ms, self._workers))
            self._note_streams(reading.streams, _seconds(before, now))
        self._counted.append(now)

    def _note_streams(self, streams: Sequence[StreamTally], elapsed_s: float) -> None:
        frames = {tally: tally.answered.ok for tally in streams}
        self.fps = {
            tally: (count - self._frames.get(tally, 0)) / elapsed_s
            for tally, count in frames.items()
        }
        self._frames = frames

    def stages(self) -> dict[str, dict[str, float | None]]:
        """Quantiles of each stage over the last minute."""
        if not self._counted:
            return {}
        oldest, newest = self._counted[0], self._counted[-1]
        return {
            stage: _quantiles_ms(BOUNDS_S, _more(oldest.stages[stage], counts))
            for stage, counts in newest.stages.items()
        }

    def pauses_p99_ms(self) -> float | None:
        if not self._counted:
            return None
        counts = _more(self._counted[0].pauses, self._counted[-1].pauses)
        return _ms(quantile(PAUSE_BOUNDS_S, counts, 0.99))

    def wait_p99_ms(self, pool: str) -> float | None:
        """Of those that had to wait for a buffer of a pool."""
        counts = self._counted[-1].waits.get(pool) if self._counted else None
        if counts is None:
            return None
        before = self._counted[0].waits.get(pool, [0] * len(counts))
        return _ms(quantile(POOL_BOUNDS_S, _more(before, counts), 0.99))

    def last(self, most: int = POINTS_MAX) -> list[Point]:
        return list(islice(self.points, max(0, len(self.points) - most), None))


def point(before: Counted, now: Counted, at_ms: int, workers: int) -> Point:
    """What happened between two readings."""
    elapsed_s = _seconds(before, now)
    total = _more(before.stages["total"], now.stages["total"])
    return {
        "at_ms": at_ms,
        "fps": round((now.ok - before.ok) / elapsed_s, 1),
        "failed": round((now.failed - before.failed) / elapsed_s, 1),
        "dropped": round((now.dropped - before.dropped) / elapsed_s, 1),
        "refused": round((now.refused - before.refused) / elapsed_s, 1),
        **_quantiles_ms(BOUNDS_S, total),
        "busy": _busy(before, now, workers),
    }


def nothing_yet(at_ms: int) -> Point:
    """The point of a server that has only just begun."""
    nothing = dict.fromkeys(("fps", "failed", "dropped", "refused"), 0.0)
    return {"at_ms": at_ms, **nothing, "p50_ms": None, "p95_ms": None, "p99_ms": None, "busy": 0.0}


def _busy(before: Counted, now: Counted, workers: int) -> float:
    share = (now.busy_ns - before.busy_ns) / max(1, (now.at_ns - before.at_ns) * workers)
    return round(min(1.0, max(0.0, share)), 3)


def _seconds(before: Counted, now: Counted) -> float:
    return max(1, now.at_ns - before.at_ns) / 1e9


def _more(before: Sequence[int], now: Sequence[int]) -> list[int]:
    """Counts of a thread that has not been heard of before may come in late, but never go back."""
    return [max(0, b - a) for a, b in zip(before, now, strict=True)]


def _quantiles_ms(bounds_s: Sequence[float], counts: Sequence[int]) -> dict[str, float | None]:
    return {
        f"p{percent}_ms": _ms(quantile(bounds_s, counts, percent / 100)) for percent in (50, 95, 99)
    }


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1e3, 3)
