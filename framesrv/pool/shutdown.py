"""The end: waiting for leases to come home, and naming those that do not."""

from __future__ import annotations

import logging
from _thread import allocate_lock
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from framesrv.pool.room import ROOM

if TYPE_CHECKING:
    from framesrv.pool.base import Pool
    from framesrv.pool.clock import Clock
    from framesrv.pool.debug.trace import Trace
    from framesrv.pool.holder import Holder

_LOG = logging.getLogger("framesrv.pool")
_TICK_S: Final = 0.010


@dataclass(frozen=True, slots=True)
class LeaseStillOut:
    """A lease that did not come home in time."""

    pool: str
    age_s: float
    holder: str
    borrowed_at: str  # the stack of the borrow where it was recorded, else empty
    now_at: str  # where the holder is at this moment; empty if it has ended

    def __str__(self) -> str:
        text = f"pool {self.pool!r}: a lease of {self.holder} is out for {self.age_s:.3f} s"
        if self.borrowed_at:
            text += f"; borrowed at:\n{self.borrowed_at}"
        if self.now_at:
            text += f"; its holder is now at:\n{self.now_at}"
        return text


def wait_for_leases(
    pools: Sequence[Pool[Any]], timeout_s: float, clock: Clock
) -> list[LeaseStillOut]:
    deadline = clock.now() + timeout_s
    pause = allocate_lock()  # held by us all the time: waiting for it is a pause
    pause.acquire()
    while any(ROOM.run(_is_busy, pool) for pool in pools) and (left := deadline - clock.now()) > 0:
        clock.wait(pause, min(left, _TICK_S))
    out = [_describe(*each) for pool in pools for each in ROOM.run(_still_out, pool)]
    for lease in out:
        _LOG.warning("still out at shutdown: %s", lease)
    return out


def _is_busy(pool: Pool[Any]) -> bool:
    """Whether anything is out, being made, or on its way to a borrower."""
    pool.sweep()
    return bool(pool.permits) or any(not slot.parked for slot in pool.slots)


def _still_out(pool: Pool[Any]) -> list[tuple[str, float, Holder, Trace | None]]:
    now = pool.clock.now()
    return [
        (pool.name, max(0.0, now - slot.since), slot.holder, slot.borrow)
        for slot in list(pool.slots)
        if slot.is_lent
    ]


def _describe(pool: str, age_s: float, holder: Holder, borrow: Trace | None) -> LeaseStillOut:
    """Outside the lock: source files are read for the stacks."""
    return LeaseStillOut(
        pool=pool,
        age_s=age_s,
        holder=str(holder),
        borrowed_at=borrow.text() if borrow is not None else "",
        now_at=holder.stack(),
    )
