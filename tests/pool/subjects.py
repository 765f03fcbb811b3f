"""A pool named ``subject`` of one buffer: of every kind, at every debug level."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from framesrv.pool import ArrayPool, ByteArrayPool, BytesIOPool, DebugLevel, RecordPool
from framesrv.testing.clocks import FakeClock
from tests.pool.helpers import Note, whole

ATTRIBUTES = {"array": "array", "bytesio": "buffer", "bytearray": "buffer", "record": "record"}

for_every_kind = pytest.mark.parametrize("kind", list(ATTRIBUTES))

MAKERS: dict[str, Callable[..., Any]] = {
    "array": lambda **options: ArrayPool("subject", shape=(4, 5, 3), capacity=1, **options),
    "bytesio": lambda **options: BytesIOPool("subject", initial_bytes=64, capacity=1, **options),
    "bytearray": lambda **options: ByteArrayPool(
        "subject", initial_bytes=16, capacity=1, **options
    ),
    "record": lambda **options: RecordPool("subject", Note, capacity=1, **options),
}


def make(kind: str, level: DebugLevel, **options: Any) -> Any:
    return MAKERS[kind](debug=level, **options)


def buffer_of(lease: Any, kind: str) -> Any:
    return getattr(lease, ATTRIBUTES[kind])


def borrow_in_this_place(pool: Any) -> Any:
    return pool.acquire()


def check_quarantined(pool: Any) -> None:
    """Its buffer is home, kept by its last holder, and lent to nobody; that is no misuse."""
    stats = whole(pool)
    assert (stats.quarantined, stats.idle, stats.misuse) == (1, 0, 0)
    assert pool.try_acquire() is None


def check_comes_soon(pool: Any, clock: FakeClock, let_go: Callable[[], object]) -> None:
    """One who waits gets the buffer within ten milliseconds after it was let go."""
    before = clock.now()
    clock.after(0.015, let_go)
    with pool.acquire(timeout_s=1.0):
        assert 0.0149 < clock.now() - before < 0.0251
