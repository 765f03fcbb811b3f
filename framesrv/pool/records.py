"""Pooled records: small objects that a frame needs on its way, zeroed on return."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import ClassVar, Generic, Protocol, TypeVar, Unpack

from framesrv.pool.bounded import BoundedPool
from framesrv.pool.debug import dress_record, marks
from framesrv.pool.lease import RecordLease
from framesrv.pool.objects import ObjectKind
from framesrv.pool.options import PoolOptions
from framesrv.pool.slot import Slot


class Record(Protocol):
    def reset(self) -> None:
        """Back to the zero state, field by field."""


RecordT = TypeVar("RecordT", bound=Record)


class RecordKind(ObjectKind[RecordLease[RecordT]], Generic[RecordT]):
    lease_class: type[RecordLease[RecordT]] = RecordLease
    attribute: ClassVar[str] = "record"
    resets_by_foreign_code = True

    def __init__(self, factory: Callable[[], RecordT], now: Callable[[], float]) -> None:
        super().__init__(now)
        self.factory = factory
        self._record_bytes = sys.getsizeof(factory())

    def make(self, shape: tuple[int, ...]) -> RecordT:
        return self.factory()

    def reset(self, slot: Slot) -> None:
        slot.item.reset()

    def nbytes(self, slot: Slot) -> int:
        return self._record_bytes

    def nbytes_max(self) -> int:
        return self._record_bytes


class MarkedRecordKind(RecordKind[RecordT]):
    """Where returned records are marked, the mark resets them: a second reset would undo it."""

    def reset(self, slot: Slot) -> None:
        """Left to the mark."""


class RecordPool(BoundedPool[RecordLease[RecordT]], Generic[RecordT]):
    """Lends records made by ``factory``, each with a ``reset()`` that is called on return."""

    def __init__(
        self,
        name: str,
        factory: Callable[[], RecordT],
        *,
        capacity: int,
        **options: Unpack[PoolOptions],
    ) -> None:
        super().__init__(
            name,
            lambda now, level: dress_record(
                (MarkedRecordKind if marks(level) else RecordKind)(factory, now), level
            ),
            capacity=capacity,
            **options,
        )
