"""How busy the workers were lately, whoever asks and however often."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from threading import Lock
from time import monotonic_ns
from typing import Final

WINDOW_NS: Final = 10_000_000_000
_APART_NS: Final = 1_000_000_000  # what was read sooner after another is not kept


class BusyRatio:
    """Keeps what it was told in the last ten seconds, a reading a second at most."""

    def __init__(self, workers: int, now_ns: Callable[[], int] = monotonic_ns) -> None:
        self._workers = max(1, workers)
        self._now_ns = now_ns
        self._lock = Lock()
        self._read: deque[tuple[int, int]] = deque([(now_ns(), 0)])

    def ratio(self, busy_ns: int) -> float:
        """The share of the workers' time, of which ``busy_ns`` is the sum until now, that was
        spent on tasks: over the last ten seconds, or since the reading before if that is longer
        ago, or since the start if that is not so long ago."""
        with self._lock:
            now_ns, read = self._now_ns(), self._read
            while len(read) > 1 and now_ns - read[1][0] >= WINDOW_NS:
                read.popleft()
            since_ns, before_ns = read[0]
            if now_ns - read[-1][0] >= _APART_NS:
                read.append((now_ns, busy_ns))
        share = (busy_ns - before_ns) / max(1, (now_ns - since_ns) * self._workers)
        return min(1.0, max(0.0, share))
