"""A fork in the middle of things: the child's pools are whole, and the parent's go on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.pool.helpers import check_output

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

PREAMBLE = """
import asyncio
import faulthandler
import logging
import os
import signal
import sys
import threading

between = []  # what happens after the pools' own hook and before the fork
os.register_at_fork(before=lambda: [each() for each in between])

from framesrv.pool import ArrayPool, PoolClosed, PoolError, PoolManager
from framesrv.pool.memory import map_private
from framesrv.pool.room import ROOM
from framesrv.testing.clocks import FakeClock
from framesrv.testing.contract import check_identities

faulthandler.dump_traceback_later(60, exit=True)
logging.disable(logging.CRITICAL)


def in_child(act):
    child = os.fork()
    if child == 0:
        signal.alarm(30)  # the thread that faulthandler needs is not here
        try:
            act()
        except BaseException as error:
            os.write(2, repr(error).encode())
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert status == 0, f"the child ended with {status}"


def borrow_all(pool):
    stats = pool.stats()
    check_identities(stats)
    leases = [pool.acquire(timeout_s=0.0) for _ in range(pool.capacity)]
    check_identities(pool.stats())
    for lease in leases:
        lease.release()
    check_identities(pool.stats())
"""

WHILE_ALLOCATING = """
asked, go_on = threading.Event(), threading.Event()


def allocate(nbytes):
    asked.set()
    go_on.wait()
    return map_private(nbytes)


pool = ArrayPool("p", shape=(4,), capacity=1, warm=0, allocate=allocate)
manager = PoolManager(1 << 14, allocate=allocate)
threads = [
    threading.Thread(target=lambda: pool.acquire().release()),
    threading.Thread(target=lambda: manager.acquire((1 << 14,)).release()),
]
for thread in threads:
    asked.clear()
    thread.start()
    asked.wait()


def child():
    go_on.set()
    assert len(pool.permits) == 0
    assert manager.budget.reserved_bytes == 0
    borrow_all(pool)
    manager.acquire((1 << 14,), timeout_s=0.0).release()


in_child(child)
go_on.set()
for thread in threads:
    thread.join()
borrow_all(pool)
"""

WITH_WAITERS = """
pool = ArrayPool("p", shape=(4,), capacity=1)
lease = pool.acquire()
served = []


def wait():
    with pool.acquire(timeout_s=30.0):
        served.append(True)


async def wait_async():
    async with pool.acquire_async(timeout_s=30.0):
        served.append(True)


thread = threading.Thread(target=wait)
thread.start()
while not pool.stats().waiting:
    pass


def child():
    assert (pool.stats().waiting, ROOM.waiting, ROOM.ready) == (0, {}, {})
    lease.release()
    borrow_all(pool)


async def main():
    task = asyncio.create_task(wait_async())
    await asyncio.sleep(0)
    assert pool.stats().waiting == 2
    in_child(child)
    assert pool.stats().waiting == 2
    lease.release()
    await task


asyncio.run(main())
thread.join()
assert served == [True, True]
borrow_all(pool)
"""

NEWS = """
pool = ArrayPool("p", shape=(4,), capacity=1)
ROOM.later(lambda: print("news", flush=True))
in_child(lambda: borrow_all(pool))
borrow_all(pool)
"""


RELEASE_IN_BETWEEN = """
pool = ArrayPool("p", shape=(4,), capacity=2)
lease = pool.acquire()
kept = lease.array
lease.release()
in_a_step = []


def enter():
    if ROOM._lock.acquire(blocking=False):
        in_a_step.append("another thread, while the process forks")
        ROOM._lock.release()


def let_the_array_die():  # as garbage collection may, or the hook of another library
    global kept
    kept = None
    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()


assert pool.stats().quarantined == 1
between.append(let_the_array_die)


def child():
    assert len(pool._idle) == 2, "nobody looked after what was noted during the fork"
    borrow_all(pool)


in_child(child)
assert in_a_step == []
assert len(pool._idle) == 2, "nobody looked after what was noted during the fork"
borrow_all(pool)
"""

INTERRUPTED_HOLD = """
pool = ArrayPool("p", shape=(4,), capacity=1)
holds, go_on = threading.Event(), threading.Event()


def stand_in_a_step():
    holds.set()
    go_on.wait()


def interrupt(*_):
    raise KeyboardInterrupt


def strike():
    signal.pthread_kill(threading.main_thread().ident, signal.SIGUSR1)


signal.signal(signal.SIGUSR1, interrupt)
thread = threading.Thread(target=lambda: ROOM.run(stand_in_a_step))
thread.start()
holds.wait()
sys.unraisablehook = lambda args: print(args.exc_type.__name__, flush=True)


class Lock:  # one that a signal strikes while it is waited for
    def __getattr__(self, name):
        return getattr(lock, name)

    def acquire(self):
        strike()
        lock.acquire()


lock, ROOM._lock = ROOM._lock, Lock()
in_child(lambda: borrow_all(pool))
ROOM._lock = lock
go_on.set()
thread.join()
borrow_all(pool)
"""

BUSY = """
pool = ArrayPool("p", shape=(4,), capacity=8, warm=0)
stop = threading.Event()


def work():
    while not stop.is_set():
        pool.trim()
        pool.stats()
        pool.acquire(timeout_s=30.0).release()


def child():
    pool.acquire(timeout_s=0.0).release()  # each thread had one buffer at most
    check_identities(pool.stats())
    pool.trim()


threads = [threading.Thread(target=work) for _ in range(3)]
for thread in threads:
    thread.start()
try:
    for _ in range(25):
        in_child(child)
finally:
    stop.set()
    for thread in threads:
        thread.join()
borrow_all(pool)
"""


@pytest.mark.parametrize(
    ("script", "output"),
    [
        (WHILE_ALLOCATING, ""),
        (WITH_WAITERS, ""),
        (NEWS, "news\n"),
        (RELEASE_IN_BETWEEN, ""),
        (INTERRUPTED_HOLD, "KeyboardInterrupt\n"),
        (BUSY, ""),
    ],
    ids=["while allocating", "with waiters", "news", "release", "interrupt", "busy threads"],
)
def test_child_and_parent_go_on(script: str, output: str, tmp_path: Path) -> None:
    check_output(PREAMBLE + script, output, tmp_path, flags=("-W", "ignore::DeprecationWarning"))
