"""The engine of this process: one thread a usable core."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import cv2

from framesrv import codecs
from framesrv.engine.admission import Admission
from framesrv.engine.chore import Chore
from framesrv.engine.desk import Desk, RecordPools
from framesrv.engine.failure import log_error
from framesrv.engine.frame import FrameWork
from framesrv.engine.meter import Meter, added_up
from framesrv.engine.settings import EngineSettings
from framesrv.engine.task import Task
from framesrv.engine.worker import Tasks, Worker
from framesrv.pipeline.pace import Pace
from framesrv.pool import PoolManager


class ThreadEngine:
    def __init__(
        self,
        manager: PoolManager,
        records: RecordPools,
        settings: EngineSettings | None = None,
        limits: codecs.Limits | None = None,
    ) -> None:
        self.settings = settings or EngineSettings()
        self.admission = Admission(self.settings)
        self._limits = limits or codecs.Limits()
        self._manager = manager
        self._records = records
        self._tasks: Tasks = Tasks()
        self._pace = Pace()
        self._meters: list[Meter] = []
        self._threads: list[threading.Thread] = []
        self.workers_lost = 0

    @property
    def workers(self) -> int:
        return self.settings.workers

    def start(self) -> None:
        # OpenCV's own threads would compete with ours for the same cores.
        cv2.setNumThreads(1)
        for number in range(self.settings.workers):
            meter = Meter()
            self._meters.append(meter)
            thread = threading.Thread(
                target=self._work, args=(meter,), name=f"framesrv-worker-{number}", daemon=True
            )
            self._threads.append(thread)
            thread.start()

    def submit(self, tasks: Sequence[Task]) -> None:
        """Take on all of the tasks, or raise Refused and take none."""
        for task in tasks:
            if not task.patient:  # who waits outside is not asked how long
                task.work_s = self._expected_s(task)
        self.admission.enter(tasks)
        for task in tasks:
            self._tasks.put(task, patient=task.patient)

    def submit_chore(self, chore: Chore) -> bool:
        """Whether it will be done. It is in nobody's way for long: it stands among the patient."""
        if self.admission.draining:
            return False
        self._tasks.put(chore, patient=True)
        return True

    def _expected_s(self, task: Task) -> float:
        """Of a pipeline that is new, what other frames of that size take."""
        nbytes = task.nbytes // max(1, len(task.frames))
        frame_s = task.plan.pace.frame_s(nbytes) or self._pace.frame_s(nbytes)
        return frame_s * len(task.frames)

    def when_room(self, call: Callable[[], None]) -> None:
        self.admission.when_room(call)

    def meter(self) -> Meter:
        """The sums over all workers, as they are now."""
        return added_up(self._meters)

    def drain(self) -> None:
        """Take no new work; what was taken on is done."""
        self.admission.drain()

    def stop(self, timeout_s: float = 5.0) -> None:
        """Drain, and wait for the workers to end."""
        self.drain()
        for _ in self._threads:
            self._tasks.put(None)
        for thread in self._threads:
            thread.join(timeout_s)
        self._threads.clear()

    def _work(self, meter: Meter) -> None:
        """A worker's thread. One that is lost is replaced by another in the same thread."""
        while True:
            desk = Desk(self._manager)
            worker = Worker(
                tasks=self._tasks,
                work=FrameWork(desk, self.settings, self._limits),
                desk=desk,
                pools=self._records,
                settings=self.settings,
                meter=meter,
                pace=self._pace,
                left=self.admission.leave,
            )
            try:
                worker.run()
                return
            except BaseException as error:
                self.workers_lost += 1
                log_error("a worker was lost; another takes its place", error)
