"""What the workers count. Each thread adds to a meter of its own; whoever asks adds them up.

So nothing is counted through a lock, and a scrape costs the workers nothing.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter as Tally
from collections.abc import Iterable
from typing import Final

from framesrv.engine.troubles import Troubles, joined
from framesrv.frames.work import FrameReport, FrameStatus

STAGES: Final = ("queue", "decode", "process", "encode", "total")
# Seconds: from a small frame's step to a queue that is far too long.
BOUNDS_S: Final = (
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0,
)  # fmt: skip
_BOUNDS_NS: Final = tuple(round(bound * 1e9) for bound in BOUNDS_S)
_RESULTS: Final = {
    FrameStatus.OK: "ok",
    FrameStatus.FAILED: "failed",
    FrameStatus.DROPPED: "dropped",
}


class Histogram:
    __slots__ = ("counts", "total_ns")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS_S) + 1)
        self.total_ns = 0

    def add(self, ns: int) -> None:
        self.counts[bisect_left(_BOUNDS_NS, ns)] += 1
        self.total_ns += ns


class Meter:
    """Written by one thread only."""

    def __init__(self) -> None:
        self.frames: Tally[tuple[str, str]] = Tally()  # by result and reason
        self.stages = {stage: Histogram() for stage in STAGES}
        self.troubles = Troubles()
        self.busy_ns = 0

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
        timings, stages = report.timings, self.stages
        stages["queue"].add(timings.queue_ns)
        stages["decode"].add(timings.decode_ns)
        stages["process"].add(timings.process_ns)
        stages["encode"].add(timings.encode_ns)
        stages["total"].add(timings.total_ns)


def added_up(meters: Iterable[Meter]) -> Meter:
    """One meter with the sums; the others may go on counting meanwhile."""
    total = Meter()
    meters = list(meters)
    total.troubles = joined(meter.troubles for meter in meters)
    for meter in meters:
        total.busy_ns += meter.busy_ns
        for key in list(meter.frames):
            total.frames[key] += meter.frames[key]
        for stage, histogram in meter.stages.items():
            into = total.stages[stage]
            into.total_ns += histogram.total_ns
            into.counts = [a + b for a, b in zip(into.counts, histogram.counts, strict=True)]
    return total
