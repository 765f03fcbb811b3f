"""Finding a ring of waiters. Runs under the room's lock, once, when a ticket's time is up.

A ticket is stuck if all that some line lends is held by stuck borrowers. We start from the
guess that all waiting tickets are stuck and strike those that are not, until nothing changes:
what remains waits for itself. Where anything may still come free, nobody is called stuck.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from framesrv.pool.holder import Holder, TaskHolder
from framesrv.pool.room import ROOM
from framesrv.pool.slot import Slot
from framesrv.pool.ticket import Permit, Ticket

if TYPE_CHECKING:
    from framesrv.pool.line import Line


def find_ring(ticket: Ticket) -> list[str]:
    """The ring that ``ticket`` is part of or waits for, a sentence a step; empty if none."""
    stuck = [other for other in ROOM.waiting.values() if other.lacking]
    while True:
        still = [other for other in stuck if _blockers(other, stuck)]
        if len(still) == len(stuck):
            break
        stuck = still
    return _describe(ticket, stuck) if ticket in stuck else []


def _blockers(ticket: Ticket, stuck: list[Ticket]) -> tuple[str, Ticket] | None:
    """The name of a pool that stuck borrowers hold in full, and one of them."""
    for want in ticket.lacking:
        holders = _holders(want.pool.line, stuck)
        if holders:
            return want.pool.name, holders[0]
    return None


def _holders(line: Line, stuck: list[Ticket]) -> list[Ticket] | None:
    """The stuck tickets that hold all that the line lends; None if some may come free."""
    holders = []
    for item in _lent(line):
        holder = next((each for each in stuck if _holds(each, item)), None)
        if holder is None:
            return None
        holders.append(holder)
    return holders


def _lent(line: Line) -> Iterator[Slot | Permit | None]:
    """What is not at hand: lent, promised or set aside. None stands for what anybody may free."""
    for pool in line.pools:
        yield from list(pool.permits)
        for slot in list(pool.slots):
            if slot.parked:
                yield None  # its keeper may let go at any time
            elif slot.is_lent or not pool.evictable(slot):
                yield slot


def _holds(ticket: Ticket, item: Slot | Permit | None) -> bool:
    if any(want.grant is item for want in ticket.wants if item is not None):
        return True
    return isinstance(item, Slot) and item.is_lent and _blocks(ticket.holder, item.holder)


def _blocks(waiting: Holder, holder: Holder) -> bool:
    """Whether ``holder`` cannot go on while ``waiting`` waits."""
    if waiting == holder:
        return True  # a thread that blocks also blocks the tasks of its event loop:
    return isinstance(holder, TaskHolder) and waiting == holder.thread


def _describe(ticket: Ticket, stuck: list[Ticket]) -> list[str]:
    steps: list[str] = []
    seen: list[Ticket] = []
    while ticket not in seen and (blocked := _blockers(ticket, stuck)) is not None:
        seen.append(ticket)
        pool, holder = blocked
        steps.append(f"{ticket.holder} waits for {pool!r}, held by {holder.holder}")
        ticket = holder
    return steps
