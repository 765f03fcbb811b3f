"""(b) A queue of buffers, as the standard library has it."""

from __future__ import annotations

from functools import partial

from benchmarks.designs.design import Design, Lender, Shape, itself
from benchmarks.loops import filled_queue


def _build(shape: Shape, capacity: int, written: bool) -> Lender:
    queue = filled_queue(shape, capacity=capacity)
    return Lender(partial(queue.get, timeout=10.0), queue.put, itself)


QUEUED = Design(
    "queued",
    "(b) queue.LifoQueue of buffers",
    "FIFO order (as above), detection of kept views and of double or foreign returns, leaks, "
    "a byte limit, async; has a deadline",
    _build,
)
