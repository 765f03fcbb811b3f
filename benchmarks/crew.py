"""Threads that start at one moment."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Final

from benchmarks.harness import Contestant

# Threads take turns every 5 ms. In a shorter slice eight threads would run one after the other
# and never meet; in this one each has several turns.
THREADED_SLICE_S: Final = 0.2


def run_together(jobs: Sequence[Callable[[], object]]) -> float:
    """Run each job in a thread of its own; the seconds from the first start to the last end."""
    barrier = threading.Barrier(len(jobs))
    starts: list[float] = []
    ends: list[float] = []
    errors: list[BaseException] = []

    def work(job: Callable[[], object]) -> None:
        try:
            barrier.wait()
            starts.append(perf_counter())
            job()
            ends.append(perf_counter())
        except BaseException as error:  # raised again below, in the thread that asked
            errors.append(error)
            barrier.abort()

    threads = [threading.Thread(target=work, args=(job,), daemon=True) for job in jobs]
    try:
        for thread in threads:
            thread.start()
    except BaseException:
        barrier.abort()  # those already there would wait for the rest for ever
        raise
    finally:  # also when interrupted: no thread outlives this call
        for thread in threads:
            if thread.ident is not None:
                thread.join()
    if errors:
        raise next(
            (e for e in errors if not isinstance(e, threading.BrokenBarrierError)), errors[0]
        )
    return max(ends) - min(starts)


def in_threads(threads: int, loop: Callable[[int], None]) -> Contestant:
    """A contestant that shares its cycles among threads."""

    def run(cycles: int) -> float:
        each = max(1, cycles // threads)
        took_s = run_together([lambda: loop(each)] * threads)
        return took_s * cycles / (each * threads)

    return run
