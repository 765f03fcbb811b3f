"""A batch's span and those of its frames' stages. Needs OpenTelemetry: imported if tracing is on.

Contexts are passed on by hand: reports come from the workers' threads, which know of no call.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Final

from opentelemetry.context import Context
from opentelemetry.trace import Span, Tracer, format_span_id, format_trace_id, set_span_in_context

from framesrv.engine.failure import ID_MAX, log_error
from framesrv.engine.task import Answer, Incoming, Task
from framesrv.frames.work import FrameReport, FrameStatus
from framesrv.protocol.wire import WireFrame

_FRAMES_MAX: Final = 64  # of one batch that have spans
_INT_MAX: Final = (1 << 63) - 1  # of an attribute


def trace_id_of(span: Span) -> str:
    return format_trace_id(span.get_span_context().trace_id)


def traceparent_of(span: Span) -> str:
    ids = span.get_span_context()
    trace_id, span_id = format_trace_id(ids.trace_id), format_span_id(ids.span_id)
    return f"00-{trace_id}-{span_id}-{ids.trace_flags:02x}"


class BatchSpan:
    """Used by any thread. No fault in here is a frame's."""

    def __init__(self, tracer: Tracer, span: Span, ends_after: int = 0) -> None:
        """``ends_after`` so many frames, if nobody else ends the span."""
        self.span = span
        self.trace_id = trace_id_of(span)
        self._tracer = tracer
        self._context = set_span_in_context(span, Context())
        self._recording = span.is_recording()
        self._left = ends_after
        self._lock = Lock()

    def frame_done(self, number: int, report: FrameReport) -> None:
        """The report of the frame of this number in its batch, after it was written."""
        try:
            if number < _FRAMES_MAX and self._recording:
                self._show(number, report)
        except Exception as error:
            log_error("a span could not be made", error)
        self.counted(1)

    def counted(self, frames: int) -> None:
        with self._lock:
            last = self._left == frames
            self._left -= frames
        if last:
            try:
                self.span.end()
            except Exception as error:
                log_error("a span could not be ended", error)

    def _show(self, number: int, report: FrameReport) -> None:
        if report.error is not None:
            dropped = report.status is FrameStatus.DROPPED
            what = "frame dropped" if dropped else "frame failed"
            self.note(what, number, str(report.error.reason))
        labels: dict[str, str | int] = {
            "framesrv.frame": number,
            "framesrv.sequence": min(report.sequence, _INT_MAX),
        }
        if report.stream_id:
            labels["framesrv.stream_id"] = report.stream_id[:ID_MAX]
        for stage, begun_ns, ended_ns in stages(report):
            span = self._tracer.start_span(stage, self._context, attributes=labels,
                                           start_time=begun_ns)  # fmt: skip
            span.end(ended_ns)

    def note(self, what: str, number: int, reason: str) -> None:
        if self.span.is_recording():
            self.span.add_event(what, {"framesrv.frame": number, "framesrv.reason": reason})


def stages(report: FrameReport) -> list[tuple[str, int, int]]:
    """When each began and ended, of the clock that clients know; those that took place.

    The report says how long each took. A frame's end is known; what lies between its queue and
    its decoding is the wait for buffers.
    """
    timings, received_ns = report.timings, report.received_at_ns
    queued_ns = received_ns + timings.queue_ns
    found = [("queue", received_ns, queued_ns)] if timings.queue_ns else []
    worked = (
        ("decode", timings.decode_ns),
        ("process", timings.process_ns),
        ("encode", timings.encode_ns),
    )
    took_ns = sum(ns for _, ns in worked)
    at_ns = max(queued_ns, received_ns + timings.total_ns - took_ns)
    for stage, ns in worked:
        if ns:
            found.append((stage, at_ns, at_ns + ns))
            at_ns += ns
    return found


@dataclass(slots=True, eq=False)
class TracedFrame(WireFrame):
    """A frame that knows its batch, and is of its trace unless its client said otherwise."""

    batch: BatchSpan | None = None
    number: int = 0


def traced(frames: Sequence[WireFrame], batch: BatchSpan) -> list[WireFrame]:
    return [
        TracedFrame(
            frame.stream_id,
            frame.sequence,
            frame.captured_at_ns,
            frame.layout,
            frame.codec,
            frame.payload,
            frame.crc32c,
            frame.trace_id or batch.trace_id,
            batch,
            number,
        )
        for number, frame in enumerate(frames)
    ]


class _TracedAnswer:
    """The same answer; each frame's spans are made when its report has been written."""

    __slots__ = ("_answer", "_batch", "_number")

    def __init__(self, answer: Answer, batch: BatchSpan, number: int) -> None:
        self._answer = answer
        self._batch = batch
        self._number = number  # of the next frame: a task's are answered in order

    def add(self, report: FrameReport) -> None:
        self._answer.add(report)
        self._batch.frame_done(self._number, report)
        self._number += 1

    def finish(self) -> None:
        self._answer.finish()


def follow(task: Task) -> None:
    """Have spans made of the task's frames."""
    first: Incoming = task.frames[0]
    if isinstance(first, TracedFrame) and first.batch is not None:
        task.answer = _TracedAnswer(task.answer, first.batch, first.number)
