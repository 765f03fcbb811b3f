"""Four designs side by side: throughput, allocations, the slow end of acquire, what they lack."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import repeat
from typing import Final

import numpy as np

from benchmarks.allocations import large_blocks, minor_faults
from benchmarks.crew import THREADED_SLICE_S, in_threads, run_together
from benchmarks.designs import DESIGNS, Design
from benchmarks.harness import Bench, Contestant, duration, percentile
from benchmarks.lending import lend_and_return, lend_and_write, timed_acquires
from benchmarks.loops import FRAME, Loop
from benchmarks.model import Figure, Outcome, Scenario, Spread, Table

_BUFFERS: Final = 8
_BATCH: Final = 4
_BASELINE: Final = "locked"
_WRITING_SLICE_S: Final = 0.1  # copying lets others run at once: they need no long turns to meet


def run(bench: Bench) -> Outcome:
    idle = _throughput(bench, "idle", (1, 2, 4, 8), _returning, THREADED_SLICE_S)
    write = _throughput(bench, "write", (1, 2, 4, 8), _writing, _WRITING_SLICE_S)
    batch = _throughput(bench, "batch", (1, 2), _writing_batches, _WRITING_SLICE_S)
    memory = _memory(bench)
    slow = _slow_end(bench)
    lacks = [(design.label, design.lacks) for design in DESIGNS]
    return Outcome(
        [*idle, *write, *batch, *memory, *slow],
        notes=(
            (
                "8 buffers of 1280x720x3. Throughput: cycles a second of all threads together, in "
                "times of (a) with one thread; in brackets the time a cycle here."
            ),
            (
                "Large blocks: at least 4 KiB, per frame, as tracemalloc sees them; page faults "
                "per frame, in one thread. In a batch four frames are alive at once."
            ),
            (
                "p99 of acquire: each thread writes a frame while it holds a buffer, no thread "
                "lacks a buffer, so what is seen is the lock, the allocator and the interpreter. "
                "For (d) touching the fresh pages is part of it. One lease in 128 of the default "
                "level takes a stack, just under one in a hundred."
            ),
        ),
        tables=(
            _table("Throughput, nothing done while holding", idle, "1 thread", "2", "4", "8"),
            _table("Throughput, each cycle writes one frame", write, "1 thread", "2", "4", "8"),
            _table("Throughput, four frames held at once and written", batch, "1 thread", "2"),
            _table(
                "Allocations for one frame",
                memory,
                *("large blocks", "their KiB", "page faults", "page faults in a batch"),
            ),
            _table("p99 of acquire, in times of (a)", slow, "1 thread", "8 threads"),
            Table("What each lacks", ("design", "lacks"), lacks),
        ),
    )


def _returning(design: Design) -> Loop:
    return lend_and_return(design.build(FRAME, _BUFFERS, False))


def _writing(design: Design) -> Loop:
    return lend_and_write(design.build(FRAME, _BUFFERS, True), np.ones(FRAME, np.uint8))


def _writing_batches(design: Design) -> Loop:
    lender = design.build(FRAME, _BUFFERS, True)
    return lend_and_write(lender, np.ones(FRAME, np.uint8), at_once=_BATCH)


def _throughput(
    bench: Bench,
    mode: str,
    counts: Sequence[int],
    loop_of: Callable[[Design], Loop],
    slice_s: float,
) -> list[Figure]:
    contestants: dict[str, Contestant] = {}
    for design in DESIGNS:
        loop = loop_of(design)
        for count in counts:
            contestants[f"{design.key}_{count}"] = in_threads(count, loop)
    measured = bench.compare(contestants, baseline=f"{_BASELINE}_1", rounds=11, slice_s=slice_s)
    return [
        Figure.ratio(
            f"designs.{mode}_{design.key}_{count}",
            f"{design.label}, {mode}, {count} thread(s)",
            measured[f"{design.key}_{count}"].ratio.inverse(),
            measured[f"{design.key}_{count}"].here,
        )
        for design in DESIGNS
        for count in counts
    ]


def _memory(bench: Bench) -> list[Figure]:
    figures = []
    cycles = bench.pick(200, 10)
    for design in DESIGNS:
        blocks, nbytes = large_blocks(design.build(FRAME, _BUFFERS, True), cycles=10)
        faults = minor_faults(_writing(design), cycles)
        batch_faults = minor_faults(_writing_batches(design), cycles) / _BATCH
        for key, value, unit in (
            ("blocks", blocks, ""),
            ("kib", nbytes / 1024, "KiB"),
            ("faults", faults, ""),
            ("batch_faults", batch_faults, ""),
        ):
            what = f"{design.label}: {key} a frame"
            figures.append(Figure(f"designs.{key}_{design.key}", what, value, unit))
    return figures


def _slow_end(bench: Bench) -> list[Figure]:
    counts = (1, _BUFFERS)
    keys = [f"{design.key}_{count}" for design in DESIGNS for count in counts]
    seconds: dict[str, list[float]] = {key: [] for key in keys}
    rounds = bench.pick(9, 2)
    for number in range(rounds):
        bench.progress.step(number, rounds)
        for design in DESIGNS:
            for count in counts:
                took_s = _p99_s(design, count, cycles=bench.pick(4000, 200))
                seconds[f"{design.key}_{count}"].append(took_s)
    figures = []
    for design in DESIGNS:
        for count in counts:
            mine, base = seconds[f"{design.key}_{count}"], seconds[f"{_BASELINE}_{count}"]
            ratios = Spread.of([m / b for m, b in zip(mine, base, strict=True)])
            key, here = f"designs.p99_{design.key}_{count}", duration(Spread.of(mine).median)
            what = f"{design.label}: p99 of acquire, {count} thread(s)"
            figures.append(Figure.ratio(key, what, ratios, here))
    return figures


def _p99_s(design: Design, threads: int, *, cycles: int) -> float:
    lender = design.build(FRAME, _BUFFERS, False)
    frame = np.ones(FRAME, np.uint8)
    lists: list[list[float]] = [[] for _ in range(threads)]
    run_together(
        [timed_acquires(lender, frame, mine, repeat(None, cycles // threads)) for mine in lists]
    )
    return percentile(sorted(wait_s for waits_s in lists for wait_s in waits_s), 99)


def _table(title: str, figures: Sequence[Figure], *columns: str) -> Table:
    """One row a design; its figures come one after the other."""
    each = len(columns)
    rows = []
    for number, design in enumerate(DESIGNS):
        mine = figures[number * each : (number + 1) * each]
        rows.append((design.label, *(_cell(figure) for figure in mine)))
    return Table(title, ("design", *columns), rows)


def _cell(figure: Figure) -> str:
    return f"{figure.value:.2f} ({figure.here})" if figure.here else f"{figure.value:,.1f}"


SCENARIO = Scenario("designs", "Four designs in one run", run)
