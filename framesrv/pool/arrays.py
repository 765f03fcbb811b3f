"""Pooled NumPy arrays of one exact shape.

The pool keeps an *owner* array over mapped memory and lends a fresh view of it, the *handle*.
NumPy re-bases slices and reshapes of the handle to the owner, so the owner's reference count
shows them; the handle's own count shows who else holds the handle. Nobody does: the buffer is
free. Somebody does: it is quarantined until nobody does any more.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from sys import getrefcount
from typing import Any, Unpack

import numpy as np
import numpy.typing as npt

from framesrv.pool.bounded import BoundedPool
from framesrv.pool.debug import dress_array
from framesrv.pool.holder import HERE
from framesrv.pool.lease import ArrayLease
from framesrv.pool.memory import Allocator, map_private, mapped_bytes
from framesrv.pool.options import PoolOptions
from framesrv.pool.room import ROOM
from framesrv.pool.sizing import check_array
from framesrv.pool.slot import Slot

_new = object.__new__


class ArrayKind:
    uses_heap = False

    def __init__(
        self,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        now: Callable[[], float],
        allocate: Allocator = map_private,
    ) -> None:
        self.shape = shape
        self.dtype = dtype
        self._now = now
        self._allocate = allocate
        self.item_bytes = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize

    def make(self, shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
        memory = self._allocate(self.item_bytes)
        owner: np.ndarray[Any, Any] = np.ndarray(self.shape, self.dtype, buffer=memory)
        owner.fill(0)  # preallocated means touched: unwritten pages do not exist
        return owner

    def lend(self, slot: Slot) -> ArrayLease:
        lease: ArrayLease = _new(ArrayLease)
        slot.since = self._now()
        slot.holder = HERE.thread
        lease.array = slot.item[...]
        lease._pool = slot.pool
        lease._slot = slot
        slot.turns += 1
        return lease

    def settle(self, lease: ArrayLease, slot: Slot) -> None:
        handle = lease.array
        del lease.array
        if getrefcount(handle) == _HANDLE_ALONE and getrefcount(slot.item) == _OWNER_AND_HANDLE:
            slot.turns += 1
            slot.go_home(slot)
            if slot.pool.alerts:
                ROOM.ask(slot.pool)
        else:
            keep_watch(slot, handle)

    def is_free(self, slot: Slot) -> bool:
        return getrefcount(slot.item) == _OWNER_ALONE

    def reset(self, slot: Slot) -> None:
        """Nothing to do: whoever writes fills the whole view before anybody reads it."""

    freshen = reset

    def spoiled(self, slot: Slot) -> str | None:
        return None

    def nbytes(self, slot: Slot) -> int:
        return mapped_bytes(self.item_bytes)

    def nbytes_max(self) -> int:
        return mapped_bytes(self.item_bytes)


def keep_watch(slot: Slot, handle: np.ndarray[Any, Any]) -> None:
    """Quarantine a buffer whose handle, or a view of it, outlives the lease."""
    handle.flags.writeable = False

    def gone(_: weakref.ref[Any]) -> None:
        # NumPy calls this before it lets go of the owner: one reference is the dying handle's.
        if getrefcount(slot.item) == _OWNER_ALONE + 1:
            slot.ripe = True
        ROOM.ask(slot.pool)

    slot.watch = weakref.ref(handle, gone)
    slot.pool.park(slot)


class ArrayPool(BoundedPool[ArrayLease]):
    """Lends arrays of one shape and dtype, with what their last holder left in them.

    >>> pool = ArrayPool("rgba_320", shape=(320, 320, 4), dtype="uint8", capacity=8)
    >>> with pool.acquire(timeout_s=0.1) as lease:
    ...     lease.array[...] = 0
    >>> pool.stats().idle
    8
    """

    def __init__(
        self,
        name: str,
        *,
        shape: tuple[int, ...],
        dtype: npt.DTypeLike = "uint8",
        capacity: int,
        clear_on_return: bool = False,
        allocate: Allocator = map_private,
        **options: Unpack[PoolOptions],
    ) -> None:
        self.shape, self.dtype = check_array(name, shape, dtype)
        super().__init__(
            name,
            lambda now, level: dress_array(
                ArrayKind(self.shape, self.dtype, now, allocate), level, clear=clear_on_return
            ),
            capacity=capacity,
            **options,
        )


def _count_references() -> tuple[int, int, int]:
    """The counts that mean "nobody else", as this Python shows them in code of this form."""
    slot = _Probe()
    slot.item = np.ndarray((1,), np.uint8, buffer=bytearray(1))
    handle = slot.item[...]
    handle_alone, owner_and_handle = getrefcount(handle), getrefcount(slot.item)
    del handle
    return handle_alone, owner_and_handle, getrefcount(slot.item)


class _Probe:
    __slots__ = ("item",)
    item: np.ndarray[Any, Any]


_HANDLE_ALONE, _OWNER_AND_HANDLE, _OWNER_ALONE = _count_references()
