"""Pooled records: small objects that a frame needs on its way, zeroed on return."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from framesrv.pool.bounded import BoundedPool
from framesrv.pool.clock import MONOTONIC, Clock
from framesrv.pool.debug import DebugLevel, dress_record
from framesrv.pool.lease import RecordLease
from framesrv.pool.objects import ObjectKind
from framesrv.pool.observer import SILENT, PoolObserver
from framesrv.pool.slot import Slot


class Record(Protocol):
    def reset(self) -> None:
        """Back to the zero state, field by field."""


RecordT = TypeVar("RecordT", bound=Record)


class RecordKind(ObjectKind[RecordLease[RecordT]], Generic[RecordT]):
    lease_class: type[RecordLease[RecordT]] = RecordLease
    attribute: ClassVar[str] = "record"

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


class RecordPool(BoundedPool[RecordLease[RecordT]], Generic[RecordT]):
    """Lends records made by ``factory``, each with a ``reset()`` that is called on return."""

    def __init__(
        self,
        name: str,
        factory: Callable[[], RecordT],
        *,
        capacity: int,
        warm: int | None = None,
        debug: DebugLevel | None = None,
        observer: PoolObserver = SILENT,
        clock: Clock = MONOTONIC,
    ) -> None:
        level = DebugLevel.chosen(debug)
        kind: Any = dress_record(RecordKind(factory, clock.now), level)
        super().__init__(
            name,
            kind,
            capacity=capacity,
            warm=warm,
            forgiving=level is DebugLevel.OFF,
            observer=observer,
            clock=clock,
        )
