"""Pooled bytearrays for short texts such as JSON.

The length is kept; ``used`` says how many bytes count.
"""

from __future__ import annotations

from typing import Final, Unpack

from framesrv.pool.bounded import BoundedPool
from framesrv.pool.debug import dress_bytes
from framesrv.pool.growing import GrowingKind
from framesrv.pool.lease import ByteArrayLease
from framesrv.pool.options import PoolOptions
from framesrv.pool.sizing import check_growing
from framesrv.pool.slot import Slot

_EMPTY_BYTES: Final = bytearray(1).__sizeof__()


class ByteArrayKind(GrowingKind[ByteArrayLease]):
    lease_class = ByteArrayLease

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

    def store_bytes(self, slot: Slot) -> int:
        return len(slot.item)

    def spoiled(self, slot: Slot) -> str | None:
        # One that was made much longer and cut again still has its memory.
        hoards = self.nbytes(slot) - _EMPTY_BYTES > self.nbytes_max()
        return "oversized" if hoards else super().spoiled(slot)


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
        **options: Unpack[PoolOptions],
    ) -> None:
        max_bytes = initial_bytes * 16 if max_bytes is None else max_bytes
        check_growing(name, initial_bytes, max_bytes)
        super().__init__(
            name,
            lambda now, level: dress_bytes(ByteArrayKind(initial_bytes, max_bytes, now), level),
            capacity=capacity,
            **options,
        )
