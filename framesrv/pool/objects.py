"""Pooled Python objects: the object is lent itself, so it is its own handle.

The register holds the one reference that counts. After a release, any other one means that
the last holder still has the object (or an export of it), and it is quarantined.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from sys import getrefcount
from typing import Any, ClassVar, Generic

from framesrv.pool.holder import HERE
from framesrv.pool.kind import LeaseT
from framesrv.pool.room import ROOM
from framesrv.pool.slot import Slot

_new = object.__new__


class ObjectKind(ABC, Generic[LeaseT]):
    lease_class: type[LeaseT]
    attribute: ClassVar[str]  # the lease's name for the object
    uses_heap = True
    resets_by_foreign_code = False

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now

    @abstractmethod
    def make(self, shape: tuple[int, ...]) -> Any:
        """A new object, its memory touched."""

    def lend(self, slot: Slot) -> LeaseT:
        lease: LeaseT = _new(self.lease_class)
        slot.since = self._now()
        slot.holder = HERE.thread
        setattr(lease, self.attribute, slot.item)
        lease._pool = slot.pool
        lease._slot = slot
        slot.turns += 1
        return lease

    def settle(self, lease: LeaseT, slot: Slot) -> None:
        delattr(lease, self.attribute)
        try:
            self.reset(slot)
        except BaseException:
            slot.pool.discard_soon(slot, "reset_failed")
            raise
        if getrefcount(slot.item) != _ALONE:
            slot.pool.park(slot)
        elif why := self.spoiled(slot):
            slot.pool.discard_soon(slot, why)
        else:
            slot.turns += 1
            slot.go_home(slot)
            if slot.pool.alerts:
                ROOM.ask(slot.pool)

    def is_free(self, slot: Slot) -> bool:
        return getrefcount(slot.item) == _ALONE

    @abstractmethod
    def reset(self, slot: Slot) -> None:
        """As new, but with the memory kept."""

    def freshen(self, slot: Slot) -> None:
        self.reset(slot)

    def spoiled(self, slot: Slot) -> str | None:
        return None

    @abstractmethod
    def nbytes(self, slot: Slot) -> int:
        """The memory that the object takes now."""

    @abstractmethod
    def nbytes_max(self) -> int:
        """The most memory that an object at home can take."""


class _Probe:
    __slots__ = ("item",)
    item: object


def _count_references() -> int:
    slot = _Probe()
    slot.item = object()
    return getrefcount(slot.item)


_ALONE = _count_references()
