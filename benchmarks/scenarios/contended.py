"""Four threads on two buffers: how far the longest waits are from the usual one.

The scenario of HikariCP issue 2192. What is counted: the time from the call of ``acquire`` to
its return, of every acquire of every thread, also of those that found a buffer at once, and
also the first, since a thread that is starved has few others. The holder copies a frame in and
out, which lets other threads run as decoding does, and comes back at once.

A low percentile alone proves nothing: where two threads keep both buffers between them, nearly
every acquire is immediate, and the few of the starved threads are too rare to show in p99.9.
So it is also counted how often the most and the least served thread got a buffer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from benchmarks.crew import run_together
from benchmarks.designs import LOCKED, OURS, OURS_OFF, QUEUED, Lender
from benchmarks.harness import Bench, duration, percentile
from benchmarks.lending import timed_acquires, turns_for
from benchmarks.loops import FRAME
from benchmarks.model import Figure, Outcome, Scenario, Spread

_THREADS: Final = 4
_BUFFERS: Final = 2
_CONTESTANTS: Final = {
    "sample": ("array pool, sample", OURS),
    "off": ("array pool, off", OURS_OFF),
    "locked": ("one lock and a condition", LOCKED),
    "queue": ("queue.LifoQueue", QUEUED),
}


@dataclass(frozen=True, slots=True)
class Round:
    acquires: int
    mean_s: float
    p999_s: float
    longest_s: float
    fairness: float  # acquires of the least served thread over those of the most served

    @classmethod
    def of(cls, by_thread: list[list[float]]) -> Round:
        every = sorted(wait_s for waits_s in by_thread for wait_s in waits_s)
        counts = [len(waits_s) for waits_s in by_thread]
        return cls(
            len(every),
            sum(every) / len(every),
            percentile(every, 99.9),
            every[-1],
            min(counts) / max(counts),
        )


def run(bench: Bench) -> Outcome:
    lenders = {key: d.build(FRAME, _BUFFERS, True) for key, (_, d) in _CONTESTANTS.items()}
    taken: dict[str, list[Round]] = {key: [] for key in lenders}
    rounds = bench.pick(15, 2)
    for number in range(rounds):
        bench.progress.step(number, rounds)
        for key, lender in lenders.items():
            taken[key].append(_round(lender, seconds=bench.pick(0.6, 0.05)))
    return Outcome(
        [figure for key in taken for figure in _figures(key, taken)],
        notes=(
            (
                f"{_THREADS} threads, {_BUFFERS} buffers of 1280x720x3; a frame is copied in and "
                "out while holding. A wait is the time from the call of acquire to its return, of "
                "every acquire, also where a buffer was idle."
            ),
            "Each round has its own p99.9 and its own mean; a figure is the median round.",
        ),
    )


def _round(lender: Lender, *, seconds: float) -> Round:
    """All waits in which each thread comes back as often as it can, for so long."""
    frame = np.ones(FRAME, np.uint8)
    by_thread: list[list[float]] = [[] for _ in range(_THREADS)]
    run_together(
        [timed_acquires(lender, frame, mine, turns_for(seconds), writes=2) for mine in by_thread]
    )
    return Round.of(by_thread)


def _figures(key: str, taken: dict[str, list[Round]]) -> list[Figure]:
    label, mine = _CONTESTANTS[key][0], taken[key]
    mean, longest = (
        duration(Spread.of(values).median)
        for values in ([r.mean_s for r in mine], [r.longest_s for r in mine])
    )
    total = [m.acquires / b.acquires for m, b in zip(mine, taken["locked"], strict=True)]
    return [
        Figure.ratio(
            f"contended.{key}",
            f"{label}: p99.9 / mean wait",
            Spread.of([r.p999_s / r.mean_s for r in mine]),
            f"mean {mean}, longest {longest}",
        ),
        Figure.ratio(
            f"contended.{key}_fairness",
            f"{label}: least / most served thread",
            Spread.of([r.fairness for r in mine]),
        ),
        Figure.ratio(
            f"contended.{key}_total",
            f"{label}: cycles, in times of one lock's",
            Spread.of(total),
        ),
    ]


SCENARIO = Scenario("contended", "Four threads on two buffers", run)
