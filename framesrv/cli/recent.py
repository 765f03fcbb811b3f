"""What happened in the last seconds: how often, and how long it took."""

from __future__ import annotations

from collections import deque
from typing import Final

WINDOW_S: Final = 5.0
_MOST: Final = 8192


class Recent:
    """
    >>> recent = Recent()
    >>> recent.start(100.0)
    >>> for tenth in range(1, 21):
    ...     recent.add(100 + tenth / 10, 0.010)
    >>> recent.now(102.0)
    (10.0, 0.01, 0.01)
    """

    def __init__(self) -> None:
        self._began = 0.0
        self._seen: deque[tuple[float, float | None]] = deque(maxlen=_MOST)

    def start(self, now: float) -> None:
        self._began = now

    def add(self, now: float, latency_s: float | None = None) -> None:
        self._seen.append((now, latency_s))

    def now(self, end: float) -> tuple[float, float, float]:
        """How many a second, and p50 and p99 of their latencies in seconds."""
        while self._seen and self._seen[0][0] < end - WINDOW_S:
            self._seen.popleft()
        seen = list(self._seen)
        if not seen:
            return 0.0, 0.0, 0.0
        span = end - (self._began if end - self._began < WINDOW_S else end - WINDOW_S)
        if len(seen) == _MOST:
            span = end - seen[0][0]
        times = sorted(latency for _, latency in seen if latency is not None)
        rate = len(seen) / span if span > 0 else 0.0
        if not times:
            return rate, 0.0, 0.0
        return rate, times[len(times) // 2], times[min(len(times) - 1, len(times) * 99 // 100)]
