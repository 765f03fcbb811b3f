"""Tasks on their way to workers: first come, first served, by whoever stopped working last.

There are two lines, served in turns: who sends more at once than there are workers, and waits
patiently, does not make others wait for all of it.

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
        self._hasty: deque[T | None] = deque()
        self._patient: deque[T | None] = deque()
        self._patient_next = False
        self._idle: list[Place[T]] = []  # the one that stopped last is at the end

    def put(self, task: T | None, *, patient: bool = False) -> None:
        """None sends one worker home, after all that was put before."""
        with self._lock:
            if not self._idle:
                (self._patient if patient else self._hasty).append(task)
                return
            place = self._idle.pop()
        place.task = task
        place.bell.release()

    def get(self, place: Place[T]) -> T | None:
        """The next task; waits for it."""
        with self._lock:
            if self._hasty or self._patient:
                return self._next()
            self._idle.append(place)
        place.bell.acquire()
        task, place.task = place.task, None
        return task

    def _next(self) -> T | None:
        """*locked* From the line whose turn it is; the end comes after everything."""
        take_patient = self._patient and (
            self._patient_next or not self._hasty or self._hasty[0] is None
        )
        self._patient_next = not take_patient
        return (self._patient if take_patient else self._hasty).popleft()
