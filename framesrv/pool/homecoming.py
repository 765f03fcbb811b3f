"""The way home: what happens to a buffer between its release and its next lease.

``park``, ``discard_soon`` and ``lost`` are called by whoever releases, and never wait. All else
is *locked*: it runs under the room's lock.
"""

from __future__ import annotations

import weakref
from abc import ABC, abstractmethod
from collections import Counter as Tally
from collections import deque
from collections.abc import Callable
from sys import getrefcount
from typing import Any, TypeVar

from framesrv.pool import report
from framesrv.pool.clock import Clock
from framesrv.pool.kind import Kind
from framesrv.pool.line import Line
from framesrv.pool.observer import PoolObserver
from framesrv.pool.room import ROOM
from framesrv.pool.slot import Slot

T = TypeVar("T")


class Homecoming(ABC):
    def __init__(
        self, name: str, kind: Kind[Any], line: Line, observer: PoolObserver, clock: Clock
    ) -> None:
        self.name = name
        self.kind = kind
        self.line = line
        self.observer = observer
        self.clock = clock
        self.slots: set[Slot] = set()  # the register: all that exist
        self.quarantined: dict[Slot, float] = {}
        # Truthy while a return must not just put its buffer down and go.
        self.alerts: set[str] = set()
        self.trimmed = 0
        self.retired_gets = self.retired_returns = 0
        self.discards: Tally[str] = Tally()
        self.leaks: Tally[str] = Tally()
        self.spoiled_slots: deque[tuple[Slot, str]] = deque()
        self._dropped: deque[Slot] = deque()

    @abstractmethod
    def home_of(self, slot: Slot) -> Callable[[Slot], object]:
        """Where the slot lies while it is idle: the ``append`` of that place."""

    @abstractmethod
    def drain_idle(self) -> list[Slot]:
        """*locked* Take every idle slot out."""

    def park(self, slot: Slot) -> None:
        """Home, but somebody still has a hand on it. Called by its last holder; never waits."""
        slot.parked = True  # before the turn, so that no scrape takes it for idle
        slot.turns += 1
        self.quarantined[slot] = self.clock.now()
        self.alert("quarantine", on=True)

    def discard_soon(self, slot: Slot, why: str) -> None:
        """Home, and not to be kept. Called by its last holder; never waits."""
        slot.turns += 1
        self.spoiled_slots.append((slot, why))
        ROOM.ask(self)

    def lost(self, slot: Slot) -> None:
        """A lease died without release. Called from its finalizer; never waits."""
        self._dropped.append(slot)
        ROOM.ask_quietly(self)

    def put_idle(self, slot: Slot, *, came_home: bool = True) -> None:
        """*locked* Idle again, or let go: a discard if it came home, else a trim."""
        if slot not in self.slots:
            return  # an interrupt struck before it was entered, or it is retired already
        if self.line.closed:
            self.retire(slot, "closed" if came_home else None)
        elif why := self.kind.spoiled(slot):
            self.retire(slot, why)
        else:
            slot.go_home(slot)

    def retire(self, slot: Slot, why: str | None) -> None:
        """*locked* Let a slot go: discarded for a reason, or (None) trimmed."""
        if slot not in self.slots:
            return
        gets, returns = slot.gets, slot.returns
        trimmed = self.trimmed + (why is None)
        discards = self.discards + Tally([why] if why is not None else [])
        # No call from here to the end of the books, so no interrupt either.
        self.retired_gets += gets
        self.retired_returns += returns
        self.trimmed = trimmed
        self.discards = discards
        self.slots.discard(slot)
        if why is not None:
            ROOM.later(lambda: self.observer.discarded(self.name, why))
        ROOM.later(lambda: setattr(slot, "item", None))  # unmapping may take a while

    def alert(self, reason: str, *, on: bool) -> None:
        (self.alerts.add if on else self.alerts.discard)(reason)

    def tend(self) -> None:
        """*locked* Everything that was left to do since the last look."""
        self._take_in()
        self.revisit_quarantine()
        if self.line.closed:
            for slot in self.drain_idle():
                self.retire(slot, "closed")
        self.line.serve()

    def _take_in(self) -> None:
        """*locked* What came home in a way that needs the lock."""
        while self._dropped:
            self._reclaim(self._dropped.popleft())
        while self.spoiled_slots:
            self.retire(*self.spoiled_slots.popleft())

    def revisit_quarantine(self) -> None:
        """*locked* Let go what its keeper has let go."""
        for slot in list(self.quarantined):
            if slot.ripe or self.kind.is_free(slot):
                slot.watch = None
                if self.kind.resets_by_foreign_code:
                    self._reset_later(slot)
                else:
                    self.kind.freshen(slot)
                    self._unpark(slot)
        self.alert("quarantine", on=False)
        if self.quarantined:  # looked at after the alert is off: a newcomer's stays on
            self.alert("quarantine", on=True)

    def sweep(self) -> None:
        """*locked* Find slots that nobody but the register knows.

        A lease dropped without release leaves such a slot (odd turns: a leak), and so does an
        exception that strikes between two steps of a borrow (even turns: an orphan).
        """
        self._take_in()
        for slot in _lone(self.slots):
            if slot.is_lent:
                self._reclaim(slot)
            elif slot.parked:  # an interrupt struck on its way into quarantine
                self.quarantined[slot] = self.clock.now()
            else:
                self.put_idle(slot, came_home=False)
        self.revisit_quarantine()

    def _reclaim(self, slot: Slot) -> None:
        """*locked* Take home what a leaked lease left behind."""
        if not slot.is_lent or slot not in self.slots:
            return
        self.leaks["dropped"] += 1
        report.leaked(self, slot, "dropped", "was dropped without release")
        if self.kind.resets_by_foreign_code:
            slot.leaked = True  # made ready later, outside the lock
        else:
            self.kind.reset(slot)
        self.park(slot)

    def _unpark(self, slot: Slot) -> None:
        """*locked* Out of quarantine, and idle."""
        self.quarantined.pop(slot, None)
        slot.ripe = slot.parked_long = slot.leaked = slot.parked = False
        slot.resetting = None
        self.put_idle(slot)
        self.line.serve()

    def _reset_later(self, slot: Slot) -> None:
        """*locked* A record's own reset is foreign code: it runs when the lock is free.

        Known by a weak reference, so that one that an interrupt cuts short is begun again.
        """
        if slot.resetting is None or slot.resetting() is None:
            reset = _Reset(self, slot)
            slot.resetting = weakref.ref(reset)
            ROOM.later(reset)

    def reset_now(self, slot: Slot) -> None:
        """Outside the lock."""
        try:
            (self.kind.reset if slot.leaked else self.kind.freshen)(slot)
        except Exception:
            ROOM.run(self._give_up_on, slot)
        else:
            ROOM.run(self._unpark, slot)

    def _give_up_on(self, slot: Slot) -> None:
        self.quarantined.pop(slot, None)
        self.retire(slot, "reset_failed")
        self.line.serve()


class _Reset:
    __slots__ = ("__weakref__", "_pool", "_slot")

    def __init__(self, pool: Homecoming, slot: Slot) -> None:
        self._pool = pool
        self._slot = slot

    def __call__(self) -> None:
        self._pool.reset_now(self._slot)


def _lone(register: set[T], refs: int = 0) -> list[T]:
    """Those that nobody but the register knows."""
    refs = refs or _LONE_REFS
    return [each for each in list(register) if getrefcount(each) == refs]


# Which count means that is found by trying, since it is not the same on every Python.
_LONE_REFS = next(refs for refs in range(1, 16) if _lone({object()}, refs))
