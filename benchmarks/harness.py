"""The one way of measuring: contestants take turns, and only ratios within a round count.

A machine that is busy, throttled or shared slows all contestants of a round alike, so the
ratios stay when the times do not. Medians leave out the rounds in which only one was struck.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Final, TypeVar

from benchmarks.model import Spread
from benchmarks.progress import Progress

# Runs so many cycles and says how many seconds they took.
Contestant = Callable[[int], float]
T = TypeVar("T")

_CYCLES_MAX: Final = 1 << 22


def timed(loop: Callable[[int], None]) -> Contestant:
    """A contestant that runs in the calling thread."""

    def run(cycles: int) -> float:
        started = perf_counter()
        loop(cycles)
        return perf_counter() - started

    return run


@dataclass(frozen=True, slots=True)
class Measured:
    ratio: Spread  # time a cycle, in times of the baseline's in the same round
    seconds: Spread  # time a cycle

    @property
    def here(self) -> str:
        return duration(self.seconds.median)


class Bench:
    """What a scenario measures with. ``quick`` is for tests: all figures, none of them good."""

    def __init__(
        self,
        progress: Progress,
        *,
        quick: bool,
        minutes: float = 10.0,
        folder: Path | None = None,
    ) -> None:
        self.progress = progress
        self.quick = quick
        self.minutes = minutes  # for the scenarios that last as long as one likes
        self.folder = folder  # for results that are files themselves; none: they are not kept

    def pick(self, full: T, quick: T) -> T:
        return quick if self.quick else full

    def compare(
        self,
        contestants: Mapping[str, Contestant],
        *,
        baseline: str,
        rounds: int = 151,
        slice_s: float = 0.003,
    ) -> dict[str, Measured]:
        """Let each contestant run for about ``slice_s`` in every round.

        Short slices and many rounds: what disturbs the machine lasts longer than a slice, and
        so strikes whole rounds, or single slices that the median leaves out.
        """
        rounds = self.pick(rounds, 3)
        cycles = {
            name: _calibrate(run, self.pick(slice_s, min(slice_s, 0.002)))
            for name, run in contestants.items()
        }
        seconds: dict[str, list[float]] = {name: [] for name in contestants}
        order = list(contestants)
        gc.collect()
        for number in range(rounds):
            self.progress.step(number, rounds)
            for name in order:
                seconds[name].append(contestants[name](cycles[name]) / cycles[name])
            order.append(order.pop(0))  # nobody always runs after the same neighbour
        return {
            name: Measured(
                Spread.of([s / b for s, b in zip(mine, seconds[baseline], strict=True)]),
                Spread.of(mine),
            )
            for name, mine in seconds.items()
        }


def _calibrate(run: Contestant, slice_s: float) -> int:
    """How many cycles fill a slice. Also the warm-up: what is made once is made here."""
    cycles = 1
    run(cycles)
    while (took_s := run(cycles)) < slice_s / 2 and cycles < _CYCLES_MAX:
        cycles *= 2
    return max(1, min(_CYCLES_MAX, round(cycles * slice_s / max(took_s, 1e-9))))


def duration(seconds: float) -> str:
    """
    >>> duration(0.00000071), duration(0.000104), duration(0.0025)
    ('0.71 us', '104.00 us', '2.50 ms')
    """
    return f"{seconds * 1e6:.2f} us" if seconds < 1e-3 else f"{seconds * 1e3:.2f} ms"


def percentile(ordered: list[float], percent: float) -> float:
    """The smallest value that so many per cent of the values do not exceed.

    >>> percentile([1, 2, 3, 4], 50), percentile([1, 2, 3, 4], 99.9)
    (2, 4)
    """
    rank = -(-len(ordered) * percent // 100)  # rounded up
    return ordered[max(0, min(len(ordered), int(rank)) - 1)]
