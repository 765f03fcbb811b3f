"""A pool of at most ``capacity`` buffers of one kind.

The uncontended borrow takes no lock: nobody queues, so the buffer that came home last (its
pages are warm) is popped from a deque in one atomic step.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Unpack

from framesrv.pool.base import Pool
from framesrv.pool.clock import MONOTONIC
from framesrv.pool.debug import DebugLevel
from framesrv.pool.kind import Kind, LeaseT
from framesrv.pool.line import Line
from framesrv.pool.observer import SILENT
from framesrv.pool.options import PoolOptions
from framesrv.pool.room import ROOM
from framesrv.pool.sizing import check_capacity
from framesrv.pool.slot import Slot
from framesrv.pool.ticket import Permit, Want
from framesrv.pool.upkeep import trim_idle
from framesrv.pool.waiting import TIMEOUT_S, AsyncAcquire, acquire_one_async, try_now, wait_for


class BoundedPool(Pool[LeaseT]):
    def __init__(
        self,
        name: str,
        make_kind: Callable[[Callable[[], float], DebugLevel], Kind[LeaseT]],
        *,
        capacity: int,
        **options: Unpack[PoolOptions],
    ) -> None:
        level = DebugLevel.chosen(options.get("debug"))
        clock = options.get("clock", MONOTONIC)
        warm = options.get("warm")
        self.managed = False  # by a PoolManager, whose budget it counts in
        self._capacity = capacity
        warm = capacity if warm is None else warm
        check_capacity(name, capacity, warm)
        self.warm = 0
        self._idle: deque[Slot] = deque()
        self._pop = self._idle.pop
        line = Line()
        super().__init__(
            name,
            make_kind(clock.now, level),
            line,
            forgiving=level is DebugLevel.OFF,
            observer=options.get("observer", SILENT),
            clock=clock,
        )
        self._queue = line.queue
        self.warm_up(warm)

    def acquire(self, timeout_s: float = TIMEOUT_S) -> LeaseT:
        """Borrow a buffer; wait in line for at most ``timeout_s``, then PoolExhausted."""
        if not self._queue:  # ``take`` once more, in place: it saves a tenth of the round trip
            try:
                slot = self._pop()
            except IndexError:
                pass
            else:
                try:
                    return self._lend(slot)
                except BaseException:
                    self.put_back(slot)
                    raise
        lease: LeaseT = wait_for([Want(self)], timeout_s)[0]
        return lease

    def try_acquire(self) -> LeaseT | None:
        """Borrow a buffer if one can be had at once."""
        lease = self.take()
        return try_now(Want(self)) if lease is None else lease

    def acquire_async(self, timeout_s: float = TIMEOUT_S) -> AsyncAcquire[LeaseT]:
        """``await`` it for a lease, or use it in ``async with``; the same line as ``acquire``."""
        return AsyncAcquire(lambda: acquire_one_async(self, (), timeout_s))

    def take(self, shape: tuple[int, ...] = ()) -> LeaseT | None:
        if not self._queue:
            try:
                slot = self._pop()
            except IndexError:
                return None
            try:
                return self._lend(slot)
            except BaseException:
                self.put_back(slot)
                raise
        return None

    @property
    def capacity(self) -> int:
        return self._capacity

    def home_of(self, slot: Slot) -> Callable[[Slot], object]:
        return self._idle.append

    def find(self, want: Want) -> Slot | Permit | None:
        try:
            return self._idle.pop()
        except IndexError:
            pass
        if len(self.slots) + len(self.permits) < self.capacity:
            permit = Permit()
            self.permits.add(permit)
            return permit
        return None

    def drain_idle(self) -> list[Slot]:
        return [self._idle.popleft() for _ in range(len(self._idle))]

    def trim(self, idle_for_s: float = 0.0, *, heap: bool = True) -> int:
        """Give back buffers above ``warm`` that were not used for ``idle_for_s``; say how many.

        Without ``heap`` what was on the C heap is freed, and not yet given back to the kernel.
        """
        return ROOM.run(trim_idle, self, self._idle, self.warm, idle_for_s, heap=heap)

    def worst_case_bytes(self) -> int:
        """The most memory that this pool's buffers can take at home."""
        return self.capacity * self.kind.nbytes_max()

    def warm_up(self, floor: int) -> None:
        """Have ``floor`` buffers exist from now on, and stay when the pool is trimmed.

        If one cannot be made, the error says so and those made before it stay.
        """
        check_capacity(self.name, self.capacity, floor)
        for _ in range(floor - len(self.slots)):
            slot = Slot(self, self.kind.make(()))
            ROOM.run(self._enter_warm, slot)
        self.warm = floor

    def _enter_warm(self, slot: Slot) -> None:
        if len(self.slots) + len(self.permits) < self.capacity:  # else borrowers made them
            self.slots.add(slot)
            self.warmed += 1
            self.put_idle(slot, came_home=False)
            self.line.serve()
