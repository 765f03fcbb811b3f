"""A peer as a process and all that it starts, wherever those end up.

Some peers start processes that leave their group, or outlive whoever started them. While a peer
runs, this process takes in the orphans among its descendants (Linux), so that every process of
the peer is below this one: all of them are counted, and all are ended.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Final

from benchmarks.peers import clients
from benchmarks.peers.clients import WrongAnswer
from benchmarks.peers.roster import Peer
from benchmarks.serving import accounts

_ROOT: Final = Path(__file__).resolve().parents[2]
_START_S: Final = 90.0
_END_S: Final = 15.0
_PAUSE_S: Final = 0.05
_TAKE_IN_ORPHANS: Final = 36  # PR_SET_CHILD_SUBREAPER


class DidNotStart(Exception):
    """With the reason, in one line."""


class Running:
    def __init__(self, port: int, others: frozenset[int]) -> None:
        self.port = port
        self._others = others

    def pids(self) -> list[int]:
        return [pid for pid in accounts.tree(os.getpid()) if pid not in self._others]

    def cpu_s(self) -> float:
        return accounts.cpu_s(self.pids())

    def resident_bytes(self) -> int:
        return sum(map(accounts.resident_bytes, self.pids()))


@contextmanager
def running(peer: Peer, frames: Sequence[bytes]) -> Iterator[Running]:
    """The peer, once its first answer was found right, until the block ends."""
    # Short, for what peers name their sockets by has an end at 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="peer-"))
    others = frozenset(accounts.tree(os.getpid()))
    _take_in_orphans(True)
    try:
        peer.prepare(folder, frames)
        port = _free_port()
        log = folder / "output.log"
        process = _started(peer, port, folder, log)
        here = Running(port, others)
        try:
            _wait_until_right(peer, process, port, frames, log)
            yield here
        finally:
            _end(process, here)
    finally:
        _take_in_orphans(False)
        shutil.rmtree(folder, ignore_errors=True)


def _started(peer: Peer, port: int, folder: Path, log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        return subprocess.Popen(
            [sys.executable, *peer.arguments(port, folder)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=_ROOT,
            env={**os.environ, "TMPDIR": str(folder), **peer.environment(folder)},
        )


def _free_port() -> int:
    """Most peers take a port by its number, and cannot say which one they were given for 0."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_right(
    peer: Peer,
    process: subprocess.Popen[bytes],
    port: int,
    frames: Sequence[bytes],
    log: Path,
) -> None:
    until = monotonic() + _START_S
    reason = ""
    while monotonic() < until:
        if process.poll() is not None:
            raise DidNotStart(f"ended with {process.returncode}: {_last_line(log)}")
        if _listens(port):
            try:
                with peer.connect(port, frames) as ask:
                    clients.check(ask(0))
                return
            except (OSError, WrongAnswer) as error:  # listens, but is not ready yet
                reason = str(error)
        Event().wait(_PAUSE_S)
    raise DidNotStart(f"no right answer within {_START_S:.0f} s: {reason or _last_line(log)}")


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1.0):
        return True
    return False


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")


def _end(process: subprocess.Popen[bytes], here: Running) -> None:
    """Asked first, then ended; what it leaves behind is ended too."""
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(_END_S)
    until = monotonic() + _END_S
    while (left := here.pids()) and monotonic() < until:
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.poll()
        for pid in left:
            with suppress(ChildProcessError):  # not taken in yet, or not ours to wait for
                if pid != process.pid:
                    os.waitpid(pid, os.WNOHANG)
        Event().wait(_PAUSE_S)


def _take_in_orphans(whether: bool) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_TAKE_IN_ORPHANS, int(whether), 0, 0, 0)
