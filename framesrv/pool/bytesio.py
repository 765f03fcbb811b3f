"""Pooled BytesIO buffers for encoded images: rewound on return, their store kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Final

from framesrv.pool.bounded import BoundedPool
from framesrv.pool.clock import MONOTONIC, Clock
from framesrv.pool.debug import DebugLevel, dress_bytes
from framesrv.pool.lease import BytesIOLease
from framesrv.pool.objects import ObjectKind
from framesrv.pool.observer import SILENT, PoolObserver
from framesrv.pool.scratch import ScratchBytesIO
from framesrv.pool.sizing import check_growing
from framesrv.pool.slot import Slot

DEFAULT_MAX_BYTES: Final = 4 * 1024 * 1024
_HEADROOM: Final = 8  # a BytesIO that grows takes up to an eighth more than it needs


class BytesIOKind(ObjectKind[BytesIOLease]):
    lease_class = BytesIOLease
    attribute: ClassVar[str] = "buffer"

    def __init__(self, initial_bytes: int, max_bytes: int, now: Callable[[], float]) -> None:
        super().__init__(now)
        self.initial_bytes = initial_bytes
        self.max_bytes = max_bytes

    def make(self, shape: tuple[int, ...]) -> ScratchBytesIO:
        return ScratchBytesIO(self.initial_bytes)

    def reset(self, slot: Slot) -> None:
        slot.item.restart()

    def spoiled(self, slot: Slot) -> str | None:
        return "oversized" if slot.item.store_bytes() > self.max_bytes else None

    def nbytes(self, slot: Slot) -> int:
        # Not store_bytes(): an export would stop the holder's next write from growing.
        return int(slot.item.__sizeof__())

    def nbytes_max(self) -> int:
        return self.max_bytes + self.max_bytes // _HEADROOM


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
        warm: int | None = None,
        debug: DebugLevel | None = None,
        observer: PoolObserver = SILENT,
        clock: Clock = MONOTONIC,
    ) -> None:
        check_growing(name, initial_bytes, max_bytes)
        level = DebugLevel.chosen(debug)
        super().__init__(
            name,
            dress_bytes(BytesIOKind(initial_bytes, max_bytes, clock.now), level),
            capacity=capacity,
            warm=warm,
            forgiving=level is DebugLevel.OFF,
            observer=observer,
            clock=clock,
        )
