"""Borrowing a frame's array against allocating one.

Both sides write the frame anyway, so filling the fresh array would charge one side for work
that both do. What only the fresh array costs is that its pages must come into being: one byte
is written on each, the least that does it.

And the array must be fresh. In a loop that frees its only array before it makes the next, the
C allocator hands out the same touched block again: it acts as a pool of one. With four frames
alive at once, as a batch has them, it gives memory back to the kernel and gets it new.
Both are measured; the target is for the fresh one.
"""

from __future__ import annotations

from itertools import repeat
from typing import Final

from benchmarks.allocations import minor_faults
from benchmarks.harness import Bench, timed
from benchmarks.loops import FRAME, Loop, array_pool, borrow_and_return, touched
from benchmarks.model import Figure, Outcome, Scenario
from framesrv.pool import ArrayPool

BATCH: Final = 4


def borrow_batch(pool: ArrayPool) -> Loop:
    def loop(cycles: int) -> None:
        for _ in repeat(None, cycles):
            leases = [pool.acquire() for _ in range(BATCH)]
            for lease in leases:
                lease.release()

    return loop


def allocate_batch(cycles: int) -> None:
    for _ in repeat(None, cycles):
        arrays = [touched(FRAME) for _ in range(BATCH)]
        del arrays


def allocate_one(cycles: int) -> None:
    for _ in repeat(None, cycles):
        array = touched(FRAME)
        del array


def run(bench: Bench) -> Outcome:
    pool = array_pool(FRAME, capacity=BATCH)
    batch = bench.compare(
        {"pool": timed(borrow_batch(pool)), "fresh": timed(allocate_batch)},
        baseline="pool",
        slice_s=0.01,
    )
    one = bench.compare(
        {"pool": timed(borrow_and_return(pool)), "fresh": timed(allocate_one)}, baseline="pool"
    )
    cycles = bench.pick(200, 20)
    batch_faults = minor_faults(allocate_batch, cycles) / BATCH
    one_faults = minor_faults(allocate_one, cycles)
    return Outcome(
        [
            Figure.ratio(
                "fresh.pages",
                "fresh arrays, a batch of 4 alive at once",
                batch["fresh"].ratio,
                batch["fresh"].here,
            ),
            Figure.ratio(
                "fresh.recycled",
                "one array at a time: malloc recycles its block",
                one["fresh"].ratio,
                one["fresh"].here,
            ),
            Figure("fresh.pages_faults", "page faults an array, in the batch", batch_faults, ""),
            Figure("fresh.recycled_faults", "page faults an array, one at a time", one_faults, ""),
        ],
        notes=(
            (
                "Time of np.empty + one byte written on each page, in times of acquire + release, "
                "both sides doing the same number at once; 1280x720x3, 675 pages of 4 KiB."
            ),
            "Filling the array is left out: who borrows fills it too.",
        ),
    )


SCENARIO = Scenario("fresh", "Borrowing a 1280x720x3 array against allocating it", run)
