"""What a process costs, in the operating system's accounting (Linux)."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")
_WHOLE_PROCESS: Final = 2  # CPUCLOCK_SCHED of the kernel


def tree(pid: int) -> list[int]:
    """The process and all that it has started and that they have started."""
    children = defaultdict(list)
    for entry in _PROC.iterdir():
        if entry.name.isdecimal() and (parent := _parent(entry)) is not None:
            children[parent].append(int(entry.name))
    found = [pid]
    for each in found:  # grows as it goes
        found += children[each]
    return found


def cpu_s(pids: Iterable[int]) -> float:
    """User and system time of all their threads, those that have ended too, to the nanosecond."""
    total_ns = 0
    for pid in pids:
        with suppress(OSError):  # ended while we looked
            total_ns += time.clock_gettime_ns(_clock(pid))
    return total_ns / 1e9


def resident_bytes(pid: int) -> int:
    try:
        return int((_PROC / str(pid) / "statm").read_text().split()[1]) * _PAGE_BYTES
    except (OSError, IndexError):
        return 0


def descriptors(pid: int) -> int:
    return len(list((_PROC / str(pid) / "fd").iterdir()))


def threads(pid: int) -> int:
    return len(_threads(pid))


def _clock(pid: int) -> int:
    """What clock_getcpuclockid(3) makes of it, which Python does not offer for others."""
    return ~pid << 3 | _WHOLE_PROCESS


def _threads(pid: int) -> list[Path]:
    try:
        return list((_PROC / str(pid) / "task").iterdir())
    except OSError:
        return []


def _parent(entry: Path) -> int | None:
    """The second field behind the name, which may itself hold spaces and brackets."""
    try:
        return int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, IndexError):
        return None
