"""glibc's allocator is told to keep what is freed, unless its own variables say otherwise."""

from __future__ import annotations

import ctypes
import sys
from typing import Any

import pytest

from framesrv.transport.malloc import keep_freed_memory

MIB = 1024 * 1024


class Library:
    """A C library that notes what it is told, and accepts ``right`` options."""

    def __init__(self, right: int = 99) -> None:
        self.told: dict[int, int] = {}
        self._right = right

    def mallopt(self, option: int, value: int) -> int:
        self.told[option] = value
        return int(len(self.told) <= self._right)


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Library:
    found = Library()
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", lambda _: found)
    return found


def test_large_blocks_come_from_one_heap_that_keeps_them(library: Library) -> None:
    assert keep_freed_memory({"PATH": "/bin", "GLIBC_TUNABLES": "glibc.cpu.x86_ibt=on"})
    trim_threshold, mmap_threshold, arena_max = -1, -3, -8  # of malloc.h
    assert library.told == {mmap_threshold: 32 * MIB, trim_threshold: 128 * MIB, arena_max: 1}


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("MALLOC_ARENA_MAX", "4"),
        ("MALLOC_ARENA_TEST", "8"),
        ("MALLOC_MMAP_MAX_", "0"),
        ("MALLOC_MMAP_THRESHOLD_", "1048576"),
        ("MALLOC_TOP_PAD_", "131072"),
        ("MALLOC_TRIM_THRESHOLD_", "131072"),
        ("GLIBC_TUNABLES", "glibc.cpu.x86_ibt=on:glibc.malloc.hugetlb=1"),
    ],
)
def test_who_sets_one_by_hand_sets_them_all(library: Library, variable: str, text: str) -> None:
    assert not keep_freed_memory({variable: text})
    assert library.told == {}


def test_an_option_that_is_not_accepted_is_told(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    for right in range(3):
        monkeypatch.setattr(ctypes, "CDLL", lambda _, right=right: Library(right))
        assert not keep_freed_memory({})


@pytest.mark.parametrize("fault", [OSError, AttributeError])
def test_another_allocator_is_left_alone(
    fault: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(_: Any) -> Any:
        raise fault

    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", missing)
    assert not keep_freed_memory({})


def test_another_system_is_left_alone(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not keep_freed_memory({})
    assert library.told == {}
