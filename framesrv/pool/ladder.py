"""Pools for images of any size, bounded by bytes instead of by number.

``LadderPool`` keeps buffers of a row of sizes and lends views of the exact shape.
``OversizePool`` serves what is past the ladder's end, and keeps nothing. Both draw on the same
byte budget, so they share one line: whoever came first gets the next bytes, however large.
"""

from __future__ import annotations

from abc import abstractmethod
from collections import deque
from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from framesrv.pool.arrays import ArrayKind
from framesrv.pool.base import Pool
from framesrv.pool.budget import ByteBudget
from framesrv.pool.clock import Clock
from framesrv.pool.debug import DebugLevel, dress_array
from framesrv.pool.errors import BudgetExhausted, JobTooLarge, PoolExhausted
from framesrv.pool.holder import HERE
from framesrv.pool.lease import ArrayLease
from framesrv.pool.line import Line
from framesrv.pool.memory import Allocator, mapped_bytes
from framesrv.pool.observer import PoolObserver
from framesrv.pool.room import ROOM
from framesrv.pool.sizes import SizeClasses
from framesrv.pool.slot import Slot
from framesrv.pool.ticket import Permit, Want
from framesrv.pool.upkeep import trim_idle

_UINT8 = np.dtype(np.uint8)
_new = object.__new__


class ViewKind(ArrayKind):
    """Flat buffers, lent as views of the shape that was asked for."""

    def __init__(
        self, room_for: Callable[[int], int], now: Callable[[], float], allocate: Allocator
    ) -> None:
        super().__init__((0,), _UINT8, now, allocate)
        self._room_for = room_for

    def make(self, shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
        nbytes = self._room_for(prod(shape))
        root: np.ndarray[Any, Any] = np.ndarray((nbytes,), _UINT8, self._allocate(nbytes))
        root.fill(0)
        return root

    def lend(self, slot: Slot) -> ArrayLease:
        lease: ArrayLease = _new(ArrayLease)
        slot.since = self._now()
        slot.holder = HERE.thread
        lease.array = np.ndarray(slot.shape, _UINT8, slot.item)
        lease._pool = slot.pool
        lease._slot = slot
        slot.turns += 1
        return lease

    def nbytes(self, slot: Slot) -> int:
        return mapped_bytes(slot.item.nbytes)


class OneWayKind(ViewKind):
    def spoiled(self, slot: Slot) -> str | None:
        return "oversize"


class SizePool(Pool[ArrayLease]):
    """What the two share: bytes reserved from the budget before they are allocated."""

    def __init__(
        self,
        name: str,
        kind: ViewKind,
        line: Line,
        budget: ByteBudget,
        level: DebugLevel,
        *,
        observer: PoolObserver,
        clock: Clock,
    ) -> None:
        self.budget = budget
        forgiving = level is DebugLevel.OFF
        dressed = dress_array(kind, level)
        super().__init__(name, dressed, line, forgiving=forgiving, observer=observer, clock=clock)
        budget.elastic.append(self)

    @property
    def held_bytes(self) -> int:
        return sum(map(self.kind.nbytes, list(self.slots)))

    @property
    def promised_bytes(self) -> int:
        return sum(permit.reserved_bytes for permit in self.permits)

    @abstractmethod
    def room_for(self, nbytes: int) -> int:
        """What a buffer for ``nbytes`` takes."""

    @abstractmethod
    def make_room(self, nbytes: int) -> None:
        """*locked* Give up idle buffers until so much is free, if that is enough."""

    def permit(self, nbytes: int) -> Permit | None:
        """*locked* Room for a new buffer, if the budget has it now."""
        if nbytes > self.budget.free_bytes:
            return None
        permit = Permit(nbytes)
        self.permits.add(permit)
        return permit

    def units_in_all(self) -> int:
        return self.budget.elastic_bytes

    def units_wanted(self, want: Want) -> int:
        return self.room_for(prod(want.shape))

    def units_of(self, item: Slot | Permit) -> int:
        return item.reserved_bytes if isinstance(item, Permit) else self.kind.nbytes(item)

    def shortage(self, want: Want) -> str:
        nbytes = self.room_for(prod(want.shape))
        return (
            f"no room for {nbytes:,} bytes in the byte budget (pool {self.name!r}; "
            f"{self.budget.free_bytes:,} of {self.budget.elastic_bytes:,} bytes free)"
        )

    def exhausted_error(self, text: str) -> PoolExhausted:
        return BudgetExhausted(text)


class LadderPool(SizePool):
    def __init__(
        self,
        classes: SizeClasses,
        line: Line,
        budget: ByteBudget,
        level: DebugLevel,
        *,
        observer: PoolObserver,
        clock: Clock,
        allocate: Allocator,
    ) -> None:
        self.classes = classes
        self._idle: list[deque[Slot]] = [deque() for _ in classes.sizes]
        kind = ViewKind(self.room_for, clock.now, allocate)
        super().__init__("ladder", kind, line, budget, level, observer=observer, clock=clock)
        self._queue = line.queue

    @property
    def capacity(self) -> int:  # bounded by bytes: the most that fit
        return max(1, self.budget.elastic_bytes // self.classes.sizes[0])

    def room_for(self, nbytes: int) -> int:
        index = self.classes.index(nbytes)
        if index is None:
            raise JobTooLarge(f"{nbytes:,} bytes are past the end of the size ladder")
        return self.classes.sizes[index]

    def take(self, shape: tuple[int, ...] = ()) -> ArrayLease | None:
        index = self.classes.index(prod(shape))
        if self._queue or index is None:
            return None
        try:
            slot = self._idle[index].pop()
        except IndexError:
            return None
        slot.shape = shape
        return self.lend_or_put_back(slot)

    def home_of(self, slot: Slot) -> Callable[[Slot], object]:
        index = self.classes.index(slot.item.nbytes)
        return self._idle[index or 0].append

    def find(self, want: Want) -> Slot | Permit | None:
        nbytes = self.room_for(prod(want.shape))
        try:
            return self._idle[self.classes.index(nbytes) or 0].pop()
        except IndexError:
            self.make_room(nbytes)
            return self.permit(nbytes)

    def make_room(self, nbytes: int) -> None:
        """*locked* The longest unused first. A job that must wait anyway empties nothing."""
        missing = nbytes - self.budget.free_bytes
        idle = sorted((slot for shelf in self._idle for slot in list(shelf)), key=_last_borrow)
        if missing <= 0 or sum(map(self.kind.nbytes, idle)) < missing:
            return
        for slot in idle:
            if missing <= 0:
                return
            try:
                self._idle[self.classes.index(slot.item.nbytes) or 0].remove(slot)
            except ValueError:  # borrowed meanwhile
                continue
            missing -= self.kind.nbytes(slot)
            self.retire(slot, None)

    def drain_idle(self) -> list[Slot]:
        return [shelf.popleft() for shelf in self._idle for _ in range(len(shelf))]

    def trim(self, idle_for_s: float = 0.0) -> int:
        return ROOM.run(self._trim, idle_for_s)

    def _trim(self, idle_for_s: float) -> int:
        return sum(trim_idle(self, shelf, 0, idle_for_s) for shelf in self._idle)


def _last_borrow(slot: Slot) -> float:
    return slot.since


class OversizePool(SizePool):
    def __init__(
        self,
        ladder: LadderPool,
        *,
        level: DebugLevel,
        observer: PoolObserver,
        clock: Clock,
        allocate: Allocator,
    ) -> None:
        self._ladder = ladder
        kind = OneWayKind(self.room_for, clock.now, allocate)
        super().__init__(
            "oversize", kind, ladder.line, ladder.budget, level, observer=observer, clock=clock
        )
        self.alert("one way", on=True)  # every return is a discard

    @property
    def capacity(self) -> int:  # bounded by bytes: the most that fit
        return max(1, self.budget.elastic_bytes // self._ladder.classes.sizes[-1])

    def room_for(self, nbytes: int) -> int:
        return mapped_bytes(nbytes)

    def take(self, shape: tuple[int, ...] = ()) -> None:
        return None

    def home_of(self, slot: Slot) -> Callable[[Slot], object]:
        return self.came_home

    def came_home(self, slot: Slot) -> None:
        self.spoiled_slots.append((slot, "oversize"))

    def find(self, want: Want) -> Slot | Permit | None:
        nbytes = self.room_for(prod(want.shape))
        self.make_room(nbytes)
        return self.permit(nbytes)

    def make_room(self, nbytes: int) -> None:
        self._ladder.make_room(nbytes)

    def drain_idle(self) -> list[Slot]:
        return []

    def trim(self, idle_for_s: float = 0.0) -> int:
        return 0
