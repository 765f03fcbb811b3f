"""A fork in the middle of things: the child's pools are whole, and the parent's go on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

PREAMBLE = """
import asyncio
import faulthandler
import logging
import os
import signal
import threading

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


@pytest.mark.parametrize(
    ("script", "output"),
    [
        (WHILE_ALLOCATING, ""),
        (WITH_WAITERS, ""),
        (NEWS, "news\n"),
    ],
    ids=["while allocating", "with waiters", "news"],
)
def test_child_and_parent_go_on(script: str, output: str, tmp_path: Path) -> None:
    path = tmp_path / "forking.py"
    path.write_text(PREAMBLE + script)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("COVERAGE_PROCESS")}
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", str(path)],
        env={**environment, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr, done.stdout) == (0, "", output)
