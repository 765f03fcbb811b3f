"""Every pool at every debug level, and every unpooled twin, against one contract."""

from __future__ import annotations

from typing import Any

import pytest

from framesrv.pool import (
    ArrayPool,
    ByteArrayPool,
    BytesIOPool,
    RecordPool,
    UnpooledArrayPool,
    UnpooledByteArrayPool,
    UnpooledBytesIOPool,
    UnpooledRecordPool,
)
from framesrv.testing.bounded_contract import BoundedContract
from framesrv.testing.contract import PoolContract


class Arrays:
    attribute = "array"

    def scribble(self, lease: Any) -> None:
        lease.array[...] = 7

    def looks_new(self, lease: Any) -> bool:
        """An array shows what its last holder left; only its shape is promised."""
        return bool(lease.array.shape == (4, 5, 3)) and lease.array.flags.writeable


class BytesIOs:
    attribute = "buffer"

    def scribble(self, lease: Any) -> None:
        lease.buffer.write(b"secret")

    def looks_new(self, lease: Any) -> bool:
        with lease.written() as view:
            return (view.nbytes, lease.buffer.tell(), lease.buffer.getvalue()) == (0, 0, b"")


class ByteArrays:
    attribute = "buffer"

    def scribble(self, lease: Any) -> None:
        lease.buffer[:6] = b"secret"
        lease.used = 6

    def looks_new(self, lease: Any) -> bool:
        with lease.written() as view:
            return (view.nbytes, lease.used, len(lease.buffer)) == (0, 0, 16)


class Note:
    __slots__ = ("__weakref__", "text")

    def __init__(self) -> None:
        self.text = ""

    def reset(self) -> None:
        self.text = ""


class Records:
    attribute = "record"

    def scribble(self, lease: Any) -> None:
        lease.record.text = "secret"

    def looks_new(self, lease: Any) -> bool:
        return bool(lease.record.text == "")


class Levelled(BoundedContract):
    @pytest.fixture(autouse=True, params=["sample", "poison"])
    def _level(self, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("FRAMESRV_POOL_DEBUG", request.param)


class TestArrayPool(Arrays, Levelled):
    def make(self, name: str = "subject", capacity: int = 2, **options: Any) -> Any:
        return ArrayPool(name, shape=(4, 5, 3), capacity=capacity, **options)


class TestClearedArrayPool(Arrays, Levelled):
    def make(self, name: str = "subject", capacity: int = 2, **options: Any) -> Any:
        return ArrayPool(name, shape=(4, 5, 3), capacity=capacity, clear_on_return=True, **options)


class TestBytesIOPool(BytesIOs, Levelled):
    def make(self, name: str = "subject", capacity: int = 2, **options: Any) -> Any:
        return BytesIOPool(name, initial_bytes=64, capacity=capacity, **options)


class TestByteArrayPool(ByteArrays, Levelled):
    def make(self, name: str = "subject", capacity: int = 2, **options: Any) -> Any:
        return ByteArrayPool(name, initial_bytes=16, capacity=capacity, **options)


class TestRecordPool(Records, Levelled):
    def make(self, name: str = "subject", capacity: int = 2, **options: Any) -> Any:
        return RecordPool(name, Note, capacity=capacity, **options)


class TestUnpooledArrayPool(Arrays, PoolContract):
    def make(self, name: str = "subject", capacity: int = 2) -> Any:
        return UnpooledArrayPool(name, shape=(4, 5, 3), capacity=capacity)


class TestUnpooledBytesIOPool(BytesIOs, PoolContract):
    def make(self, name: str = "subject", capacity: int = 2) -> Any:
        return UnpooledBytesIOPool(name, initial_bytes=64, capacity=capacity)


class TestUnpooledByteArrayPool(ByteArrays, PoolContract):
    def make(self, name: str = "subject", capacity: int = 2) -> Any:
        return UnpooledByteArrayPool(name, initial_bytes=16, capacity=capacity)


class TestUnpooledRecordPool(Records, PoolContract):
    def make(self, name: str = "subject", capacity: int = 2) -> Any:
        return UnpooledRecordPool(name, Note, capacity=capacity)
