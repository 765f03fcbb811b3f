"""When a call is worth another try, and after how long."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from framesrv.client.errors import CallFailed, ServerUnavailable

FIRST_S = 0.1
MOST_S = 5.0


@dataclass(frozen=True)
class Retry:
    """Doubling pauses with jitter: ``clock`` and ``jitter`` are for tests to replace."""

    retries: int = 3
    first_s: float = FIRST_S
    most_s: float = MOST_S
    clock: Callable[[], float] = time.monotonic
    jitter: Callable[[], float] = random.random  # 0 to 1

    def __post_init__(self) -> None:
        if self.retries < 0:
            raise ValueError(f"retries must be 0 or more, not {self.retries}")

    def pause_s(self, error: CallFailed, tried: int, deadline: float) -> float | None:
        """The seconds to wait before the next try; None if there should be none.

        >>> from grpc import StatusCode
        >>> gone = ServerUnavailable(StatusCode.UNAVAILABLE, "", "nobody there")
        >>> steady = Retry(clock=lambda: 0.0, jitter=lambda: 1.0)
        >>> [steady.pause_s(gone, tried, deadline=30.0) for tried in (1, 2, 3, 4)]
        [0.1, 0.2, 0.4, None]
        """
        if tried > self.retries:
            return None
        if error.retry_after_s is None and not isinstance(error, ServerUnavailable):
            return None
        pause = min(self.first_s * 2.0 ** (tried - 1), self.most_s)
        pause *= 0.5 + self.jitter() / 2
        if error.retry_after_s is not None:
            pause += error.retry_after_s  # never sooner than asked; the jitter comes on top
        return pause if self.clock() + pause < deadline else None
