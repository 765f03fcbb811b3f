"""Tasks on their way to workers: first come, first served, by whoever stopped working last.

At low load the same worker does it all: its core has the code, the buffers and the tables in its
caches, where a worker that slept meanwhile has to fetch them anew.
"""

from __future__ import annotations

from collections import deque
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")


class Place(Generic[T]):
    """Where one worker waits, and finds its task."""

    __slots__ = ("bell", "task")

    def __init__(self) -> None:
        self.bell = Lock()
        self.bell.acquire()
        self.task: T | None = None


class Shift(Generic[T]):
    """
    >>> shift: Shift[str] = Shift()
    >>> shift.put("first"), shift.put("second")
    (None, None)
    >>> shift.get(Place()), shift.get(Place())
    ('first', 'second')
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._tasks: deque[T | None] = deque()
        self._idle: list[Place[T]] = []  # the one that stopped last is at the end

    def put(self, task: T | None) -> None:
        """None sends one worker home, after all that was put before."""
        with self._lock:
            if not self._idle:
                self._tasks.append(task)
                return
            place = self._idle.pop()
        place.task = task
        place.bell.release()

    def get(self, place: Place[T]) -> T | None:
        """The next task; waits for it."""
        with self._lock:
            if self._tasks:
                return self._tasks.popleft()
            self._idle.append(place)
        place.bell.acquire()
        task, place.task = place.task, None
        return task
