"""How much work may be in flight: in frames, in bytes, and in time. Refusal is early, and typed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Final

from framesrv.engine.pressure import Pressure
from framesrv.engine.settings import EngineSettings
from framesrv.engine.task import Task
from framesrv.errors import Reason, Refused

_SHARE_KEPT: Final = 4  # one in so many


class Admission:
    def __init__(self, settings: EngineSettings) -> None:
        self._settings = settings
        self._lock = Lock()
        self._pressure = Pressure(settings)
        self._waiting: deque[Callable[[], None]] = deque()
        self.frames = 0
        self.nbytes = 0
        self.draining = False

    def enter(self, tasks: Sequence[Task]) -> None:
        """All of them, or Refused. What is too large alone is let in when nothing else is there."""
        frames = sum(len(task.frames) for task in tasks)
        nbytes = sum(task.nbytes for task in tasks)
        hasty = [task.work_s for task in tasks if not task.patient]
        settings = self._settings
        with self._lock:
            if self.draining:
                raise Refused(Reason.DRAINING, DRAINING_TEXT, settings.retry_after_s)
            most = settings.max_in_flight_frames
            if not hasty:  # who can wait outside leaves room for those who cannot
                most -= most // _SHARE_KEPT
            if self.frames and self.frames + frames > most:
                raise self._full(f"{self.frames} frames of at most {most} are in flight")
            if self.nbytes and self.nbytes + nbytes > settings.max_in_flight_bytes:
                raise self._full(
                    f"{self.nbytes:,} bytes of at most {settings.max_in_flight_bytes:,} are in "
                    "flight"
                )
            if hasty and (wait_s := self._pressure.refuses()) is not None:
                text = f"the frames in flight will take {wait_s:.2f} s"
                raise self._full(text, self._pressure.away_s(wait_s))
            self.frames += frames
            self.nbytes += nbytes
            self._pressure.enter(len(hasty), sum(hasty))

    def leave(self, task: Task) -> None:
        """Done with it, whatever came of it."""
        with self._lock:
            self.frames -= len(task.frames)
            self.nbytes -= task.nbytes
            if not task.patient:
                self._pressure.leave(task.work_s)
            waiting = list(self._waiting)
            self._waiting.clear()
        for call in waiting:
            call()

    def when_room(self, call: Callable[[], None]) -> None:
        """Call when something has left; at once if nothing is there that could leave."""
        with self._lock:
            if self.frames:
                self._waiting.append(call)
                return
        call()

    def drain(self) -> None:
        with self._lock:
            self.draining = True

    def _full(self, what: str, away_s: float = 0.0) -> Refused:
        return Refused(
            Reason.QUEUE_FULL,
            f"the server is full: {what}; send again later, or fewer at once",
            max(away_s, self._settings.retry_after_s),
        )


DRAINING_TEXT = "the server is about to stop and takes no new work: send to another, or retry later"
