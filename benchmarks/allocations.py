"""What a cycle asks of the allocator and of the kernel."""

from __future__ import annotations

import resource
import tracemalloc
from collections.abc import Callable
from typing import Final

from benchmarks.designs import Lender

_LARGE_BYTES: Final = 4096


def minor_faults(loop: Callable[[int], None], cycles: int) -> float:
    """Page faults a cycle that needed no disk: the kernel had to find and clear a page."""
    loop(max(1, cycles // 4))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    loop(cycles)
    return (resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / cycles


def large_blocks(lender: Lender, *, cycles: int) -> tuple[float, float]:
    """How many blocks of 4 KiB and more an acquire makes, and their bytes, on average.

    tracemalloc knows only what is alive, so it is asked while the buffer is out.
    """
    blocks = nbytes = 0
    tracemalloc.start()
    try:
        for _ in range(cycles):
            blocks_before, bytes_before = _alive()
            lent = lender.acquire()
            blocks_now, bytes_now = _alive()
            lender.release(lent)
            del lent
            blocks += blocks_now - blocks_before
            nbytes += bytes_now - bytes_before
    finally:
        tracemalloc.stop()
    return blocks / cycles, nbytes / cycles


def _alive() -> tuple[int, int]:
    sizes = [t.size for t in tracemalloc.take_snapshot().traces if t.size >= _LARGE_BYTES]
    return len(sizes), sum(sizes)
