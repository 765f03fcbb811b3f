"""The queue before a pool, or before several that draw on the same bytes.

Strictly first come, first served: the one in front blocks those behind, even if they could be
served, so nobody starves. Every function here runs under the room's lock, but ``abandon``.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from framesrv.pool.errors import PoolClosed, PoolExhausted
from framesrv.pool.room import ROOM
from framesrv.pool.slot import Slot
from framesrv.pool.ticket import Permit, State, Ticket, Want

if TYPE_CHECKING:
    from framesrv.pool.base import Pool

STALLED_S: Final = 1.0


class Line:
    def __init__(self) -> None:
        # Truthy while a newcomer must not help himself: somebody waits, or the pool is closed.
        self.queue: deque[Want | None] = deque()
        self.pools: list[Pool[Any]] = []
        ROOM.lines.add(self)

    @property
    def closed(self) -> bool:
        return bool(self.queue) and self.queue[-1] is None

    def enter(self, want: Want) -> None:
        """Queue, and *then* ask to be told: the caller looks for buffers only after both.

        A return that finds no alert has put its buffer down before the caller looks.
        """
        self.queue.append(want)
        self._alert_pools(on=True)

    def serve(self) -> None:
        """Grant as much as there is, in order."""
        while self.queue and (want := self.queue[0]) is not None:
            if want.ticket.state is not State.WAITING or want.ticket.abandoned:
                self.queue.popleft()  # an interrupt kept it from stepping out
                continue
            grant = want.pool.find(want)
            if grant is None:
                self._lead(want.ticket)
                break
            want.grant = grant
            self.queue.popleft()
            if not want.ticket.lacking:
                _make_ready(want.ticket)
        if not self.queue:
            self._alert_pools(on=False)

    def _lead(self, ticket: Ticket) -> None:
        """Who is in front looks for lost buffers, on behalf of all behind him."""
        if not ticket.leads:
            ticket.leads = True
            ticket.waker.wake()

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
    closing = [line for line in lines if not line.closed]
    refused = [want for line in closing for want in line.close()]
    ready = [want for each in ROOM.ready.values() for want in each.wants]
    refused += [want for want in ready if want.pool.line in closing]
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
    if ticket.state is State.WAITING and ticket.leads:
        look_again(ticket)


def look_again(ticket: Ticket) -> None:
    """Look for what came free without anybody telling the pool."""
    if ticket.state is not State.WAITING:
        return
    if not ticket.lacking:  # an interrupt struck between the last grant and this:
        _make_ready(ticket)
        return
    if ticket.leads:
        for pool in {want.pool: None for want in ticket.lacking}:
            pool.sweep()
        drop_ghosts(ticket.wants[0].pool.clock.now())
        _serve_all(ticket.wants)


def drop_ghosts(now: float) -> None:
    """Step out for those who never will: gone, loop closed, or standing still with a grant."""
    for ticket in list(ROOM.waiting.values()):
        if ticket.state in (State.TAKEN, State.LEFT):
            ROOM.forget(ticket)
        elif ticket.abandoned or not ticket.waker.alive():
            leave(ticket)
        elif ticket.state is State.READY and now - ticket.deadline > STALLED_S:
            refuse(ticket, PoolExhausted("a buffer came, but the event loop stood still too long"))


def abandon(ticket: Ticket) -> None:
    """The owner goes, whatever he had. May run inside a finalizer: never waits, never fails."""
    ticket.abandoned = True
    ROOM.ask_quietly(_Leaver(ticket))


class _Leaver:
    def __init__(self, ticket: Ticket) -> None:
        self._ticket = ticket

    def tend(self) -> None:
        leave(self._ticket)


def leave(ticket: Ticket) -> None:
    """Step out of every queue; what was set aside goes to whoever is next.

    Every step may be repeated, so that an interrupted leave is completed by the next one.
    """
    ROOM.forget(ticket)
    if ticket.state is State.TAKEN:
        surrender(ticket)
        return
    for want in ticket.wants:
        if want.grant is None:
            with suppress(ValueError):
                want.pool.line.queue.remove(want)
        else:
            give_back(want)
    ticket.state = State.LEFT
    _serve_all(ticket.wants)


def refuse(ticket: Ticket, why: Exception) -> None:
    if ticket.state in (State.WAITING, State.READY):
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
    """The ticket's owner is here: from now on the grants are his to look after."""
    if ticket.state is State.READY:
        ticket.state = State.TAKEN
        ROOM.forget(ticket)


def surrender(ticket: Ticket) -> None:
    """A taken ticket could not be turned into leases: what is left of it goes back."""
    left = [want for want in ticket.wants if want.grant is not None]
    for want in left:
        give_back(want)
    _serve_all(left)


def _make_ready(ticket: Ticket) -> None:
    ticket.state = State.READY
    ROOM.ready[ticket.number] = ticket
    if not ticket.waker.wake():  # its event loop is closed: nobody will come for it
        ticket.refusal = PoolClosed("the waiter's event loop was closed")
        leave(ticket)


def _serve_all(wants: Iterable[Want]) -> None:
    for line in {want.pool.line: None for want in wants}:
        line.serve()


def forget_the_parent() -> None:
    """In a forked child: nobody else is here, so nobody waits or allocates."""
    try:
        for ticket in list(ROOM.waiting.values()):
            ticket.refusal = PoolClosed("the process forked while this task waited")
            leave(ticket)
        for line in list(ROOM.lines):
            for pool in line.pools:
                pool.permits.clear()
    finally:
        ROOM.start_anew()


os.register_at_fork(before=ROOM.hold, after_in_parent=ROOM.let_go, after_in_child=forget_the_parent)
