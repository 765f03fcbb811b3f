"""A thread that looks after the pools once a second: trims, finds leaks, reports."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Final, Self

from framesrv.pool.memory import give_heap_back

if TYPE_CHECKING:
    from framesrv.pool.manager import PoolManager

_LOG = logging.getLogger("framesrv.pool")
INTERVAL_S: Final = 1.0
TRIM_AFTER_S: Final = 30.0
HELD_TOO_LONG_S: Final = 60.0


class Janitor:
    """Runs between ``start`` and ``stop``, or inside ``with``."""

    def __init__(
        self,
        manager: PoolManager,
        *,
        interval_s: float = INTERVAL_S,
        trim_after_s: float = TRIM_AFTER_S,
        held_too_long_s: float = HELD_TOO_LONG_S,
    ) -> None:
        self._manager = manager
        self._interval_s = interval_s
        self._trim_after_s = trim_after_s
        self._held_too_long_s = held_too_long_s
        self._gets = 0  # when last looked at
        self._quiet_s = 0.0  # for how long nothing has been borrowed
        self._heap_is_back = True
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="framesrv-janitor", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def round(self) -> None:
        """One look at everything."""
        self._manager.watch(self._held_too_long_s)
        self._manager.trim(self._trim_after_s, heap=False)
        self._look_after_heap()

    def _look_after_heap(self) -> None:
        """Free pages of the C heap go back to the kernel in a quiet moment, and once.

        While there is work others take them at once: giving them back would only have the same
        pages come again, and all of the process pays for it.
        """
        gets = sum(stats.gets for stats in self._manager.stats().values())
        if gets != self._gets:
            self._gets, self._quiet_s, self._heap_is_back = gets, 0.0, False
            return
        self._quiet_s += self._interval_s
        if not self._heap_is_back and self._quiet_s >= self._trim_after_s:
            self._heap_is_back = True
            give_heap_back()

    def _run(self) -> None:
        while not self._stop.wait(self._interval_s):
            try:
                self.round()
            except Exception:  # the next round may do better
                _LOG.exception("the pools' janitor failed in one round")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
