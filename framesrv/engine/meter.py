"""What the workers count. Each thread adds to a meter of its own; whoever asks adds them up.

So nothing is counted through a lock, and a scrape costs the workers nothing.
"""

from __future__ import annotations

import re
from collections import Counter as Tally
from collections.abc import Iterable
from time import monotonic_ns
from typing import Final

from framesrv.engine.histogram import Histogram
from framesrv.engine.troubles import Troubles, joined
from framesrv.frames.work import FrameReport, FrameStatus

STAGES: Final = ("queue", "decode", "process", "encode", "total")
# Seconds: from a small frame's step to a queue that is far too long. Closest where the answers
# of a healthy server lie and where people draw their lines: from 10 to 500 ms.
BOUNDS_S: Final = (
    0.0001, 0.0002, 0.0003, 0.0005, 0.001, 0.0015, 0.002, 0.003, 0.005, 0.0075,
    0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.06, 0.08,
    0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75, 1.0,
)  # fmt: skip
_BOUNDS_NS: Final = tuple(round(bound * 1e9) for bound in BOUNDS_S)
BATCH_BOUNDS: Final = (1, 2, 4, 8, 16, 25, 32, 64)  # frames
_RESULTS: Final = {
    FrameStatus.OK: "ok",
    FrameStatus.FAILED: "failed",
    FrameStatus.DROPPED: "dropped",
}
# Clients choose them, and monitoring shows them: at most 64 visible characters, and of those not
# the two that must be escaped, which not every scraper reads as it should.
_is_trace_id = re.compile(r"[!#-\[\]-~]{1,64}").fullmatch


class Meter:
    """Written by one thread only."""

    def __init__(self) -> None:
        self.frames: Tally[tuple[str, str]] = Tally()  # by result and reason
        self.stages = {stage: Histogram(_BOUNDS_NS) for stage in STAGES}
        self.batches = Histogram(BATCH_BOUNDS)  # accepted ones, by their frames
        self.troubles = Troubles()
        # How long the tasks took that are done, and since when one is being done (0: none is).
        # In one, so that a reader never sees the end of a task in one of them only.
        self._work = (0, 0)

    def count(self, report: FrameReport) -> None:
        reason = "" if report.error is None else str(report.error.reason)
        self.frames[_RESULTS[report.status], reason] += 1
        if report.error is not None:
            self.troubles.note(
                reason,
                report.error.message,
                stream_id=report.stream_id,
                request_id=report.request_id,
                trace_id=report.trace_id,
            )
        if report.status is not FrameStatus.OK:
            return
        timings, stages, trace_id = report.timings, self.stages, report.trace_id
        if trace_id and _is_trace_id(trace_id) is None:
            trace_id = ""
        stages["queue"].add(timings.queue_ns, trace_id)
        stages["decode"].add(timings.decode_ns, trace_id)
        stages["process"].add(timings.process_ns, trace_id)
        stages["encode"].add(timings.encode_ns, trace_id)
        stages["total"].add(timings.total_ns, trace_id)

    def begin(self, now_ns: int) -> None:
        """A task is being done."""
        self._work = (self._work[0], now_ns)

    def end(self, now_ns: int) -> None:
        done_ns, since_ns = self._work
        self._work = (done_ns + now_ns - since_ns, 0)

    @property
    def busy_ns(self) -> int:
        """The time spent on tasks until now, that of the task in progress included."""
        done_ns, since_ns = self._work
        return done_ns + (max(0, monotonic_ns() - since_ns) if since_ns else 0)

    def add_up(self, other: Meter) -> None:
        """Take in another, which may go on counting meanwhile. Its troubles are left out."""
        self._work = (self._work[0] + other.busy_ns, 0)
        for key in list(other.frames):
            self.frames[key] += other.frames[key]
        for stage, histogram in other.stages.items():
            self.stages[stage].add_up(histogram)
        self.batches.add_up(other.batches)


def added_up(meters: Iterable[Meter]) -> Meter:
    """One meter with the sums."""
    total = Meter()
    meters = list(meters)
    total.troubles = joined(meter.troubles for meter in meters)
    for meter in meters:
        total.add_up(meter)
    return total
