"""Whoever touches a returned array dies at once, with the offending line on stderr."""

from __future__ import annotations

import faulthandler
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from framesrv.errors import BadConfig
from framesrv.pool import ArrayPool, BytesIOPool, DebugLevel, PoolManager
from tests.pool.helpers import LINUX, run_alone

SCRIPT = """
import ctypes
import sys

from framesrv.pool import ArrayPool, PoolManager, RetainedView


def write_to(address):
    ctypes.memset(address, 1, 1)  # the offending write


def read_from(view):
    return view[5, 3, 0] + 1  # the offending read


how = sys.argv[1]
if how == "ladder":
    pool = PoolManager(1 << 20, debug="fence")
    lease = pool.acquire((64, 48, 3))
else:
    pool = ArrayPool("fenced", shape=(64, 48, 3), capacity=1, debug="fence")
    lease = pool.acquire()
lease.array[...] = 7
offset = 64 * 48 * 3 - 1 if how == "last" else 0
address = lease.array.ctypes.data + offset
view = lease.array[...]
write_to(address)
read_from(view)
if how == "view":
    try:
        lease.release()
    except RetainedView:
        print("returned")
    read_from(view)
else:
    del view
    lease.release()
    print("returned", flush=True)
    if how == "borrowed again":
        other = pool.acquire()
        write_to(address)
        assert other.array[0, 0, 0] == 1
        other.release()
    else:
        write_to(address)
print("survived", flush=True)
"""


def run_script(tmp_path: Path, how: str) -> subprocess.CompletedProcess[str]:
    script = tmp_path / "culprit.py"
    script.write_text(SCRIPT)
    return run_alone(script, how, cwd=tmp_path)


def line_of(comment: str) -> int:
    [number] = [
        number for number, line in enumerate(SCRIPT.splitlines(), 1) if line.endswith(comment)
    ]
    return number


@LINUX
@pytest.mark.parametrize(
    ("how", "function", "comment"),
    [
        ("first", "write_to", "# the offending write"),
        ("last", "write_to", "# the offending write"),
        ("ladder", "write_to", "# the offending write"),
        ("view", "read_from", "# the offending read"),
    ],
)
def test_the_culprit_dies_at_its_line(
    tmp_path: Path, how: str, function: str, comment: str
) -> None:
    child = run_script(tmp_path, how)
    assert child.returncode == -signal.SIGSEGV, child.stderr
    assert "Fatal Python error: Segmentation fault" in child.stderr
    place = f'File "{tmp_path / "culprit.py"}", line {line_of(comment)} in {function}'
    assert place in child.stderr
    assert "survived" not in child.stdout


@LINUX
def test_the_same_write_by_the_next_holder_is_fine(tmp_path: Path) -> None:
    child = run_script(tmp_path, "borrowed again")
    assert (child.returncode, child.stderr) == (0, "")
    assert child.stdout == "returned\nsurvived\n"


@LINUX
def test_lending_and_returning_goes_on_as_ever() -> None:
    pool = ArrayPool("fenced", shape=(100, 100, 3), capacity=2, warm=1, debug=DebugLevel.FENCE)
    for value in range(3):
        with pool.acquire() as one, pool.acquire() as two:
            one.array[...], two.array[...] = value, value + 100
            assert (one.array == value).all()
    assert pool.stats().misuse == 0


@LINUX
def test_the_pages_of_a_discarded_buffer_go_away_in_peace() -> None:
    with PoolManager(1 << 22, debug=DebugLevel.FENCE) as manager:
        for shape in ((50, 50), (100, 100), (300, 300)):
            with manager.acquire(shape) as lease:
                lease.array[...] = 1
        assert manager.trim() == 2, "the two small images shared one"


@LINUX
def test_a_traceback_of_the_fault_is_seen_to(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[bool] = []
    monkeypatch.setattr(faulthandler, "is_enabled", lambda: False)
    monkeypatch.setattr(faulthandler, "enable", lambda: calls.append(True))
    ArrayPool("fenced", shape=(1,), capacity=1, debug=DebugLevel.FENCE)
    assert calls == [True]


@LINUX
def test_memory_that_cannot_be_fenced_is_an_error() -> None:
    def unaligned(nbytes: int) -> Any:
        return memoryview(bytearray(nbytes + 4096 + 1))[1:]

    with pytest.raises(OSError, match="mprotect: Invalid argument"):
        ArrayPool("fenced", shape=(8,), capacity=1, debug=DebugLevel.FENCE, allocate=unaligned)


def test_elsewhere_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(BadConfig, match="FRAMESRV_POOL_DEBUG=fence needs Linux; use poison here"):
        ArrayPool("fenced", shape=(8,), capacity=1, debug=DebugLevel.FENCE)
    with BytesIOPool("bytes", initial_bytes=8, capacity=1, debug=DebugLevel.FENCE).acquire():
        pass  # only arrays have pages of their own
