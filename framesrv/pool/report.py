"""What the pool says to the operator: log lines with the holder's stack, and the observer.

Nothing here runs under the room's lock; the lines are put into its outbox.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from framesrv.pool.room import ROOM
from framesrv.pool.slot import Slot

if TYPE_CHECKING:
    from framesrv.pool.homecoming import Homecoming

LOG = logging.getLogger("framesrv.pool")


def leaked(pool: Homecoming, slot: Slot, kind: str, what: str) -> None:
    """A lease was dropped, or is held for too long."""
    detail = f"pool {pool.name!r}: a lease {what}; {borrowed_where(pool, slot)}"
    _send(pool, logging.WARNING, detail, lambda: pool.observer.leaked(pool.name, kind, detail))


def came_back(pool: Homecoming, slot: Slot) -> None:
    detail = f"pool {pool.name!r}: the lease that was held for too long came back"
    _send(pool, logging.INFO, detail, lambda: pool.observer.leak_came_back(pool.name, detail))


def quarantine_lasts(pool: Homecoming, slot: Slot, for_s: float) -> None:
    detail = (
        f"pool {pool.name!r}: a returned buffer has been kept for {for_s:.1f} s by its last "
        f"holder and cannot be lent; {borrowed_where(pool, slot)}"
    )
    _send(pool, logging.WARNING, detail, lambda: pool.observer.quarantine_lasts(pool.name, detail))


def _send(pool: Homecoming, level: int, text: str, news: Callable[[], object]) -> None:
    ROOM.later(lambda: LOG.log(level, "%s", text))
    ROOM.later(news)


def borrowed_where(pool: Homecoming, slot: Slot) -> str:
    age_s = max(0.0, pool.clock.now() - slot.since)
    who = f"borrowed {age_s:.3f} s ago by {slot.holder}"
    if slot.borrow is not None:
        return f"{who} at:\n{slot.borrow.text()}"
    return f"{who} (one lease in 128 carries its stack; FRAMESRV_POOL_DEBUG=poison: every one)"
