"""Values counted by how large they are: by one thread, or by any.

A value belongs to the first bucket whose bound it does not exceed; what exceeds all of them, to
one more.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Sequence
from itertools import accumulate
from time import time
from typing import Final, NamedTuple


class Example(NamedTuple):
    """One of the values in a bucket, and the trace that tells more of it."""

    trace_id: str
    value: int
    at_s: float  # of the clock that clients know


class Histogram:
    """Written by one thread only; read by any.

    >>> batches = Histogram((1, 2, 4))
    >>> for frames in (1, 3, 4, 9):
    ...     batches.add(frames)
    >>> batches.counts, batches.total
    ([1, 0, 2, 1], 17)
    """

    __slots__ = ("_bounds", "counts", "examples", "total")

    def __init__(self, bounds: Sequence[int]) -> None:
        self._bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.examples: list[Example | None] = [None] * (len(bounds) + 1)  # the last of each
        self.total = 0

    def add(self, value: int, trace_id: str = "") -> None:
        bucket = bisect_left(self._bounds, value)
        self.counts[bucket] += 1
        self.total += value
        if trace_id:
            self.examples[bucket] = Example(trace_id, value, time())

    def add_up(self, other: Histogram) -> None:
        """Take in another of the same bounds, which may go on being written meanwhile."""
        self.total += other.total
        for bucket, count in enumerate(other.counts):
            self.counts[bucket] += count
            theirs, ours = other.examples[bucket], self.examples[bucket]
            if theirs is not None and (ours is None or ours.at_s < theirs.at_s):
                self.examples[bucket] = theirs


_TOTAL_BITS: Final = 80
_COUNT_BITS: Final = 40


class SharedHistogram:
    """Written by any thread, also from a finalizer that interrupts a thread which is writing.

    So there is no lock, which such a finalizer would wait for in vain, and no ``+=``, which loses
    counts: everything is one number, the total with a count for each bucket above it. Who has a
    value puts it in a queue and then has an iterator take one value out and add it. Both are a
    single call of C, so none is lost, and it does not matter whose value one takes. A reader does
    the same with a value of nothing, and sees all counts and the total of one moment.

    >>> waits_ns = SharedHistogram((1000, 2000))
    >>> waits_ns.add(1500)
    >>> waits_ns.add(7)
    >>> waits_ns.read()
    ([1, 1, 0], 1507)
    """

    __slots__ = ("_advance", "_bounds", "_put")

    def __init__(self, bounds: Sequence[int]) -> None:
        self._bounds = bounds
        queue: deque[int] = deque()
        self._put = queue.append
        # Nothing in the queue is None, so it never ends; it is never empty when one is taken.
        self._advance = accumulate(iter(queue.popleft, None)).__next__

    def add(self, value: int) -> None:
        bucket = bisect_left(self._bounds, value)
        self._put(value | 1 << (_TOTAL_BITS + _COUNT_BITS * bucket))
        self._advance()

    def read(self) -> tuple[list[int], int]:
        """The counts, and the total."""
        self._put(0)
        number = self._advance()
        counts = [
            number >> (_TOTAL_BITS + _COUNT_BITS * bucket) & ((1 << _COUNT_BITS) - 1)
            for bucket in range(len(self._bounds) + 1)
        ]
        return counts, number & ((1 << _TOTAL_BITS) - 1)
