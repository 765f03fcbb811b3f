"""How much work may be in flight, in frames and in bytes. Refusal is early, and typed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from threading import Lock

from framesrv.engine.settings import EngineSettings
from framesrv.errors import Reason, Refused


class Admission:
    def __init__(self, settings: EngineSettings) -> None:
        self._settings = settings
        self._lock = Lock()
        self._waiting: deque[Callable[[], None]] = deque()
        self.frames = 0
        self.nbytes = 0
        self.draining = False

    def enter(self, frames: int, nbytes: int) -> None:
        """All of it, or Refused. What is too large alone is let in when nothing else is there."""
        settings = self._settings
        with self._lock:
            if self.draining:
                raise Refused(Reason.DRAINING, DRAINING_TEXT, settings.retry_after_s)
            if self.frames and self.frames + frames > settings.max_in_flight_frames:
                raise self._full(f"{self.frames} frames", f"{settings.max_in_flight_frames}")
            if self.nbytes and self.nbytes + nbytes > settings.max_in_flight_bytes:
                raise self._full(f"{self.nbytes:,} bytes", f"{settings.max_in_flight_bytes:,}")
            self.frames += frames
            self.nbytes += nbytes

    def leave(self, frames: int, nbytes: int) -> None:
        """Done with it, whatever came of it."""
        with self._lock:
            self.frames -= frames
            self.nbytes -= nbytes
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

    def _full(self, used: str, cap: str) -> Refused:
        return Refused(
            Reason.QUEUE_FULL,
            f"the server is full: {used} of at most {cap} are in flight; send again later, or "
            "fewer at once",
            self._settings.retry_after_s,
        )


DRAINING_TEXT = "the server is about to stop and takes no new work: send to another, or retry later"
