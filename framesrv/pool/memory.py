"""Raw memory for arrays: private, anonymous, page aligned, touched before use.

``mmap(-1, n)`` alone would be *shared* across ``fork``: a child would scribble over the
parent's frames. Mapped memory also goes back to the kernel the moment it is dropped, which
``free`` does not promise.
"""

from __future__ import annotations

import ctypes
import mmap
import sys
from collections.abc import Callable

PAGE_BYTES = mmap.PAGESIZE

Allocator = Callable[[int], mmap.mmap]


def map_private(nbytes: int) -> mmap.mmap:
    """Private, zeroed memory, at least one page of it; no page exists before it is touched."""
    return mmap.mmap(-1, max(nbytes, 1), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)


def mapped_bytes(nbytes: int) -> int:
    """What a mapping of ``nbytes`` really takes: whole pages.

    >>> mapped_bytes(1) == PAGE_BYTES
    True
    """
    return max(1, -(-nbytes // PAGE_BYTES)) * PAGE_BYTES


def give_heap_back() -> None:
    """Ask the C allocator to return free heap pages to the kernel (glibc; elsewhere nothing)."""
    if sys.platform == "linux" and _malloc_trim is not None:
        _malloc_trim(0)


def _find_malloc_trim() -> Callable[[int], int] | None:
    try:
        trim: Callable[[int], int] = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError, TypeError):  # no libc to open, or not glibc
        return None
    return trim


_malloc_trim = _find_malloc_trim()
