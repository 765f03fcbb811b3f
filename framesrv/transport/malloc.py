"""The C allocator, told to keep what gRPC frees.

A message of some megabytes is read into fresh memory that the pools cannot lend. By default
glibc maps such blocks anew each time, or gives the top of its heap back at once, and the
kernel zeroes the same pages for the next message: up to half of what receiving costs. And each
thread that reads has a heap of its own, whose free memory no other thread can use.
"""

from __future__ import annotations

import ctypes
import sys
from typing import Final

MIB: Final = 1024 * 1024
_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
_M_ARENA_MAX: Final = -8
_MMAP_ABOVE_BYTES: Final = 32 * MIB  # the most that glibc accepts
_KEEP_BYTES: Final = 128 * MIB


def keep_freed_memory() -> bool:
    """Whether the allocator understood: one that is not glibc's goes on as it likes."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    return bool(
        mallopt(_M_MMAP_THRESHOLD, _MMAP_ABOVE_BYTES)
        and mallopt(_M_TRIM_THRESHOLD, _KEEP_BYTES)
        and mallopt(_M_ARENA_MAX, 1)
    )
