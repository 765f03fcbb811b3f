"""Finding a ring of waiters. Runs under the room's lock, once, when a ticket's time is up.

A ticket is stuck if what it lacks would not be there even if everybody gave back who is not
stuck. We start from the guess that all waiting tickets are stuck and strike those that are not,
until nothing changes: what remains waits for itself.

Pools count in units: buffers where their number is bounded, bytes where those are.
"""

from __future__ import annotations

from typing import Any

from framesrv.pool.base import Pool
from framesrv.pool.holder import Holder, TaskHolder
from framesrv.pool.line import Line
from framesrv.pool.room import ROOM
from framesrv.pool.slot import Slot
from framesrv.pool.ticket import Permit, Ticket


def find_ring(ticket: Ticket) -> list[str]:
    """The ring that ``ticket`` is part of or waits for, a sentence a step; empty if none."""
    stuck = [other for other in ROOM.waiting.values() if other.lacking]
    while True:
        still = [other for other in stuck if _blocker(other, stuck)]
        if len(still) == len(stuck):
            break
        stuck = still
    return _describe(ticket, stuck) if ticket in stuck else []


def _blocker(ticket: Ticket, stuck: list[Ticket]) -> tuple[str, Ticket] | None:
    """A pool that can never give what the ticket lacks, and one of those who see to that."""
    for line in {want.pool.line: None for want in ticket.lacking}:
        lacking = [want for want in ticket.lacking if want.pool.line is line]
        needed = sum(want.pool.units_wanted(want) for want in lacking)
        held = _held_by_stuck(line, stuck)
        pool = lacking[0].pool
        if held and pool.units_in_all() - sum(units for _, units in held) < needed:
            return pool.name, held[0][0]
    return None


def _held_by_stuck(line: Line, stuck: list[Ticket]) -> list[tuple[Ticket, int]]:
    """Who of the stuck holds how much of what the line lends, leased or set aside."""
    held = []
    for pool in line.pools:
        for item in _things(pool):
            holder = next((each for each in stuck if _holds(each, item)), None)
            if holder is not None:
                held.append((holder, pool.units_of(item)))
    return held


def _things(pool: Pool[Any]) -> list[Slot | Permit]:
    return [*pool.permits, *(slot for slot in pool.slots if not slot.parked)]


def _holds(ticket: Ticket, item: Slot | Permit) -> bool:
    if any(want.grant is item for want in ticket.wants):
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
    while ticket not in seen and (blocked := _blocker(ticket, stuck)) is not None:
        seen.append(ticket)
        pool, holder = blocked
        steps.append(f"{ticket.holder} waits for {pool!r}, held by {holder.holder}")
        ticket = holder
    return steps
