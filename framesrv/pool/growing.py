"""What BytesIO buffers and bytearrays have in common: they grow, and may grow too large."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import ClassVar, Final

from framesrv.pool.kind import LeaseT
from framesrv.pool.objects import ObjectKind
from framesrv.pool.slot import Slot

_HEADROOM: Final = 8  # what grows takes up to an eighth more than it needs


class GrowingKind(ObjectKind[LeaseT]):
    attribute: ClassVar[str] = "buffer"

    def __init__(self, initial_bytes: int, max_bytes: int, now: Callable[[], float]) -> None:
        super().__init__(now)
        self.initial_bytes = initial_bytes
        self.max_bytes = max_bytes

    def spoiled(self, slot: Slot) -> str | None:
        return "oversized" if self.store_bytes(slot) > self.max_bytes else None

    @abstractmethod
    def store_bytes(self, slot: Slot) -> int:
        """How much the buffer was made to hold. Asked only of a buffer that is free."""

    def nbytes(self, slot: Slot) -> int:
        # By the object's size: an export would stop the holder's next write from growing.
        return int(slot.item.__sizeof__())

    def nbytes_max(self) -> int:
        return self.max_bytes + self.max_bytes // _HEADROOM
