"""The unpooled twins: the same protocol, but every lease is a new buffer and none is kept.

They are the oracle of the contract suite and the baseline of every benchmark. They watch
nothing: a lease that is dropped without release stays counted as leased.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, Self, cast

import numpy as np
import numpy.typing as npt

from framesrv.pool.arrays import ArrayKind
from framesrv.pool.bytearrays import ByteArrayKind
from framesrv.pool.bytesio import DEFAULT_MAX_BYTES, BytesIOKind
from framesrv.pool.clock import MONOTONIC
from framesrv.pool.counter import Counter
from framesrv.pool.errors import DoubleRelease, ForeignObject, PoolClosed
from framesrv.pool.holder import current_task_holder
from framesrv.pool.kind import Kind, LeaseT
from framesrv.pool.lease import ArrayLease, ByteArrayLease, BytesIOLease, Lease, RecordLease
from framesrv.pool.records import RecordKind, RecordT
from framesrv.pool.sizing import check_array, check_capacity, check_growing
from framesrv.pool.slot import Slot
from framesrv.pool.stats import PoolStats
from framesrv.pool.waiting import TIMEOUT_S, AsyncAcquire, checked_timeout, own

if TYPE_CHECKING:
    from framesrv.pool.base import Pool


class Unpooled(Generic[LeaseT]):
    alerts: tuple[str, ...] = ()  # a lease that comes home finds nothing to look after

    def __init__(self, name: str, kind: Kind[LeaseT], capacity: int) -> None:
        check_capacity(name, capacity, 0)
        self.name = name
        self.kind = kind
        self.capacity = capacity
        self.closed = False
        self.settle = kind.settle
        self._gets = Counter()
        self._returns = Counter()
        self._double_releases = Counter()
        self._foreign_objects = Counter()

    def acquire(self, timeout_s: float = TIMEOUT_S) -> LeaseT:
        if self.closed:
            raise PoolClosed(f"pool {self.name!r} is closed and lends nothing any more")
        checked_timeout(timeout_s)
        lease = self.kind.lend(Slot(cast("Pool[Any]", self), self.kind.make(())))
        self._gets.add()
        return lease

    def try_acquire(self) -> LeaseT | None:
        return self.acquire()

    def acquire_async(self, timeout_s: float = TIMEOUT_S) -> AsyncAcquire[LeaseT]:
        async def acquire() -> LeaseT:
            holder = current_task_holder()
            lease = self.acquire(timeout_s)
            own([lease], holder)
            return lease

        return AsyncAcquire(acquire)

    # -- the way home, as the kinds of buffer know it ------------------------------------------

    def home_of(self, slot: Slot) -> Callable[[Slot], object]:
        return self._came_home

    def _came_home(self, slot: Slot) -> None:
        self._returns.add()

    park = _came_home

    def discard_soon(self, slot: Slot, why: str) -> None:
        self._returns.add()

    # -- misuse and numbers --------------------------------------------------------------------

    def release(self, lease: Lease) -> None:
        if getattr(lease, "_pool", None) is not self:
            self._foreign_objects.add()
            raise ForeignObject(f"pool {self.name!r} never lent this")
        lease.release()

    def released_twice(self, lease: Lease) -> None:
        self._double_releases.add()
        raise DoubleRelease(f"a lease of pool {self.name!r} was released a second time")

    def stats(self) -> PoolStats:
        returns = self._returns.value  # before the gets: what is out is never less than nothing
        gets = self._gets.value
        return PoolStats(
            pool=self.name,
            capacity=self.capacity,
            idle=0,
            leased=gets - returns,
            quarantined=0,
            waiting=0,
            gets=gets,
            misses=gets,
            returns=returns,
            warmed=0,
            trimmed=0,
            timeouts=0,
            oldest_lease_age_s=0.0,
            discards_by_reason={"unpooled": returns} if returns else {},
            misuse_by_kind={
                "double_release": self._double_releases.value,
                "foreign_object": self._foreign_objects.value,
            },
        )

    def close(self) -> None:
        self.closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class UnpooledArrayPool(Unpooled[ArrayLease]):
    def __init__(
        self,
        name: str,
        *,
        shape: tuple[int, ...],
        dtype: npt.DTypeLike = "uint8",
        capacity: int,
    ) -> None:
        self.shape, self.dtype = check_array(name, shape, dtype)
        super().__init__(name, FreshArrayKind(self.shape, self.dtype, MONOTONIC.now), capacity)


class FreshArrayKind(ArrayKind):
    """Arrays as a user makes them: from the C allocator, untouched until written."""

    def make(self, shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
        return np.empty(self.shape, self.dtype)

    def settle(self, lease: ArrayLease, slot: Slot) -> None:
        del lease.array  # whoever keeps it may: nobody gets it next
        slot.go_home(slot)


class UnpooledBytesIOPool(Unpooled[BytesIOLease]):
    def __init__(
        self,
        name: str,
        *,
        initial_bytes: int,
        max_bytes: int = DEFAULT_MAX_BYTES,
        capacity: int,
    ) -> None:
        check_growing(name, initial_bytes, max_bytes)
        super().__init__(name, BytesIOKind(initial_bytes, max_bytes, MONOTONIC.now), capacity)


class UnpooledByteArrayPool(Unpooled[ByteArrayLease]):
    def __init__(
        self, name: str, *, initial_bytes: int, max_bytes: int | None = None, capacity: int
    ) -> None:
        max_bytes = initial_bytes * 16 if max_bytes is None else max_bytes
        check_growing(name, initial_bytes, max_bytes)
        super().__init__(name, ByteArrayKind(initial_bytes, max_bytes, MONOTONIC.now), capacity)


class UnpooledRecordPool(Unpooled[RecordLease[RecordT]], Generic[RecordT]):
    def __init__(self, name: str, factory: Callable[[], RecordT], *, capacity: int) -> None:
        super().__init__(name, RecordKind(factory, MONOTONIC.now), capacity)
