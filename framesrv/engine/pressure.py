"""How long new work would wait for a worker, and how long it may.

As a rule ``max_wait_s``, so that bursts are taken on. If more than half of all calls have to be
refused even so, far more comes than the workers can do, and a long queue would only make all of it
late: the limit is then ``overload_wait_s``, until most calls are let in again or nothing is left to
do. Workers always have a next task.

Only work whose caller can do no better than come again is counted here. Streams are not: they
wait where they are, each with a window of its own, and would else leave no room for others.
"""

from __future__ import annotations

from typing import Final

from framesrv.engine.settings import EngineSettings

_TASKS_A_WORKER: Final = 2  # one at work, one behind it
_NEW: Final = 1 / 32  # the weight of the last call among those before
_TOO_MANY: Final = 0.5
_LEAST_LET_IN: Final = 0.05
_AWAY_S: Final = 2.0  # an estimate is not so good as to send anybody away for longer


class Pressure:
    def __init__(self, settings: EngineSettings) -> None:
        self._settings = settings
        self._refused = 0.0  # the part of the last calls that were
        self._tasks = 0
        self._work_s = 0.0  # that the tasks in flight are expected to take

    def refuses(self) -> float | None:
        """How many seconds a call would wait, where that is too long; None: it may come."""
        wait_s = self._work_s / self._settings.workers
        refused = self._is_too_long(wait_s)
        self._refused += (refused - self._refused) * _NEW
        return wait_s if refused else None

    def _is_too_long(self, wait_s: float) -> bool:
        settings = self._settings
        if not settings.max_wait_s or self._tasks < _TASKS_A_WORKER * settings.workers:
            return False
        overloaded = self._refused > _TOO_MANY
        return wait_s > (settings.overload_wait_s if overloaded else settings.max_wait_s)

    def away_s(self, wait_s: float) -> float:
        """When to come again: the more are refused, the later, so that fewer come in vain."""
        return min(_AWAY_S, wait_s / max(_LEAST_LET_IN, 1 - self._refused))

    def enter(self, tasks: int, work_s: float) -> None:
        self._tasks += tasks
        self._work_s += work_s

    def leave(self, work_s: float) -> None:
        self._tasks -= 1
        self._work_s -= work_s
        if not self._tasks:  # whoever has nothing left to do is not overloaded
            self._work_s = self._refused = 0.0
