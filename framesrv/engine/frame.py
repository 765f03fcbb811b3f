"""How one frame is done: looked at, planned, given buffers, run, reported."""

from __future__ import annotations

import logging
from time import monotonic_ns
from typing import Final

from framesrv import codecs
from framesrv.engine.desk import Desk, Records
from framesrv.engine.failure import frame_error
from framesrv.engine.settings import EngineSettings
from framesrv.engine.task import Incoming, Task
from framesrv.errors import Reason, Refused
from framesrv.frames.source import SourceFrame
from framesrv.frames.work import FrameError, FrameJob, FrameReport, FrameStatus
from framesrv.pipeline.plan import FramePlan
from framesrv.pipeline.run import run
from framesrv.pipeline.source import look

log = logging.getLogger("framesrv.engine")


class FrameWork:
    """Everything that a worker needs for its frames, whichever they are."""

    def __init__(self, desk: Desk, settings: EngineSettings, limits: codecs.Limits) -> None:
        self._desk = desk
        self._settings = settings
        self._limits = limits

    def do(self, frame: Incoming, task: Task, records: Records) -> FrameReport:
        """The report is filled whatever happens; its outputs are views of the desk's buffers."""
        source, report, job = records.source, records.report, records.job
        begun_ns = monotonic_ns()
        report.request_id = job.request_id
        report.received_at_ns = task.received_at_ns
        report.timings.queue_ns = begun_ns - job.created_at_ns
        try:
            frame.into(source)
            source.received_at_ns = task.received_at_ns
            _introduce(source, report, job.stream_id)
            _check_in_time(task, job, begun_ns)
            self._process(source, records)
            _check_deadline(job, monotonic_ns())
            report.status = FrameStatus.OK
        except Exception as error:
            fail(report, frame_error(error, self._settings.retry_after_s, report))
        report.timings.total_ns = monotonic_ns() - job.created_at_ns
        return report

    def _process(self, source: SourceFrame, records: Records) -> None:
        key, payload = look(source, self._limits)
        if source.crc32c is not None and codecs.crc32c(payload) != source.crc32c:
            raise Refused(
                Reason.CRC_MISMATCH, "the payload is not what its crc32c says: send it again"
            )
        plan: FramePlan = records.job.plan.for_frames_like(key)
        buffers = self._desk.lay_out(plan, self._wait_s(records.job))
        canonical = records.canonical
        canonical.stream_id, canonical.sequence = source.stream_id, source.sequence
        canonical.ingested_at_ns = source.received_at_ns
        canonical.captured_at_ns = source.captured_at_ns
        canonical.trace_id = source.trace_id
        canonical.layout = plan.source.form.layout
        canonical.pixels = self._desk.lease_at(plan.source.place)
        run(plan, payload, buffers, records.report)

    def _wait_s(self, job: FrameJob) -> float:
        left_s = (job.deadline_ns - monotonic_ns()) / 1e9
        return max(0.0, min(left_s, self._settings.pool_wait_s))


def fail(report: FrameReport, error: FrameError) -> None:
    report.outputs.clear()
    report.error = error
    dropped = error.reason in (Reason.DROPPED_BY_POLICY, Reason.TOO_OLD, Reason.CLIENT_GONE)
    report.status = FrameStatus.DROPPED if dropped else FrameStatus.FAILED


def unprocessed(
    frame: Incoming, error: FrameError, request_id: str, stream_id: str, received_at_ns: int
) -> FrameReport:
    """The report of a frame that was never done: of the heap, and with the client's labels."""
    report = FrameReport(request_id=request_id, stream_id=stream_id, received_at_ns=received_at_ns)
    source = SourceFrame()
    try:
        frame.into(source)
    except Exception:
        log.debug("a frame that was not done has no labels either")
    report.stream_id = stream_id or source.stream_id
    report.sequence = source.sequence
    report.captured_at_ns = source.captured_at_ns
    report.trace_id = source.trace_id
    fail(report, error)
    return report


def _introduce(source: SourceFrame, report: FrameReport, stream_id: str) -> None:
    report.sequence = source.sequence
    report.captured_at_ns = source.captured_at_ns
    report.trace_id = source.trace_id
    report.stream_id = source.stream_id or stream_id
    if stream_id and source.stream_id not in ("", stream_id):
        report.stream_id = stream_id
        raise Refused(
            Reason.BAD_STREAM_ID,
            "the frame names another stream than the one it came on: leave stream_id empty, or "
            "send it on its own stream",
        )


_DROP_TEXTS: Final = {
    Reason.CLIENT_GONE: "the client went away before this frame was begun",
    Reason.DROPPED_BY_POLICY: "the stream's in-flight window was full, and its drop policy chose "
    "this frame: send fewer frames a second, or allow a larger window",
}


def dropped(reason: Reason) -> Refused:
    return Refused(reason, _DROP_TEXTS[reason])


def _check_in_time(task: Task, job: FrameJob, now_ns: int) -> None:
    if task.drop is not None:
        raise dropped(task.drop)
    _check_deadline(job, now_ns)
    if task.expires_ns and now_ns > task.expires_ns:
        raise Refused(Reason.TOO_OLD, "the frame waited longer than the stream's max_age")


def _check_deadline(job: FrameJob, now_ns: int) -> None:
    if now_ns > job.deadline_ns:
        raise Refused(Reason.DEADLINE, "the call's deadline passed before this frame was done")
