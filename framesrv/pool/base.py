"""What every pool is made of: lending after the queue, misuse, numbers, the end.

The fast paths live in ``BoundedPool`` and ``SizePool``; what is here runs when something is
out of the ordinary. Methods marked *locked* run under the room's lock and nowhere else.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Generic, Self
from weakref import WeakSet

from framesrv.pool import upkeep
from framesrv.pool.clock import MONOTONIC, Clock
from framesrv.pool.counter import Counter
from framesrv.pool.errors import (
    DoubleRelease,
    ForeignObject,
    PoolClosed,
    PoolError,
    PoolExhausted,
)
from framesrv.pool.homecoming import Homecoming
from framesrv.pool.kind import Kind, LeaseT
from framesrv.pool.lease import Lease
from framesrv.pool.line import Line, close_together, drop_ghosts
from framesrv.pool.observer import SILENT, PoolObserver
from framesrv.pool.room import ROOM
from framesrv.pool.scrape import scrape
from framesrv.pool.slot import Slot
from framesrv.pool.stats import PoolStats
from framesrv.pool.ticket import Permit, Want

MISUSE_KINDS = ("double_release", "foreign_object", "retained_view", "write_after_release")


class Pool(Homecoming, Generic[LeaseT]):
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
        super().__init__(name, kind, line, observer, clock)
        self.settle: Callable[[Any, Slot], None] = kind.settle
        # Room reserved for buffers that are being allocated. Weak: a permit lost to an
        # interrupt frees its room by dying.
        self.permits: WeakSet[Permit] = WeakSet()
        self.misses = self.warmed = self.timeouts = 0
        self.misuse = {name: Counter() for name in MISUSE_KINDS}
        self._forgiving = forgiving  # a second release is counted, not raised
        self._lend = kind.lend
        line.pools.append(self)

    # -- what each sort of pool does its own way ------------------------------------------

    @property
    @abstractmethod
    def capacity(self) -> int:
        """The most buffers that exist at once."""

    @abstractmethod
    def take(self, shape: tuple[int, ...] = ()) -> LeaseT | None:
        """A lease without waiting and without the lock, or None: then join the line."""

    @abstractmethod
    def find(self, want: Want) -> Slot | Permit | None:
        """*locked* A buffer for the want, or room for one, or nothing yet."""

    def cancel_permit(self, permit: Permit) -> None:
        """*locked* The room that was reserved is not needed after all."""
        self.permits.discard(permit)

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
        ROOM.tell(lambda: self.observer.missed(self.name))
        return lease

    def enter(self, slot: Slot, permit: Permit) -> None:
        """*locked* Enter a new slot together with its first get, so that no scrape sees half."""
        if self.line.closed:
            raise PoolClosed(f"pool {self.name!r} was closed while a buffer was being made")
        self.permits.discard(permit)
        self.misses += 1
        self.slots.add(slot)

    def _give_up_permit(self, permit: Permit) -> None:
        self.cancel_permit(permit)
        self.line.serve()

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
        text = (
            f"a lease of pool {self.name!r} was released a second time: release it once, or leave "
            "it to the with block"
        )
        if not self._forgiving:
            raise self.misused("double_release", DoubleRelease(text))
        self.misused("double_release", DoubleRelease(text))

    def misused(self, kind: str, error: PoolError) -> PoolError:
        """Count it, tell the observer, and hand the error back to be raised."""
        self.misuse[kind].add()
        ROOM.tell(lambda: self.observer.misused(self.name, kind, str(error)))
        return error

    # -- numbers and the end of life ---------------------------------------------------------

    def stats(self) -> PoolStats:
        """Every number of the pool, all read in one moment, after a look for lost buffers."""
        ROOM.run(self._look_around)
        return ROOM.run(self.scrape)

    def _look_around(self) -> None:
        self.sweep()
        drop_ghosts(self.clock.now())
        self.line.serve()  # what the sweep found may be what somebody waits for

    def scrape(self) -> PoolStats:
        """*locked* The numbers as they are, without looking for lost buffers first."""
        return scrape(self)

    def units_in_all(self) -> int:
        """How much there is to lend, in the unit that bounds this pool."""
        return self.capacity

    def units_wanted(self, want: Want) -> int:
        return 1

    def units_of(self, item: Slot | Permit) -> int:
        return 1

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
