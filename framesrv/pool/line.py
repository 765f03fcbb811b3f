"""The queue before a pool, or before several that draw on the same bytes.

Strictly first come, first served: the one in front blocks those behind, even if they could be
served, so nobody starves. Every function here runs under the room's lock.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from framesrv.pool.errors import PoolClosed
from framesrv.pool.room import ROOM
from framesrv.pool.slot import Slot
from framesrv.pool.ticket import Permit, State, Ticket, Want

if TYPE_CHECKING:
    from framesrv.pool.base import Pool


class Line:
    def __init__(self) -> None:
        # Truthy while a newcomer must not help himself: somebody waits, or the pool is closed.
        self.queue: deque[Want | None] = deque()
        self.pools: list[Pool[Any]] = []

    @property
    def closed(self) -> bool:
        return bool(self.queue) and self.queue[-1] is None

    def serve(self) -> None:
        """Grant as much as there is, in order."""
        while self.queue and (want := self.queue[0]) is not None:
            grant = want.pool.find(want)
            if grant is None:
                break
            want.grant = grant
            self.queue.popleft()
            if not want.ticket.lacking:
                _make_ready(want.ticket)
        if not self.queue:
            self._alert_pools(on=False)

    def enter(self, want: Want) -> None:
        """Queue, and *then* ask to be told: the caller looks for buffers only after both.

        A return that finds no alert has put its buffer down before the caller looks.
        """
        self.queue.append(want)
        self._alert_pools(on=True)

    def _alert_pools(self, *, on: bool) -> None:
        for pool in self.pools:
            pool.alert("waiting", on=on)

    def close(self) -> list[Want]:
        """Let nobody in any more; returns those who were in the queue, to be refused."""
        refused = [want for want in self.queue if want is not None]
        self.queue.clear()
        self.queue.append(None)
        for pool in self.pools:
            pool.alert("closed", on=True)
        return refused


def close_together(lines: Iterable[Line]) -> None:
    """Close all, and only then refuse: what the refused give back must not be lent again."""
    refused = [want for line in lines if not line.closed for want in line.close()]
    for want in refused:
        refuse(want.ticket, PoolClosed(f"pool {want.pool.name!r} was closed while you waited"))


def join(ticket: Ticket) -> None:
    """Enter all the queues of the ticket in one step, and take what is there."""
    for want in ticket.wants:
        if want.pool.line.closed:
            ticket.state = State.LEFT
            ticket.refusal = PoolClosed(
                f"pool {want.pool.name!r} is closed and lends nothing any more"
            )
            return
    ROOM.waiting[ticket.number] = ticket
    for want in ticket.wants:
        want.pool.line.enter(want)
    _serve_all(ticket.wants)
    look_again(ticket)


def leave(ticket: Ticket) -> None:
    """Step out of every queue; what was set aside goes to whoever is next."""
    if ticket.state in (State.LEFT, State.TAKEN):
        return
    ticket.state = State.LEFT
    ROOM.forget(ticket)
    for want in ticket.wants:
        if want.grant is None:
            with suppress(ValueError):  # an interrupt may strike between queue and grant
                want.pool.line.queue.remove(want)
        else:
            give_back(want)
    _serve_all(ticket.wants)


def look_again(ticket: Ticket) -> None:
    """Look for buffers that came free without anybody telling the pool."""
    if ticket.state is State.WAITING:
        for pool in {want.pool for want in ticket.lacking}:
            pool.sweep()
        for ready in list(ROOM.ready.values()):
            if not ready.waker.alive():  # its loop was closed before it came for its buffers
                leave(ready)
        _serve_all(ticket.wants)


def refuse(ticket: Ticket, why: Exception) -> None:
    if ticket.state is State.WAITING:
        ticket.refusal = why
        leave(ticket)
        ticket.waker.wake()


def give_back(want: Want) -> None:
    grant, want.grant = want.grant, None
    if isinstance(grant, Slot):
        want.pool.put_idle(grant, came_home=False)
    elif isinstance(grant, Permit):
        want.pool.cancel_permit(grant)


def take(ticket: Ticket) -> None:
    """The ticket's owner is here: from now on the grants are his to look after.

    Needs no lock: nobody but the owner changes a ticket that is ready.
    """
    ticket.state = State.TAKEN
    ROOM.forget(ticket)


def surrender(ticket: Ticket) -> None:
    """A taken ticket could not be turned into leases: what is left of it goes back."""
    for want in ticket.wants:
        give_back(want)
    _serve_all(ticket.wants)


def _make_ready(ticket: Ticket) -> None:
    ticket.state = State.READY
    ROOM.ready[ticket.number] = ticket
    if not ticket.waker.wake():  # its event loop is closed: nobody will come for it
        ticket.refusal = PoolClosed("the waiter's event loop was closed")
        leave(ticket)


def forget_the_parent() -> None:
    """In a forked child: nobody else is here, so nobody holds the lock or waits."""
    orphans = ROOM.start_anew()
    for ticket in orphans:
        ticket.refusal = PoolClosed("the process forked while this task waited")
        leave(ticket)


os.register_at_fork(after_in_child=forget_the_parent)


def _serve_all(wants: Iterable[Want]) -> None:
    for line in {want.pool.line for want in wants}:
        line.serve()
