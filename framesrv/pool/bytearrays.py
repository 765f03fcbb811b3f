"""Pooled bytearrays for short texts such as JSON.

The length is kept; ``used`` says how many bytes count.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from framesrv.pool.bounded import BoundedPool
from framesrv.pool.clock import MONOTONIC, Clock
from framesrv.pool.debug import DebugLevel, dress_bytes
from framesrv.pool.lease import ByteArrayLease
from framesrv.pool.objects import ObjectKind
from framesrv.pool.observer import SILENT, PoolObserver
from framesrv.pool.sizing import check_growing
from framesrv.pool.slot import Slot


class ByteArrayKind(ObjectKind[ByteArrayLease]):
    lease_class = ByteArrayLease
    attribute: ClassVar[str] = "buffer"

    def __init__(self, initial_bytes: int, max_bytes: int, now: Callable[[], float]) -> None:
        super().__init__(now)
        self.initial_bytes = initial_bytes
        self.max_bytes = max_bytes

    def make(self, shape: tuple[int, ...]) -> bytearray:
        return bytearray(self.initial_bytes)

    def lend(self, slot: Slot) -> ByteArrayLease:
        if (missing := self.initial_bytes - len(slot.item)) > 0:  # a holder cut it short
            slot.item.extend(bytes(missing))
        lease = super().lend(slot)
        lease._used = 0
        return lease

    def reset(self, slot: Slot) -> None:
        """Nothing to do: ``used`` starts at 0 with each lease. ``clear`` would free the store."""

    def spoiled(self, slot: Slot) -> str | None:
        return "oversized" if len(slot.item) > self.max_bytes else None

    def nbytes(self, slot: Slot) -> int:
        return int(slot.item.__sizeof__())

    def nbytes_max(self) -> int:
        return self.max_bytes + self.max_bytes // 8


class ByteArrayPool(BoundedPool[ByteArrayLease]):
    """Lends bytearrays of ``initial_bytes``; one that grew past ``max_bytes`` is not kept.

    >>> pool = ByteArrayPool("json", initial_bytes=4096, capacity=1)
    >>> with pool.acquire() as lease:
    ...     lease.buffer[:2] = b"{}"
    ...     lease.used = 2
    ...     bytes(lease.written())
    b'{}'
    """

    def __init__(
        self,
        name: str,
        *,
        initial_bytes: int,
        max_bytes: int | None = None,
        capacity: int,
        warm: int | None = None,
        debug: DebugLevel | None = None,
        observer: PoolObserver = SILENT,
        clock: Clock = MONOTONIC,
    ) -> None:
        max_bytes = initial_bytes * 16 if max_bytes is None else max_bytes
        check_growing(name, initial_bytes, max_bytes)
        level = DebugLevel.chosen(debug)
        super().__init__(
            name,
            dress_bytes(ByteArrayKind(initial_bytes, max_bytes, clock.now), level),
            capacity=capacity,
            warm=warm,
            forgiving=level is DebugLevel.OFF,
            observer=observer,
            clock=clock,
        )
