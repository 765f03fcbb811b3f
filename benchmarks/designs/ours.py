"""(c) This library's pool, at its default level and with nothing watched."""

from __future__ import annotations

from functools import partial
from operator import attrgetter, methodcaller

from benchmarks.designs.design import Design, Lender, Shape
from benchmarks.loops import array_pool


def _build(shape: Shape, capacity: int, written: bool, *, level: str) -> Lender:
    pool = array_pool(shape, capacity=capacity, level=level)
    acquire = partial(pool.acquire, 10.0)
    return Lender(acquire, methodcaller("release"), attrgetter("array"))


OURS = Design(
    "pool_sample",
    "(c) framesrv.pool, default level",
    "nothing of these; it is the most code",
    partial(_build, level="sample"),
)
OURS_OFF = Design(
    "pool_off",
    "(c) framesrv.pool, level off",
    "stacks of leaked leases; a second release is counted, not raised",
    partial(_build, level="off"),
)
