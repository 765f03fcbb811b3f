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
    resets_by_foreign_code = False

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
        if (
            getrefcount(handle) == _HANDLE_ALONE
            and getrefcount(slot.item) == _OWNER_AND_HANDLE
            and getrefcount(slot.item.base) == _MEMORY_ALONE
            and handle.base is slot.item  # else the holder put another array in its place
        ):
            # Before the slot is home: the next holder may be there and gone before this thread
            # goes on, and would find a second handle.
            del handle
            slot.turns += 1
            slot.go_home(slot)
            if slot.pool.alerts:
                ROOM.ask(slot.pool)
        else:
            if handle.base is slot.item:
                watch_handle(slot, handle)
            slot.pool.park(slot)

    def is_free(self, slot: Slot) -> bool:
        return (
            getrefcount(slot.item) == _OWNER_ALONE and getrefcount(slot.item.base) == _MEMORY_ALONE
        )

    def reset(self, slot: Slot) -> None:
        """Nothing to do: whoever writes fills the whole view before anybody reads it."""

    freshen = reset

    def spoiled(self, slot: Slot) -> str | None:
        return None

    def nbytes(self, slot: Slot) -> int:
        return mapped_bytes(self.item_bytes)

    def nbytes_max(self) -> int:
        return mapped_bytes(self.item_bytes)


def watch_handle(slot: Slot, handle: np.ndarray[Any, Any]) -> None:
    """The handle, or a view of it, outlives the lease: be told when the handle dies."""
    handle.flags.writeable = False

    def gone(_: weakref.ref[Any]) -> None:
        if (
            getrefcount(slot.item) == _OWNER_AND_DYING
            and getrefcount(slot.item.base) == _MEMORY_ALONE
        ):
            slot.ripe = True
        ROOM.ask_quietly(slot.pool)

    slot.watch = weakref.ref(handle, gone)


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


class _Probe:
    """Has the form of a slot, so that the counts below are those that the code above sees."""

    __slots__ = ("item",)
    item: np.ndarray[Any, Any]


def _probe() -> _Probe:
    slot = _Probe()
    slot.item = np.ndarray((1,), np.uint8, buffer=map_private(1))
    return slot


def _count_with_handle() -> tuple[int, int, int]:
    slot = _probe()
    handle = slot.item[...]
    return getrefcount(handle), getrefcount(slot.item), getrefcount(slot.item.base)


def _count_alone() -> int:
    slot = _probe()
    return getrefcount(slot.item)


def _count_while_dying() -> int:
    """NumPy before 2.5 calls weak references first and lets go of the owner after that."""
    slot = _probe()
    seen: list[int] = []

    def gone(_: weakref.ref[Any]) -> None:
        seen.append(getrefcount(slot.item))

    handle = slot.item[...]
    watch = weakref.ref(handle, gone)
    del handle
    return seen[0] if watch() is None else 0


# The counts that mean "nobody else". They differ between versions of Python and NumPy, so they
# are found by trying.
_HANDLE_ALONE, _OWNER_AND_HANDLE, _MEMORY_ALONE = _count_with_handle()
_OWNER_ALONE = _count_alone()
_OWNER_AND_DYING = _count_while_dying()
