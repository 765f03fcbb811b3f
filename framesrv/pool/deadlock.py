"""Finding a ring of waiters. Runs under the room's lock, once, when a ticket's time is up.

A ticket is stuck if every buffer of some pool it waits for is held by a stuck borrower. We
start from the guess that all waiting tickets are stuck and strike those that are not, until
nothing changes: what remains waits for itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from framesrv.pool.report import name_of
from framesrv.pool.room import ROOM
from framesrv.pool.slot import Holder, Slot, TaskHolder
from framesrv.pool.ticket import Ticket

if TYPE_CHECKING:
    from framesrv.pool.base import Pool


def find_ring(ticket: Ticket) -> list[str]:
    """The ring that ``ticket`` is part of or waits for, a sentence a step; empty if none."""
    stuck = [other for other in ROOM.waiting.values() if other.lacking]
    while True:
        still = [other for other in stuck if _is_stuck(other, stuck)]
        if len(still) == len(stuck):
            break
        stuck = still
    return _describe(ticket, stuck) if ticket in stuck else []


def _is_stuck(ticket: Ticket, stuck: list[Ticket]) -> bool:
    return any(_holders_in(want.pool, stuck) is not None for want in ticket.lacking)


def _holders_in(pool: Pool[Any], stuck: list[Ticket]) -> list[Ticket] | None:
    """The stuck tickets that hold all of the pool's buffers; None if any could come free."""
    if pool.quarantined or pool.permits or not pool.slots:
        return None
    holders: list[Ticket] = []
    for slot in list(pool.slots):
        holder = _waiting_holder(slot, stuck)
        if holder is None:
            return None
        holders.append(holder)
    return holders


def _waiting_holder(slot: Slot, stuck: list[Ticket]) -> Ticket | None:
    for ticket in stuck:
        set_aside = any(want.grant is slot for want in ticket.wants)
        if set_aside or (slot.is_lent and _blocks(ticket.holder, slot.holder)):
            return ticket
    return None


def _blocks(waiting: Holder, holder: Holder) -> bool:
    """Whether ``holder`` cannot go on while ``waiting`` waits."""
    if waiting == holder:
        return True  # a thread that blocks also blocks the tasks of its event loop:
    return isinstance(holder, TaskHolder) and waiting == holder.thread


def _describe(ticket: Ticket, stuck: list[Ticket]) -> list[str]:
    steps: list[str] = []
    seen: list[Ticket] = []
    while ticket not in seen:
        seen.append(ticket)
        pool, holders = next(
            (want.pool, holders)
            for want in ticket.lacking
            if (holders := _holders_in(want.pool, stuck)) is not None
        )
        ticket_after = holders[0]
        steps.append(
            f"{name_of(ticket.holder)} waits for {pool.name!r}, "
            f"held by {name_of(ticket_after.holder)}"
        )
        ticket = ticket_after
    return steps
