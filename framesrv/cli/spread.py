"""How durations spread, in a fixed amount of memory: counts in buckets that are 1 % wide."""

from __future__ import annotations

import math
from array import array

_FIRST_S = 1e-6
_STEP = math.log(1.01)
_BUCKETS = 2400  # 1 µs to more than six hours


class Spread:
    """
    >>> spread = Spread()
    >>> for ms in range(1, 101):
    ...     spread.add(ms / 1000)
    >>> round(spread.quantile_s(0.5), 3), round(spread.quantile_s(1.0), 3), spread.count
    (0.05, 0.1, 100)
    """

    __slots__ = ("_buckets", "count", "max_s", "sum_s")

    def __init__(self) -> None:
        self._buckets = array("Q", bytes(8 * _BUCKETS))
        self.count = 0
        self.sum_s = 0.0
        self.max_s = 0.0

    def add(self, seconds: float, times: int = 1) -> None:
        bucket = int(math.log(seconds / _FIRST_S) / _STEP) if seconds > _FIRST_S else 0
        self._buckets[min(bucket, _BUCKETS - 1)] += times
        self.count += times
        self.sum_s += seconds * times
        self.max_s = max(self.max_s, seconds)

    def quantile_s(self, share: float) -> float:
        """0 if there is nothing yet. Never above the longest that was added."""
        rank = max(1, math.ceil(share * self.count))
        seen = 0
        for bucket, times in enumerate(self._buckets):
            seen += times
            if seen >= rank:
                return min(self.max_s, _FIRST_S * math.exp((bucket + 0.5) * _STEP))
        return 0.0

    @property
    def mean_s(self) -> float:
        return self.sum_s / self.count if self.count else 0.0

    def as_ms(self) -> dict[str, float]:
        """For machines to read."""
        named = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "p99.9": 0.999}
        figures = {name: round(self.quantile_s(share) * 1e3, 3) for name, share in named.items()}
        return {
            **figures,
            "max": round(self.max_s * 1e3, 3),
            "mean": round(self.mean_s * 1e3, 3),
        }
