"""The cycles of a design: acquire, perhaps write a frame, release."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import repeat
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.designs import Lender
from benchmarks.loops import Loop


def lend_and_return(lender: Lender) -> Loop:
    acquire, release = lender.acquire, lender.release

    def loop(cycles: int) -> None:
        for _ in repeat(None, cycles):
            lent = acquire()
            release(lent)
            del lent  # a fresh array dies here, not after the next one is made

    return loop


def lend_and_write(lender: Lender, frame: np.ndarray[Any, Any], *, at_once: int = 1) -> Loop:
    """Copying lets other threads run, as decoding and resizing do."""
    acquire, release, pixels = lender.acquire, lender.release, lender.pixels

    def one(cycles: int) -> None:
        for _ in repeat(None, cycles):
            lent = acquire()
            np.copyto(pixels(lent), frame)
            release(lent)
            del lent

    def several(cycles: int) -> None:
        for _ in repeat(None, cycles):
            batch = [acquire() for _ in range(at_once)]
            for lent in batch:
                np.copyto(pixels(lent), frame)
            for lent in batch:
                release(lent)
            del lent, batch

    return one if at_once == 1 else several


def timed_acquires(
    lender: Lender,
    frame: np.ndarray[Any, Any],
    waits_s: list[float],
    turns: Iterable[object],
    *,
    writes: int = 1,
) -> Callable[[], None]:
    """One cycle a turn, noting how long each acquire took, whether it waited or not."""
    acquire, release, pixels = lender.acquire, lender.release, lender.pixels
    note, now = waits_s.append, perf_counter

    def work() -> None:
        for _ in turns:
            asked = now()
            lent = acquire()
            note(now() - asked)
            for _ in range(writes):
                np.copyto(pixels(lent), frame)
            release(lent)
            del lent

    return work


def turns_for(seconds: float) -> Iterator[None]:
    """Turns for so long after the first one is asked for, and that one in any case."""
    end = perf_counter() + seconds
    yield
    while perf_counter() < end:
        yield
