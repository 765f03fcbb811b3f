"""What a load test counts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from time import perf_counter, process_time
from typing import Any

from framesrv.cli.spread import Spread


@dataclass(slots=True)
class Tally:
    """Frames that were due before ``begin_s`` are warm-up and count for nothing."""

    begin_s: float = 0.0
    end_s: float = 0.0  # nothing is sent later
    ok: int = 0
    answers: int = 0  # ok ones that came between begin and end, whenever they were due: the rate
    failed: int = 0
    sent: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)  # of calls that failed, by reason
    latency: Spread = field(default_factory=Spread)
    lag: Spread = field(default_factory=Spread)  # of our own: sent later than due
    bytes_out: int = 0
    bytes_in: int = 0
    stopped_s: float = 0.0  # when the run ended; early, if it was interrupted
    interrupted: bool = False
    cpu_s: float = 0.0
    _cpu_before_s: float = 0.0

    def start(self, now: float, warmup_s: float, duration_s: float) -> None:
        self.begin_s = now + warmup_s
        self.end_s = self.stopped_s = self.begin_s + duration_s

    def warm(self) -> None:
        """To be called at ``begin_s``."""
        self._cpu_before_s = process_time()

    def stop(self, *, interrupted: bool) -> None:
        self.stopped_s = min(perf_counter(), self.end_s)
        self.interrupted = interrupted
        self.cpu_s = process_time() - self._cpu_before_s

    def counts(self, due_s: float) -> bool:
        return due_s >= self.begin_s

    def sending(self, due_s: float, frames: int, size: int) -> None:
        if self.counts(due_s):
            self.sent += frames
            self.bytes_out += size
            self.lag.add(max(0.0, perf_counter() - due_s))

    def answered(self, due_s: float, frames: int, size: int) -> None:
        """Frames that are ok. The latency counts from when they were due, not from when we found
        the time to send them: a server that stalls would look good otherwise.
        """
        now = perf_counter()
        if self.begin_s <= now <= self.end_s:
            self.answers += frames
        if not self.counts(due_s):
            return
        self.ok += frames
        self.bytes_in += size
        self.latency.add(now - due_s, frames)

    def failure(self, due_s: float, reason: str, frames: int, message: str = "") -> None:
        if self.counts(due_s):
            self.failed += frames
            self.reasons[reason] += frames
            if message:
                self.examples.setdefault(reason, message)

    @property
    def seconds(self) -> float:
        return max(0.0, self.stopped_s - self.begin_s)

    @property
    def fps(self) -> float:
        return self.answers / self.seconds if self.seconds else 0.0

    @property
    def cpu_us_a_frame(self) -> float:
        """Of the load's own."""
        return self.cpu_s / self.answers * 1e6 if self.answers else 0.0

    def as_dict(self) -> dict[str, Any]:
        return {
            "frames": self.ok + self.failed,
            "ok": self.ok,
            "failed": self.failed,
            "sent": self.sent,
            "reasons": dict(self.reasons.most_common()),
            "seconds": round(self.seconds, 3),
            "fps": round(self.fps, 2),
            "latency_ms": self.latency.as_ms(),
            "sender_lag_ms": self.lag.as_ms(),
            "bytes_sent": self.bytes_out,
            "bytes_received": self.bytes_in,
            "client_cpu_us_a_frame": round(self.cpu_us_a_frame, 1),
            "interrupted": self.interrupted,
        }
