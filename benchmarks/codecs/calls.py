"""What one call costs: processor time, memory, and what it leaves to other threads."""

from __future__ import annotations

import sys
import threading
import tracemalloc
from collections.abc import Callable
from itertools import repeat
from time import perf_counter, sleep, thread_time

from benchmarks.codecs.rivals import Call
from benchmarks.harness import Bench, Contestant


def on_cpu(make: Callable[[], Call]) -> Contestant:
    """Seconds of CPU time of the calling thread."""
    call = make()

    def run(cycles: int) -> float:
        started = thread_time()
        for _ in repeat(None, cycles):
            call()
        return thread_time() - started

    return run


def traced_bytes(make: Callable[[], Call]) -> int:
    """The most that one call holds, its result included, over what was there before."""
    call = make()
    call()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        call()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


def left_to_others(bench: Bench, make: Callable[[], Call]) -> float:
    """How much another thread of Python does during a call, in times of what it does while
    nothing holds the interpreter's lock. 0: the lock was held all the time.

    Not the work of two threads in times of one's: that falls when other programs want the
    cores. With forced switches out of the way, the other thread moves only if the call lets go.
    """
    call = make()
    call()
    steps = 0
    stop = threading.Event()

    def others() -> None:
        nonlocal steps
        while not stop.is_set():
            steps += 1
            sleep(0)

    thread = threading.Thread(target=others, daemon=True)
    interval = sys.getswitchinterval()
    during = idle = 0
    sys.setswitchinterval(10)
    try:
        thread.start()
        for _ in range(bench.pick(50, 3)):
            before, started = steps, perf_counter()
            call()
            took_s = perf_counter() - started
            during += steps - before
            before = steps
            sleep(took_s)
            idle += steps - before
    finally:
        stop.set()
        sys.setswitchinterval(interval)
        thread.join()
    return during / max(1, idle)
