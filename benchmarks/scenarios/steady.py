"""Whether a pool in its steady state allocates anything that stays, or anything large.

The criterion: after a warm-up that is traced too, 100,000 cycles leave less than 1 KiB more
traced memory than there was, that is, less than a byte in a hundred cycles (one leaked object
a cycle would leave megabytes), and at no moment was there 4 KiB more.
"""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Mapping
from typing import Final

from benchmarks.harness import Bench
from benchmarks.loops import Loop, array_pool, borrow_and_return
from benchmarks.model import Figure, Outcome, Scenario
from benchmarks.scenarios.roundtrip import object_pools

_WARM_UP: Final = 1024  # at the default level, eight leases that carry their stack
_LABELS: Final[Mapping[str, str]] = {
    "sample": "array, sample",
    "off": "array, off",
    "bytesio": "BytesIO",
    "bytearray": "bytearray",
    "record": "record",
}


def run(bench: Bench) -> Outcome:
    cycles = bench.pick(100_000, 2_000)
    bytesio, texts, records = object_pools()
    loops: dict[str, Loop] = {
        "sample": borrow_and_return(array_pool()),
        "off": borrow_and_return(array_pool(level="off")),
        "bytesio": bytesio,
        "bytearray": texts,
        "record": records,
    }
    figures = []
    for number, (key, loop) in enumerate(loops.items()):
        bench.progress.step(number, len(loops))
        growth, peak = _traced(loop, cycles)
        label = _LABELS[key]
        figures.append(Figure(f"steady.{key}_growth", f"{label}: growth", growth, "bytes"))
        figures.append(Figure(f"steady.{key}_peak", f"{label}: peak over the start", peak, "bytes"))
    return Outcome(
        figures,
        notes=(
            (
                f"tracemalloc over {cycles:,} cycles after a traced warm-up: what is there more at "
                "the end (under 1 KiB is no growth: a hundredth of a byte a cycle), and at the "
                "worst moment."
            ),
        ),
    )


def _traced(loop: Loop, cycles: int) -> tuple[int, int]:
    tracemalloc.start()
    try:
        gc.collect()  # before the warm-up, since it empties the interpreter's own free lists
        loop(_WARM_UP)
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        loop(cycles)
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return after - before, peak - before


SCENARIO = Scenario("steady", "A steady state: what grows, and how far it peaks", run)
