"""What Python's cyclic garbage collector takes: measured always, kept short by a server.

While it looks through objects nothing else runs that needs the interpreter.
"""

from __future__ import annotations

import gc
import sys
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from time import thread_time_ns
from typing import Any, Final, Self

# Seconds: from a young collection to a full one of everything that a server has loaded.
BOUNDS_S: Final = (
    0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
)  # fmt: skip
# More collections of fewer objects: many streams at once keep what the first look finds.
_THRESHOLDS: Final = (500, 3, 50)
_BOUNDS_NS: Final = tuple(round(bound * 1e9) for bound in BOUNDS_S)


class GcPauses:
    """Counts the collections of this process by how long they took, between start and stop.

    The clock is that of the collecting thread. Both ends of a pause are told to Python code,
    where the interpreter may pass to another thread: by the clock on the wall, that would be
    counted too. Collections never overlap, so nothing is locked.
    """

    def __init__(self) -> None:
        self.forget()
        self._began_ns = -1

    def forget(self) -> None:
        """What was counted so far was nobody's pause."""
        self.counts = [0] * (len(BOUNDS_S) + 1)
        self.total_ns = 0

    def start(self) -> None:
        gc.callbacks.append(self._note)

    def stop(self) -> None:
        gc.callbacks.remove(self._note)

    def _note(self, phase: str, _: dict[str, Any]) -> None:
        if phase == "start":
            self._began_ns = thread_time_ns()
        elif self._began_ns >= 0:  # else it began before we did
            took_ns = thread_time_ns() - self._began_ns
            self.counts[bisect_left(_BOUNDS_NS, took_ns)] += 1
            self.total_ns += took_ns

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


@contextmanager
def short_pauses() -> Iterator[None]:
    """For a process that does nothing but serve: smaller collections, and of less (ADR 0016).

    Meanwhile nothing that exists now is looked through: it stays for as long anyway. A full
    collection would else look at all that was imported, some hundred thousand objects.
    """
    before = gc.get_threshold()
    gc.collect()  # what is garbage already would stay, too
    gc.freeze()
    if sys.version_info < (3, 14):  # since then the numbers mean something else
        gc.set_threshold(*_THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
