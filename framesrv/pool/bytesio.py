"""Pooled BytesIO buffers for encoded images: rewound on return, their store kept."""

from __future__ import annotations

from typing import Final, Unpack

from framesrv.pool.bounded import BoundedPool
from framesrv.pool.debug import dress_bytes
from framesrv.pool.growing import GrowingKind
from framesrv.pool.lease import BytesIOLease
from framesrv.pool.options import PoolOptions
from framesrv.pool.scratch import ScratchBytesIO
from framesrv.pool.sizing import check_growing
from framesrv.pool.slot import Slot

DEFAULT_MAX_BYTES: Final = 4 * 1024 * 1024


class BytesIOKind(GrowingKind[BytesIOLease]):
    lease_class = BytesIOLease

    def make(self, shape: tuple[int, ...]) -> ScratchBytesIO:
        return ScratchBytesIO(self.initial_bytes)

    def reset(self, slot: Slot) -> None:
        slot.item.restart()

    def store_bytes(self, slot: Slot) -> int:
        return int(slot.item.store_bytes())


class BytesIOPool(BoundedPool[BytesIOLease]):
    """Lends BytesIO buffers that begin with a store of ``initial_bytes``.

    A buffer that was made to hold more than ``max_bytes`` is not kept when it comes home.

    >>> pool = BytesIOPool("jpeg", initial_bytes=1024, max_bytes=4096, capacity=1)
    >>> with pool.acquire() as lease:
    ...     lease.buffer.write(b"frame")
    ...     bytes(lease.written())
    5
    b'frame'
    """

    def __init__(
        self,
        name: str,
        *,
        initial_bytes: int,
        max_bytes: int = DEFAULT_MAX_BYTES,
        capacity: int,
        **options: Unpack[PoolOptions],
    ) -> None:
        check_growing(name, initial_bytes, max_bytes)
        super().__init__(
            name,
            lambda now, level: dress_bytes(BytesIOKind(initial_bytes, max_bytes, now), level),
            capacity=capacity,
            **options,
        )
