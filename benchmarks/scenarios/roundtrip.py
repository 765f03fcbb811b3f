"""What an uncontended borrow and return costs, beside the standard library's queue."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import repeat
from typing import Final

from benchmarks.harness import Bench, timed
from benchmarks.loops import Loop, array_pool, borrow_and_return, filled_queue, get_and_put
from benchmarks.model import Figure, Outcome, Scenario
from framesrv.pool import ArrayPool, ByteArrayPool, BytesIOPool, DebugLevel, RecordPool

_LABELS: Final[Mapping[str, str]] = {
    "queue": "queue.LifoQueue, get + put",
    "sample": "array, default level (sample)",
    "off": "array, level off",
    "with": "array, sample, `with` and lease.array touched",
    "kept": "array, sample, the loop keeps `a = lease.array`",
    "poison": "array, level poison",
    "bytesio": "BytesIO, sample",
    "bytearray": "bytearray, sample",
    "record": "record, sample",
}


class Point:
    """A record as small as one can be, so that the pool's share is seen."""

    __slots__ = ("x", "y")

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.x = self.y = 0


def with_block(pool: ArrayPool) -> Loop:
    def loop(cycles: int) -> None:
        for _ in repeat(None, cycles):
            with pool.acquire() as lease:
                lease.array  # noqa: B018 - touching it is what is measured

    return loop


def keeping_handle(pool: ArrayPool) -> Loop:
    """The natural loop: ``a`` lives until the next turn, so each return meets a live handle."""

    def loop(cycles: int) -> None:
        for _ in repeat(None, cycles):
            with pool.acquire() as lease:
                a = lease.array  # noqa: F841 - kept on purpose

    return loop


def object_pools(level: DebugLevel = DebugLevel.SAMPLE) -> tuple[Loop, Loop, Loop]:
    streams = BytesIOPool("bytesio", initial_bytes=100 * 1024, capacity=8, debug=level)
    texts = ByteArrayPool("bytearray", initial_bytes=4096, capacity=8, debug=level)
    records = RecordPool("record", Point, capacity=8, debug=level)
    return borrow_and_return(streams), borrow_and_return(texts), borrow_and_return(records)


def run(bench: Bench) -> Outcome:
    bytesio, texts, records = object_pools()
    loops = {
        "queue": get_and_put(filled_queue()),
        "sample": borrow_and_return(array_pool()),
        "off": borrow_and_return(array_pool(level="off")),
        "with": with_block(array_pool()),
        "kept": keeping_handle(array_pool()),
        "poison": borrow_and_return(array_pool(level="poison")),
        "bytesio": bytesio,
        "bytearray": texts,
        "record": records,
    }
    measured = bench.compare({k: timed(loop) for k, loop in loops.items()}, baseline="queue")
    return Outcome(
        [
            Figure.ratio(f"roundtrip.{key}", label, measured[key].ratio, measured[key].here)
            for key, label in _LABELS.items()
        ],
        notes=(
            (
                "Time of acquire + release, in times of get + put; one thread, 8 buffers; arrays "
                "320x320x4."
            ),
        ),
    )


SCENARIO = Scenario("roundtrip", "An uncontended borrow and return, beside queue.LifoQueue", run)
