"""Raw memory: private, in whole pages, touched before use, given back."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from framesrv.pool import ArrayPool, BytesIOPool, memory
from framesrv.pool.memory import PAGE_BYTES, give_heap_back, map_private, mapped_bytes

linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.mark.parametrize(
    ("nbytes", "pages"),
    [(0, 1), (1, 1), (PAGE_BYTES, 1), (PAGE_BYTES + 1, 2), (10 * PAGE_BYTES, 10)],
)
def test_a_mapping_takes_whole_pages(nbytes: int, pages: int) -> None:
    assert mapped_bytes(nbytes) == pages * PAGE_BYTES
    with map_private(nbytes) as area:
        assert len(area) == max(1, nbytes)
        assert area[:] == bytes(len(area))


@linux
def test_it_is_private() -> None:
    nbytes = 77 * PAGE_BYTES
    area = map_private(nbytes)
    address = np.frombuffer(area, np.uint8).ctypes.data
    [line] = [
        line
        for line in Path("/proc/self/maps").read_text().splitlines()
        if int(line.split("-")[0], 16) <= address < int(line.split("-")[1].split()[0], 16)
    ]
    assert line.split()[1] == "rw-p"


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@linux
def test_preallocated_means_touched_and_trimmed_means_given_back() -> None:
    size = 32 << 20
    before = resident_bytes()
    untouched = np.empty(size, np.uint8)
    assert resident_bytes() - before < size // 2, "np.empty has no pages until written"
    del untouched
    pool = ArrayPool("big", shape=(size // 4,), capacity=4, warm=0)
    leases = [pool.acquire() for _ in range(4)]
    assert resident_bytes() - before > size * 0.9, "all pages are there before anybody writes"
    for lease in leases:
        lease.release()
    del lease, leases
    assert pool.trim() == 4
    assert resident_bytes() - before < size // 4


def test_trimming_what_is_on_the_heap_asks_the_allocator(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    monkeypatch.setattr(memory, "_malloc_trim", calls.append)
    monkeypatch.setattr(sys, "platform", "linux")
    array = ArrayPool("mapped", shape=(4,), capacity=1, warm=0)
    heap = BytesIOPool("heap", initial_bytes=64, capacity=1, warm=0)
    pools: list[Any] = [array, heap]
    for pool in pools:
        pool.acquire().release()
        assert pool.trim() == 1
    assert calls == [0]


def test_without_glibc_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    monkeypatch.setattr(memory, "_malloc_trim", calls.append)
    monkeypatch.setattr(sys, "platform", "darwin")
    give_heap_back()
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(memory, "_malloc_trim", None)
    give_heap_back()
    assert calls == []


@pytest.mark.parametrize("error", [OSError, AttributeError, TypeError])
def test_a_libc_without_malloc_trim(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_library(name: object) -> object:
        raise error

    monkeypatch.setattr(ctypes, "CDLL", no_library)
    assert memory._find_malloc_trim() is None


def test_it_really_asks() -> None:
    give_heap_back()
