"""What tests of several themes need: levels, a record, an observer, checks, own processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import framesrv
from framesrv.pool import DebugLevel, PoolObserver, PoolStats
from framesrv.testing.contract import check_identities

FAILED_S = 60.0  # of real time; only a test that fails waits for so long
ROOT = Path(framesrv.__file__).resolve().parents[1]  # of the framesrv under test, installed or not

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="fence needs Linux")
FENCE = pytest.param(DebugLevel.FENCE, marks=LINUX)
UNMARKED = [DebugLevel.OFF, DebugLevel.SAMPLE]
UNFENCED = [*UNMARKED, DebugLevel.POISON]
MARKED = [DebugLevel.POISON, FENCE]
LEVELS = [*UNMARKED, *MARKED]

at_every_level = pytest.mark.parametrize("level", LEVELS)
at_every_unfenced_level = pytest.mark.parametrize("level", UNFENCED)
at_every_marked_level = pytest.mark.parametrize("level", MARKED)
at_every_unmarked_level = pytest.mark.parametrize("level", UNMARKED)


class Note:
    """A record of one field."""

    def __init__(self) -> None:
        self.text = ""

    def reset(self) -> None:
        self.text = ""


class Recorder(PoolObserver):
    def __init__(self) -> None:
        self.holds: list[tuple[str, float]] = []
        self.misuses: list[tuple[str, str, str]] = []
        self.leaks: list[tuple[str, str, str]] = []
        self.lasting: list[tuple[str, str]] = []

    def held(self, pool: str, hold_s: float) -> None:
        self.holds.append((pool, hold_s))

    def misused(self, pool: str, kind: str, detail: str) -> None:
        self.misuses.append((pool, kind, detail))

    def leaked(self, pool: str, kind: str, detail: str) -> None:
        self.leaks.append((pool, kind, detail))

    def quarantine_lasts(self, pool: str, detail: str) -> None:
        self.lasting.append((pool, detail))


def whole(pool: Any) -> PoolStats:
    """The numbers of the pool, which must add up."""
    stats: PoolStats = pool.stats()
    check_identities(stats)
    return stats


def lends_again(pool: Any) -> None:
    """A pool of one buffer."""
    with pool.acquire(timeout_s=0.0):
        assert whole(pool).leased == 1
    assert whole(pool).idle == 1


def check_home(*pools: Any) -> None:
    """Nothing is out, nobody waits, and all of the capacity can be borrowed at once."""
    for pool in pools:
        stats = whole(pool)
        assert (stats.leased, stats.quarantined, stats.waiting) == (0, 0, 0)
        leases = [pool.acquire(timeout_s=0.0) for _ in range(pool.capacity)]
        assert len({id(lease._slot) for lease in leases}) == pool.capacity
        assert pool.try_acquire() is None
        for lease in leases:
            lease.release()
        assert whole(pool).idle == pool.capacity


def address_of(buffer: Any) -> int:
    """The address of the bytes, without keeping them exported."""
    with memoryview(buffer) as view:
        return int(np.frombuffer(view, np.uint8).ctypes.data)


def run_alone(
    script: Path,
    *arguments: str,
    flags: tuple[str, ...] = (),
    cwd: Path | None = None,
    measured: bool = False,
) -> subprocess.CompletedProcess[str]:
    """Run a script in a process of its own; unless it is ``measured``, no coverage tracer slows it.

    It imports the very framesrv that is tested here, from wherever it is started.
    """
    environment = {
        name: value
        for name, value in os.environ.items()
        if measured or not name.startswith("COVERAGE_PROCESS")
    }
    paths = [str(ROOT), *filter(None, [environment.get("PYTHONPATH")])]
    environment["PYTHONPATH"] = os.pathsep.join(paths)
    return subprocess.run(
        [sys.executable, *flags, str(script), *arguments], env=environment,
        cwd=cwd, capture_output=True, text=True, check=False,
    )  # fmt: skip


def check_output(
    text: str, output: str, folder: Path, *, flags: tuple[str, ...] = (), measured: bool = False
) -> None:
    """Run the text of a program as ``run_alone`` does: it must succeed and say just this."""
    script = folder / "program.py"
    script.write_text(text)
    done = run_alone(script, flags=flags, measured=measured)
    assert (done.returncode, done.stderr, done.stdout) == (0, "", output)
