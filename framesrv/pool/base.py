"""What every pool is made of: a register of slots, a queue, and the way home.

The fast paths live in ``BoundedPool`` and ``SizePool``; what is here runs when something is
out of the ordinary. Methods marked *locked* run under the room's lock and nowhere else.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections import deque
from collections.abc import Callable, Sequence
from sys import getrefcount
from typing import Any, Generic, Self, TypeVar
from weakref import WeakSet

from framesrv.pool import report, upkeep
from framesrv.pool.clock import MONOTONIC, Clock
from framesrv.pool.counter import Counter
from framesrv.pool.errors import DoubleRelease, ForeignObject, PoolError, PoolExhausted
from framesrv.pool.kind import Kind, LeaseT
from framesrv.pool.lease import Lease
from framesrv.pool.line import Line, close_together
from framesrv.pool.observer import SILENT, PoolObserver
from framesrv.pool.room import ROOM
from framesrv.pool.scrape import scrape
from framesrv.pool.slot import Slot
from framesrv.pool.stats import PoolStats
from framesrv.pool.ticket import Permit, Want

MISUSE_KINDS = ("double_release", "foreign_object", "retained_view", "write_after_release")

T = TypeVar("T")


class Pool(Generic[LeaseT]):
    capacity: int

    def __init__(
        self,
        name: str,
        kind: Kind[LeaseT],
        line: Line,
        *,
        forgiving: bool = False,
        observer: PoolObserver = SILENT,
        clock: Clock = MONOTONIC,
    ) -> None:
        self.name = name
        self.kind = kind
        self.line = line
        self.observer = observer
        self.clock = clock
        self.settle: Callable[[Any, Slot], None] = kind.settle
        self.slots: set[Slot] = set()
        self.quarantined: dict[Slot, float] = {}
        # Truthy while a return must not just put its buffer down and go.
        self.alerts: set[str] = set()
        # Room reserved for buffers that are being allocated. Weak: a permit lost to an
        # interrupt frees its room by dying.
        self.permits: WeakSet[Permit] = WeakSet()
        self.misses = self.warmed = self.trimmed = self.timeouts = 0
        self.retired_gets = self.retired_returns = 0
        self.discards: Tally[str] = Tally()
        self.leaks: Tally[str] = Tally()
        self.misuse = {name: Counter() for name in MISUSE_KINDS}
        self._forgiving = forgiving  # a second release is counted, not raised
        self._lend = kind.lend
        self.spoiled_slots: deque[tuple[Slot, str]] = deque()
        self._dropped: deque[Slot] = deque()
        line.pools.append(self)

    # -- what each sort of pool does its own way ------------------------------------------

    def home_of(self, slot: Slot) -> Callable[[Slot], object]:
        """Where the slot lies while it is idle: the ``append`` of that place."""
        raise NotImplementedError

    def take(self, shape: tuple[int, ...] = ()) -> LeaseT | None:
        """A lease without waiting and without the lock, or None: then join the line."""
        raise NotImplementedError

    def find(self, want: Want) -> Slot | Permit | None:
        """*locked* A buffer for the want, or room for one, or nothing yet."""
        raise NotImplementedError

    def drain_idle(self) -> list[Slot]:
        """*locked* Take every idle slot out."""
        raise NotImplementedError

    def cancel_permit(self, permit: Permit) -> None:
        """*locked* The room that was reserved is not needed after all."""
        self.permits.discard(permit)

    def left(self, slot: Slot) -> None:
        """*locked* The slot is gone for good."""

    # -- lending, after the queue ------------------------------------------------------------

    def fulfil(self, want: Want) -> LeaseT:
        """Turn a grant into a lease. Whatever goes wrong, the pool stays whole."""
        grant, want.grant = want.grant, None
        if isinstance(grant, Slot):
            grant.shape = want.shape or grant.shape
            return self.lend_or_put_back(grant)
        if grant is None:
            raise PoolError(f"pool {self.name!r}: a ticket was collected before it was ready")
        return self._allocate_and_lend(grant, want.shape)

    def lend_or_put_back(self, slot: Slot) -> LeaseT:
        try:
            return self._lend(slot)
        except BaseException:
            self.put_back(slot)
            raise

    def put_back(self, slot: Slot) -> None:
        """A slot that was taken and could not be lent."""
        ROOM.run(self._put_back, slot)

    def _put_back(self, slot: Slot) -> None:
        was_lent = slot.is_lent  # for an instant: that was a get and a return
        slot.turns += was_lent
        self.put_idle(slot, came_home=was_lent)
        self.line.serve()

    def _allocate_and_lend(self, permit: Permit, shape: tuple[int, ...]) -> LeaseT:
        try:
            slot = Slot(self, self.kind.make(shape), shape)
            lease = self._lend(slot)
            ROOM.run(self.enter, slot, permit)
        except BaseException:
            ROOM.run(self._give_up_permit, permit)
            raise
        ROOM.later(lambda: self.observer.missed(self.name))
        return lease

    def enter(self, slot: Slot, permit: Permit) -> None:
        """*locked* Enter a new slot together with its first get, so that no scrape sees half."""
        self.permits.discard(permit)
        self.misses += 1
        self.slots.add(slot)

    def _give_up_permit(self, permit: Permit) -> None:
        self.cancel_permit(permit)
        self.line.serve()

    # -- the way home ------------------------------------------------------------------------

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
        ROOM.ask(self)

    def put_idle(self, slot: Slot, *, came_home: bool = True) -> None:
        """*locked* Idle again, or let go: a discard if it came home, else a trim."""
        if self.line.closed:
            self.retire(slot, "closed" if came_home else None)
        elif why := self.kind.spoiled(slot):
            self.retire(slot, why)
        else:
            slot.go_home(slot)

    def retire(self, slot: Slot, why: str | None) -> None:
        """*locked* Let a slot go: discarded for a reason, or (None) trimmed."""
        self.slots.discard(slot)
        self.retired_gets += slot.gets
        self.retired_returns += slot.returns
        self.left(slot)
        if why is None:
            self.trimmed += 1
        else:
            self.discards[why] += 1
            ROOM.later(lambda: self.observer.discarded(self.name, why))
        ROOM.later(lambda: setattr(slot, "item", None))  # unmapping may take a while

    def alert(self, reason: str, *, on: bool) -> None:
        (self.alerts.add if on else self.alerts.discard)(reason)

    # -- looking after things ----------------------------------------------------------------

    def tend(self) -> None:
        """*locked* Everything that was left to do since the last look."""
        while self._dropped:
            self._reclaim(self._dropped.popleft())
        while self.spoiled_slots:
            self.retire(*self.spoiled_slots.popleft())
        self.revisit_quarantine()
        if self.line.closed:
            for slot in self.drain_idle():
                self.retire(slot, "closed")
        self.line.serve()

    def revisit_quarantine(self) -> None:
        """*locked* Let go what its keeper has let go."""
        if not self.quarantined:
            return
        for slot in list(self.quarantined):
            if slot.ripe or self.kind.is_free(slot):
                del self.quarantined[slot]
                slot.ripe = slot.parked_long = False
                slot.watch = None
                ready = self._make_ready(slot, self.kind.freshen)
                slot.parked = False
                if ready:
                    self.put_idle(slot)
        self.alert("quarantine", on=False)
        if self.quarantined:  # looked at after the alert is off: a newcomer's stays on
            self.alert("quarantine", on=True)

    def sweep(self) -> None:
        """*locked* Find slots that nobody but the register knows.

        A lease dropped without release leaves such a slot (odd turns: a leak), and so does an
        exception that strikes between two steps of a borrow (even turns: an orphan).
        """
        for slot in _lone(self.slots):
            if slot.is_lent:
                self._reclaim(slot)
            elif not slot.parked:
                self.put_idle(slot, came_home=False)
        self.revisit_quarantine()

    def _reclaim(self, slot: Slot) -> None:
        """*locked* Take home what a leaked lease left behind."""
        if not slot.is_lent:
            return
        slot.watch = None
        self.leaks["dropped"] += 1
        report.leaked(self, slot, "dropped", "was dropped without release")
        free = self.kind.is_free(slot)
        slot.parked = not free
        slot.turns += 1
        if not self._make_ready(slot, self.kind.reset):
            slot.parked = False
        elif free:
            self.put_idle(slot)
        else:
            self.quarantined[slot] = self.clock.now()
            self.alert("quarantine", on=True)

    def _make_ready(self, slot: Slot, how: Callable[[Slot], None]) -> bool:
        """*locked* False: it could not be made ready (a record's own reset raised) and is gone."""
        try:
            how(slot)
        except Exception:
            self.retire(slot, "reset_failed")
            return False
        return True

    # -- misuse ------------------------------------------------------------------------------

    def release(self, lease: Lease) -> None:
        """Release a lease of this very pool; anything else is refused."""
        if getattr(lease, "_pool", None) is not self:
            whose = (
                f"a lease of pool {lease.pool_name!r}"
                if isinstance(lease, Lease)
                else repr(type(lease).__name__)
            )
            raise self.misused(
                "foreign_object",
                ForeignObject(f"pool {self.name!r} never lent this: it was handed {whose}"),
            )
        lease.release()

    def released_twice(self, lease: Lease) -> None:
        error = self.misused(
            "double_release",
            DoubleRelease(
                f"a lease of pool {self.name!r} was released a second time: release it once, or "
                "leave it to the with block"
            ),
        )
        if not self._forgiving:
            raise error

    def misused(self, kind: str, error: PoolError) -> PoolError:
        """Count it, tell the observer, and hand the error back to be raised."""
        self.misuse[kind].add()
        ROOM.tell(lambda: self.observer.misused(self.name, kind, str(error)))
        return error

    # -- numbers and the end of life ---------------------------------------------------------

    def stats(self) -> PoolStats:
        """Every number of the pool, all read in one moment."""
        return ROOM.run(self._stats)

    def _stats(self) -> PoolStats:
        self.sweep()
        self.line.serve()  # what the sweep found may be what somebody waits for
        return self.scrape()

    def scrape(self) -> PoolStats:
        """*locked* The numbers as they are, without looking for lost buffers first."""
        return scrape(self)

    def shortage(self, want: Want) -> str:
        """How an error begins that tells of a want in vain."""
        return f"no buffer of pool {self.name!r} came free"

    def exhausted_error(self, text: str) -> PoolExhausted:
        return PoolExhausted(text)

    def watch(self, held_too_long_s: float) -> None:
        """Report what is held or kept for too long; see ``upkeep``."""
        ROOM.run(upkeep.watch, self, held_too_long_s)

    def close(self) -> None:
        """Lend nothing any more; buffers still out are discarded when they come home."""
        ROOM.run(close_pools, [self])

    @property
    def closed(self) -> bool:
        return self.line.closed

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}, {len(self.slots)} of {self.capacity}>"


def close_pools(pools: Sequence[Pool[Any]]) -> None:
    """*locked* Close several in one step, so that nobody is served by one of them meanwhile."""
    close_together({pool.line: None for pool in pools})
    for pool in pools:
        for slot in pool.drain_idle():
            pool.retire(slot, None)
        pool.sweep()


def _lone(register: set[T], refs: int = 0) -> list[T]:
    """Those that nobody but the register knows."""
    refs = refs or _LONE_REFS
    return [each for each in list(register) if getrefcount(each) == refs]


# Which count means that is found by trying, since it is not the same on every Python.
_LONE_REFS = next(refs for refs in range(1, 16) if _lone({object()}, refs))
