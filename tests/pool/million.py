"""One million cycles of 16 threads on 4 buffers; run by ``test_threads``, or by hand.

Each thread writes its own pattern and must find it again. Now and then a holder lets the others
run, so both the path without the lock and the line are crossed, and newcomers meet waiters.

Where the system can hold threads to one core, they spend nine tenths of their cycles on it: they
take turns as before, and each turn costs a third of what it costs between cores.
"""

from __future__ import annotations

import os
import sys
import threading
import time

from framesrv.pool import ArrayPool

THREADS = 16
BUFFERS = 4
CYCLES = 1_000_000
ON_ONE_CORE = CYCLES // THREADS * 9 // 10  # of a thread's cycles
PATIENT_S = 600.0


def stay_on(cores: set[int]) -> None:
    """This thread, if the system can have it so."""
    if sys.platform == "linux":
        os.sched_setaffinity(0, cores)


def main() -> None:
    cores = os.sched_getaffinity(0) if sys.platform == "linux" else {0}
    pool = ArrayPool("shared", shape=(64,), capacity=BUFFERS)
    done = [0] * THREADS
    foreign = [0] * THREADS

    def work(number: int) -> None:
        stay_on({min(cores)})
        for cycle in range(CYCLES // THREADS):
            if cycle == ON_ONE_CORE:
                stay_on(cores)
            with pool.acquire(timeout_s=PATIENT_S) as lease:
                lease.array.fill(number)
                if cycle % 64 == 0:
                    time.sleep(0)
                foreign[number] += int((lease.array != number).sum())
            done[number] += 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stats = pool.stats()
    if foreign != [0] * THREADS:
        raise SystemExit(f"foreign bytes seen by thread: {foreign}")
    if done != [CYCLES // THREADS] * THREADS or stats.timeouts or stats.leased or stats.misses:
        raise SystemExit(f"not all cycles were served: {done}, {stats}")
    if (stats.gets, stats.returns, stats.existing, stats.quarantined) != (CYCLES, CYCLES, 4, 0):
        raise SystemExit(f"the numbers do not add up: {stats}")
    print(f"{stats.gets} cycles, nothing shared, nobody starved")


if __name__ == "__main__":
    main()
