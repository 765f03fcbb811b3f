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
    from framesrv.pool.debug.trace import Trace
    from framesrv.pool.holder import Holder
    from framesrv.pool.homecoming import Homecoming

LOG = logging.getLogger("framesrv.pool")


def leaked(pool: Homecoming, slot: Slot, kind: str, what: str) -> None:
    """A lease was dropped, or is held for too long."""

    def news(where: str) -> None:
        detail = f"pool {pool.name!r}: a lease {what}; {where}"
        LOG.warning("%s", detail)
        pool.observer.leaked(pool.name, kind, detail)

    _send(pool, slot, news)


def came_back(pool: Homecoming) -> None:
    def news() -> None:
        detail = f"pool {pool.name!r}: the lease that was held for too long came back"
        LOG.info("%s", detail)
        pool.observer.leak_came_back(pool.name, detail)

    ROOM.later(news)


def quarantine_lasts(pool: Homecoming, slot: Slot, for_s: float) -> None:
    def news(where: str) -> None:
        detail = (
            f"pool {pool.name!r}: a returned buffer has been kept for {for_s:.1f} s by its last "
            f"holder and cannot be lent; {where}"
        )
        LOG.warning("%s", detail)
        pool.observer.quarantine_lasts(pool.name, detail)

    _send(pool, slot, news)


def _send(pool: Homecoming, slot: Slot, news: Callable[[str], None]) -> None:
    """What is known is noted now; the words are found later, when files may be read."""
    age_s, holder, borrow = max(0.0, pool.clock.now() - slot.since), slot.holder, slot.borrow
    ROOM.later(lambda: news(borrowed_where(age_s, holder, borrow)))


def borrowed_where(age_s: float, holder: Holder, borrow: Trace | None) -> str:
    who = f"borrowed {age_s:.3f} s ago by {holder}"
    if borrow is not None:
        return f"{who} at:\n{borrow.text()}"
    return f"{who} (one lease in 128 carries its stack; FRAMESRV_POOL_DEBUG=poison: every one)"
