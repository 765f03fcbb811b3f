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
    view = _View()
    if not view.waiting_holders:
        return []  # nobody who waits holds anything: the usual case under load
    stuck = view.waiting_holders | {ticket}
    while True:
        still = {other for other in stuck if view.blocker(other, stuck)}
        if still == stuck:
            break
        stuck = still
    return _describe(view, ticket, stuck) if ticket in stuck else []


class _View:
    """Who of those who wait holds what, read once."""

    def __init__(self) -> None:
        self._held: dict[Line, list[tuple[Ticket, int]]] = {}
        tickets = [ticket for ticket in ROOM.waiting.values() if ticket.lacking]
        by_holder = {ticket.holder: ticket for ticket in tickets}
        set_aside = {
            want.grant: ticket for ticket in tickets for want in ticket.wants if want.grant
        }
        for line in {want.pool.line: None for ticket in tickets for want in ticket.wants}:
            self._held[line] = [
                (holder, pool.units_of(item))
                for pool in line.pools
                for item in _things(pool)
                if (holder := set_aside.get(item) or _who(item, by_holder)) is not None
            ]
        self.waiting_holders = {ticket for held in self._held.values() for ticket, _ in held}

    def blocker(self, ticket: Ticket, stuck: set[Ticket]) -> tuple[str, Ticket] | None:
        """A pool that can never give what the ticket lacks, and one of those who see to that."""
        for line in {want.pool.line: None for want in ticket.lacking}:
            lacking = [want for want in ticket.lacking if want.pool.line is line]
            needed = sum(want.pool.units_wanted(want) for want in lacking)
            held = [(holder, units) for holder, units in self._held[line] if holder in stuck]
            pool = lacking[0].pool
            if held and pool.units_in_all() - sum(units for _, units in held) < needed:
                return pool.name, held[0][0]
        return None


def _things(pool: Pool[Any]) -> list[Slot | Permit]:
    return [*pool.permits, *(slot for slot in pool.slots if not slot.parked)]


def _who(item: Slot | Permit, by_holder: dict[Holder, Ticket]) -> Ticket | None:
    """The ticket of the borrower, if he waits: while a thread does, so do its loop's tasks."""
    if not isinstance(item, Slot) or not item.is_lent:
        return None
    holder = item.holder
    ticket = by_holder.get(holder)
    return (
        by_holder.get(holder.thread)
        if ticket is None and isinstance(holder, TaskHolder)
        else ticket
    )


def _describe(view: _View, ticket: Ticket, stuck: set[Ticket]) -> list[str]:
    steps: list[str] = []
    seen: list[Ticket] = []
    while ticket not in seen and (blocked := view.blocker(ticket, stuck)) is not None:
        seen.append(ticket)
        pool, holder = blocked
        steps.append(f"{ticket.holder} waits for {pool!r}, held by {holder.holder}")
        ticket = holder
    return steps
