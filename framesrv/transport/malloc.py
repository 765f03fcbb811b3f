"""The C allocator, told to keep what gRPC frees.

A message of some megabytes is read into fresh memory that the pools cannot lend. By default
glibc maps such blocks anew each time, or gives the top of its heap back at once, and the
kernel zeroes the same pages for the next message: up to half of what receiving costs. And each
thread that reads has a heap of its own, whose free memory no other thread can use.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Mapping
from typing import Final

MIB: Final = 1024 * 1024
_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
_M_ARENA_MAX: Final = -8
_MMAP_ABOVE_BYTES: Final = 32 * MIB  # the most that glibc accepts
_KEEP_BYTES: Final = 128 * MIB

# glibc reads these before any program starts; what is set here would take their place.
_VARIABLES: Final = (
    "MALLOC_ARENA_MAX",
    "MALLOC_ARENA_TEST",
    "MALLOC_MMAP_MAX_",
    "MALLOC_MMAP_THRESHOLD_",
    "MALLOC_TOP_PAD_",
    "MALLOC_TRIM_THRESHOLD_",
)


def keep_freed_memory(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether it was told, and understood.

    An allocator that is not glibc's goes on as it likes, and glibc's as its own variables say,
    where there is one of them.
    """
    if not sys.platform.startswith("linux") or _is_set_by_hand(environ):
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


def _is_set_by_hand(environ: Mapping[str, str]) -> bool:
    tunables = environ.get("GLIBC_TUNABLES", "")
    return "glibc.malloc." in tunables or any(name in environ for name in _VARIABLES)
