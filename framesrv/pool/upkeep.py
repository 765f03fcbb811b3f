"""What a pool needs now and then: trimming, and a look at who holds buffers for too long."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final

from framesrv.pool import report
from framesrv.pool.memory import give_heap_back
from framesrv.pool.room import ROOM
from framesrv.pool.slot import Slot

if TYPE_CHECKING:
    from framesrv.pool.base import Pool

QUARANTINE_REPORT_S: Final = 1.0


def trim_idle(
    pool: Pool[Any], idle: deque[Slot], floor: int, idle_for_s: float, *, heap: bool = True
) -> int:
    """*locked* Retire what was not used for ``idle_for_s``, the longest unused first.

    Returns do not note the time; a slot is known to be unused since the first look that saw
    the ``turns`` it still has.
    """
    now = pool.clock.now()
    for slot in list(idle):
        if slot.mark[0] != slot.turns:
            slot.mark = (slot.turns, now)
    trimmed = 0
    while idle and len(pool.slots) > floor:
        try:
            slot = idle.popleft()
        except IndexError:  # borrowed meanwhile
            break
        turns, since = slot.mark
        if turns != slot.turns or now - since < idle_for_s:
            idle.appendleft(slot)
            break
        pool.retire(slot, None)
        trimmed += 1
    if trimmed:
        ROOM.later(lambda: pool.observer.trimmed(pool.name, trimmed))
        if heap and pool.kind.uses_heap:
            ROOM.later(give_heap_back)
    return trimmed


def watch(pool: Pool[Any], held_too_long_s: float) -> None:
    """*locked* Report leases held too long, those of them that came back, and long quarantine."""
    pool.sweep()
    now = pool.clock.now()
    for slot in list(pool.slots):
        if slot.overdue >= 0 and slot.turns != slot.overdue:
            slot.overdue = -1
            report.came_back(pool)
        elif slot.overdue < 0 and slot.is_lent and now - slot.since > held_too_long_s:
            slot.overdue = slot.turns
            pool.leaks["held"] += 1
            report.leaked(pool, slot, "held", f"has been held for {now - slot.since:.1f} s")
    for slot, since in list(pool.quarantined.items()):
        if now - since > QUARANTINE_REPORT_S and not slot.parked_long:
            slot.parked_long = True
            report.quarantine_lasts(pool, slot, now - since)
