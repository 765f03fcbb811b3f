"""Whether threads that share a pool slow each other down.

The interpreter runs one thread at a time, so the total cannot rise; it falls when threads wait
for each other's lock, wake each other up, and queue again: a convoy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from benchmarks.crew import THREADED_SLICE_S, in_threads
from benchmarks.designs import LOCKED
from benchmarks.harness import Bench, Contestant
from benchmarks.lending import lend_and_return
from benchmarks.loops import (
    SMALL,
    Loop,
    array_pool,
    borrow_and_return,
    filled_queue,
    get_and_put,
)
from benchmarks.model import Figure, Outcome, Scenario

_COUNTS: Final = (2, 4, 8)
_LABELS: Final[Mapping[str, str]] = {
    "sample": "array pool, sample",
    "off": "array pool, off",
    "queue": "queue.LifoQueue",
    "locked": "one lock and a condition",
}


def run(bench: Bench) -> Outcome:
    loops: dict[str, Loop] = {
        "sample": borrow_and_return(array_pool()),
        "off": borrow_and_return(array_pool(level="off")),
        "queue": get_and_put(filled_queue()),
        "locked": lend_and_return(LOCKED.build(SMALL, 8, False)),
    }
    figures = []
    for key, loop in loops.items():
        counts = _COUNTS if key in ("sample", "off") else _COUNTS[-1:]
        figures += _totals(bench, key, loop, counts)
    return Outcome(
        figures,
        notes=(
            (
                "Cycles a second of all threads together, in times of those of one thread; 8 "
                "buffers, so nobody waits for one; no work while holding."
            ),
        ),
    )


def _totals(bench: Bench, key: str, loop: Loop, counts: Sequence[int]) -> list[Figure]:
    contestants: dict[str, Contestant] = {
        str(count): in_threads(count, loop) for count in (1, *counts)
    }
    measured = bench.compare(contestants, baseline="1", rounds=15, slice_s=THREADED_SLICE_S)
    return [
        Figure.ratio(
            f"threads.{key}_{count}",
            f"{_LABELS[key]}, {count} threads",
            measured[str(count)].ratio.inverse(),
            f"{1e-6 / measured[str(count)].seconds.median:.2f} M/s",
        )
        for count in counts
    ]


SCENARIO = Scenario("threads", "Threads that share a pool with a buffer for each", run)
