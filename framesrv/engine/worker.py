"""What each thread of the engine does, until it is told to stop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic_ns
from typing import Final

from framesrv.engine.chore import Chore
from framesrv.engine.desk import Desk, RecordPools, Records
from framesrv.engine.failure import frame_error, log, log_error
from framesrv.engine.frame import FrameWork, unprocessed
from framesrv.engine.meter import Meter
from framesrv.engine.settings import EngineSettings
from framesrv.engine.shift import Place, Shift
from framesrv.engine.task import Task
from framesrv.errors import Reason
from framesrv.frames.work import FrameError, FrameReport, FrameStatus
from framesrv.pipeline.pace import Pace
from framesrv.pool import PoolError

Tasks = Shift[Task | Chore]
_NO_PICTURE: Final = "a picture for those who watch could not be made"


@dataclass(slots=True, kw_only=True)
class Worker:
    tasks: Tasks
    work: FrameWork
    desk: Desk
    pools: RecordPools
    settings: EngineSettings
    meter: Meter
    pace: Pace  # of all plans together
    left: Callable[[Task], None]  # the task no longer counts as in flight

    def run(self) -> None:
        """Task after task; None ends it."""
        place: Place[Task | Chore] = Place()
        while (task := self.tasks.get(place)) is not None:
            begun_ns = monotonic_ns()
            self.meter.begin(begun_ns)
            try:
                if isinstance(task, Task):
                    task.begun = True
                    self._do(task, begun_ns)
                else:
                    self._do_chore(task)
            finally:
                self._clear_desk()
                self.meter.end(monotonic_ns())
                try:
                    if isinstance(task, Task):
                        self.left(task)
                finally:
                    task.done()
            del task

    def _do_chore(self, chore: Chore) -> None:
        try:
            chore.work(self.desk.lend(chore.wants(), self.settings.pool_wait_s))
        except PoolError as error:  # its sizes are a client's: no fault of ours
            log.warning(_NO_PICTURE, extra={"detail": str(error)})
        except Exception as error:
            log_error(_NO_PICTURE, error)

    def _do(self, task: Task, begun_ns: int) -> None:
        answered = worked = 0
        try:
            records = Records(self.pools, self.settings.pool_wait_s)
            try:
                records.begin(task)
                for frame in task.frames:
                    report = self.work.do(frame, task, records)
                    task.answer.add(report)
                    answered += 1
                    self.meter.count(report)
                    worked += _was_begun(report)
                    del report
                    records.reset()
            finally:
                records.reset()
                records.release()
        except Exception as error:
            self._give_up(task, answered, frame_error(error, self.settings.retry_after_s))
        except BaseException:
            self._give_up(task, answered, _lost(self.settings))
            raise
        finally:
            self._finish(task)
        if worked:
            self._note_pace(task, (monotonic_ns() - begun_ns) / worked / 1e9)

    def _note_pace(self, task: Task, frame_s: float) -> None:
        nbytes = task.nbytes // len(task.frames)
        task.plan.pace.note(nbytes, frame_s)
        self.pace.note(nbytes, frame_s)

    def _give_up(self, task: Task, answered: int, error: FrameError) -> None:
        """What is left of the task is answered all the same."""
        for frame in task.frames[answered:]:
            report = unprocessed(frame, error, task.request_id, task.stream_id, task.received_at_ns)
            report.timings.total_ns = monotonic_ns() - task.received_ns
            task.answer.add(report)
            self.meter.count(report)

    def _clear_desk(self) -> None:
        try:
            self.desk.clear()
        except Exception as error:  # misuse that a debug level found: the buffers are home anyway
            log_error("a buffer's return was complained of", error)

    def _finish(self, task: Task) -> None:
        try:
            task.answer.finish()
        except Exception as error:
            log_error("an answer could not be finished", error)


def _was_begun(report: FrameReport) -> bool:
    """Frames that nobody waits for any more take no time, and say nothing of those that do."""
    if report.status is FrameStatus.DROPPED:
        return False
    return report.error is None or report.error.reason is not Reason.DEADLINE


def _lost(settings: EngineSettings) -> FrameError:
    return FrameError(
        Reason.WORKER_LOST,
        "the worker that had this frame was lost; send it again",
        round(settings.retry_after_s * 1e9),
    )
