"""What the pool says to the operator: log lines with the holder's stack, and the observer.

Nothing here runs under the room's lock; the lines are put into its outbox.
"""

from __future__ import annotations

import logging
import sys
import threading
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING

from framesrv.pool.room import ROOM
from framesrv.pool.slot import Holder, Slot, TaskHolder

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
    who = f"borrowed {age_s:.3f} s ago by {name_of(slot.holder)}"
    if slot.borrow is not None:
        return f"{who} at:\n{slot.borrow.text()}"
    return f"{who} (one lease in 128 carries its stack; FRAMESRV_POOL_DEBUG=poison: every one)"


def name_of(holder: Holder) -> str:
    if isinstance(holder, TaskHolder):
        task = holder.task()
        return f"task {task.get_name()!r}" if task is not None else "a task that has ended"
    for thread in threading.enumerate():
        if thread.ident == holder:
            return f"thread {thread.name!r}"
    return "a thread that has ended"


def stack_now(holder: Holder) -> str:
    """Where the borrower is at this moment; empty if it has ended."""
    if isinstance(holder, TaskHolder):
        task = holder.task()
        if task is None or task.done():
            return ""
        frames = task.get_stack(limit=8)
        return "".join(line for frame in frames for line in traceback.format_stack(frame, limit=1))
    frame = sys._current_frames().get(holder)
    return "".join(traceback.format_stack(frame, limit=8)) if frame is not None else ""
