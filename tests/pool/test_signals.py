"""Real signals by the thousand, in a process of its own: the pool stays whole, nothing hangs."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.pool.helpers import check_output

STRUCK_BY_SIGNALS = """
import faulthandler
import logging
import random
import signal
import sys
from concurrent.futures import ThreadPoolExecutor

from framesrv.pool import ArrayPool
from framesrv.pool.room import ROOM


class Alarm(Exception):
    pass


def strike(*_):
    if armed:
        raise Alarm


def use(pool):
    for _ in range(6):
        first, second = pool.acquire(timeout_s=0), pool.acquire(timeout_s=0)
        kept = first.array
        first.release()
        del kept, first
        second.release()
        del second


def run():
    global armed
    try:
        try:
            armed = True
            signal.setitimer(signal.ITIMER_REAL, random.uniform(2e-6, 120e-6))
            use(pool)
            armed = False
        except Alarm:
            pass
    except Alarm:
        pass
    armed = False
    signal.setitimer(signal.ITIMER_REAL, 0)


faulthandler.dump_traceback_later(60, exit=True)
logging.disable(logging.CRITICAL)
sys.unraisablehook = lambda _: None
armed = False
signal.signal(signal.SIGALRM, strike)
pool = ArrayPool("p", shape=(8,), capacity=4, warm=2)
with pool.acquire() as lease:
    kept = lease.array  # one in quarantine: returns look into it
with ThreadPoolExecutor(1) as elsewhere:
    for number in range(2000):
        run()
        assert elsewhere.submit(ROOM._lock.acquire, timeout=5.0).result(), number
        elsewhere.submit(ROOM._lock.release).result()
stats = pool.stats()
assert (stats.leased, stats.quarantined, stats.waiting) == (0, 1, 0), stats
assert (len(pool._idle), ROOM.waiting, ROOM.ready) == (stats.idle, {}, {}), stats
print("whole")
"""

ASKED_BY_A_HANDLER = """
import faulthandler
import random
import signal

from framesrv.pool import ArrayPool, PoolError


def ask(*_):
    try:
        pool.stats()
        answers.append(True)
    except PoolError:
        answers.append(False)
    finally:
        signal.setitimer(signal.ITIMER_REAL, random.uniform(50e-6, 150e-6))


faulthandler.dump_traceback_later(60, exit=True)
answers = []
pool = ArrayPool("p", shape=(8,), capacity=2)
with pool.acquire() as lease:
    kept = lease.array  # one in quarantine: every return takes the lock
signal.signal(signal.SIGALRM, ask)
signal.setitimer(signal.ITIMER_REAL, 1e-4)
while len(answers) < 5000:
    pool.acquire(timeout_s=1.0).release()
signal.signal(signal.SIGALRM, signal.SIG_IGN)
assert True in answers
assert pool.stats().idle == 1
print("no hang")
"""


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs interval timers")
@pytest.mark.parametrize(
    ("script", "answer"), [(STRUCK_BY_SIGNALS, "whole\n"), (ASKED_BY_A_HANDLER, "no hang\n")]
)
def test_real_signals(script: str, answer: str, tmp_path: Path) -> None:
    check_output(script, answer, tmp_path)
