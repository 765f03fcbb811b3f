"""The metrics of frames, batches and calls: what became of them, and how long it took."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from prometheus_client.core import Metric

from framesrv.engine.meter import BATCH_BOUNDS, BOUNDS_S, Meter
from framesrv.engine.troubles import Troubles
from framesrv.errors import Reason
from framesrv.observability.metrics.families import (
    buckets,
    counter,
    counter_by,
    histogram,
    plain_histogram,
)

# There from the start, so that a first one can be seen to come. What is in neither list would be
# a fault of ours, and is shown once it happens.
_DROPPED: Final = (Reason.DROPPED_BY_POLICY, Reason.TOO_OLD, Reason.CLIENT_GONE)
_FAILED: Final = (
    Reason.SHAPE_MISMATCH,
    Reason.UNSUPPORTED_FORMAT,
    Reason.UNSUPPORTED_PAYLOAD,
    Reason.IMAGE_CORRUPT,
    Reason.IMAGE_TOO_LARGE,
    Reason.TOO_MANY_SCANS,
    Reason.BAD_GEOMETRY,
    Reason.BAD_STREAM_ID,
    Reason.CRC_MISMATCH,
    Reason.BAD_PIPELINE,
    Reason.RESPONSE_TOO_LARGE,
    Reason.POOL_TIMEOUT,
    Reason.MEMORY_BUDGET,
    Reason.DEADLINE,
    Reason.DRAINING,
    Reason.WORKER_LOST,
    Reason.PROCESSOR_FAILED,
    Reason.INTERNAL,
)
_REFUSED: Final = (
    Reason.MALFORMED_MESSAGE,
    Reason.BATCH_TOO_LARGE,
    Reason.BAD_PIPELINE,
    Reason.UNKNOWN_OP,
    Reason.UNKNOWN_PROCESSOR,
    Reason.UNKNOWN_PIPELINE,
    Reason.UNKNOWN_STREAM,
    Reason.BAD_CONFIG,
    Reason.STREAM_NOT_OPEN,
    Reason.STREAM_ALREADY_OPEN,
    Reason.STREAM_TAKEN,
    Reason.QUEUE_FULL,
    Reason.POOL_TIMEOUT,
    Reason.MEMORY_BUDGET,
    Reason.TOO_MANY_STREAMS,
    Reason.SLOW_CONSUMER,
    Reason.DRAINING,
    Reason.INTERNAL,
)
_RESULTS_AT_START: Final = {
    ("ok", ""): 0,
    **{("failed", reason.value): 0 for reason in _FAILED},
    **{("dropped", reason.value): 0 for reason in _DROPPED},
}
_REFUSALS_AT_START: Final = {reason.value: 0 for reason in _REFUSED}


def frame_metrics(meter: Meter) -> Iterator[Metric]:
    frames = counter("frames", "frames answered; the reason says why not ok", "result", "reason")
    for (result, reason), count in (_RESULTS_AT_START | meter.frames).items():
        frames.add_metric([result, reason], count)
    yield frames
    stages = histogram(
        "frame_stage_seconds",
        "time of the frames that were ok, by stage; total includes the waits between",
        "stage",
    )
    for stage, times in meter.stages.items():
        found = buckets(BOUNDS_S, times.counts, times.examples, 1e-9)
        stages.add_metric([stage], found, times.total / 1e9)
    yield stages
    batches = meter.batches
    yield plain_histogram(
        "batch_frames", "frames of each batch accepted", BATCH_BOUNDS, batches.counts, batches.total
    )


def refusal_metric(refusals: Troubles) -> Metric:
    counts = _REFUSALS_AT_START | dict(refusals.counts)
    return counter_by("refused_calls", "calls refused as a whole", "reason", counts)
