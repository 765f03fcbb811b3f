"""A counter that threads may share without a lock."""

from __future__ import annotations

from itertools import count


class Counter:
    """Counts events; ``add`` is one C call, so no increment is lost between threads.

    ``x += 1`` is three steps and loses counts. The value is read from the iterator's repr:
    the one way to see it without advancing it that every CPython keeps.

    >>> counter = Counter()
    >>> counter.add(), counter.add(), counter.value
    (0, 1, 2)
    """

    __slots__ = ("_iterator", "add")

    def __init__(self) -> None:
        self._iterator = count()
        self.add = self._iterator.__next__

    @property
    def value(self) -> int:
        return int(repr(self._iterator)[len("count(") : -1])
