"""What a server holds at one moment, as the operating system sees it (Linux)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.serving import accounts

MIB: Final = 2**20


@dataclass(frozen=True, slots=True)
class Sample:
    at_s: float
    resident_mib: float
    anonymous_mib: float  # of it, what no file stands behind: the heaps and the pools
    descriptors: int
    threads: int


def sample(pid: int, at_s: float) -> Sample:
    return Sample(
        at_s,
        accounts.resident_bytes(pid) / MIB,
        _status_mib(pid, "RssAnon"),
        accounts.descriptors(pid),
        accounts.threads(pid),
    )


def peak_mib(pid: int) -> float:
    """The most that was ever resident."""
    return _status_mib(pid, "VmHWM")


def minor_faults(pid: int) -> int:
    """Pages that the kernel had to find, and mostly to clear, without reading a file."""
    text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    return int(text.rpartition(")")[2].split()[7])


def _status_mib(pid: int, name: str) -> float:
    text = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return int(text.partition(f"{name}:")[2].split()[0]) / 1024
