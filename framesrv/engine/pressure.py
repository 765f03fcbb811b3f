"""How long new work would wait for a worker, and how long it may.

As a rule ``max_wait_s``, so that bursts are taken on. If even that is not enough, more work comes
than the workers can do, and a long queue would only make all of it late: the limit is then
``overload_wait_s``, until nothing has been refused for a while, or nothing is left to do. Workers
always have a next task.

Only work whose caller can do no better than come again is counted here. Streams are not: they
wait where they are, each with a window of its own, and would else leave no room for others.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Final

from framesrv.engine.settings import EngineSettings

_CALM_S: Final = 1.0  # without a refusal, and the overload is over
_TASKS_A_WORKER: Final = 2  # one at work, one behind it
_NEVER: Final = float("-inf")


class Pressure:
    def __init__(self, settings: EngineSettings, now: Callable[[], float] = monotonic) -> None:
        self._settings = settings
        self._now = now
        self._refused_at = _NEVER
        self._tasks = 0
        self._work_s = 0.0  # that the tasks in flight are expected to take

    def refuses(self) -> float | None:
        """How many seconds more work would wait, where that is too long; None: it may come."""
        settings = self._settings
        wait_s = self._work_s / settings.workers
        if not settings.max_wait_s or self._tasks < _TASKS_A_WORKER * settings.workers:
            return None
        now = self._now()
        overloaded = now - self._refused_at < _CALM_S
        if wait_s <= (settings.overload_wait_s if overloaded else settings.max_wait_s):
            return None
        self._refused_at = now
        return wait_s

    def enter(self, tasks: int, work_s: float) -> None:
        self._tasks += tasks
        self._work_s += work_s

    def leave(self, work_s: float) -> None:
        self._tasks -= 1
        self._work_s -= work_s
        if not self._tasks:  # whoever has nothing left to do is not overloaded
            self._work_s, self._refused_at = 0.0, _NEVER
