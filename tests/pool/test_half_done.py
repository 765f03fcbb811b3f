"""What an interrupt can leave half done is completed, or ignored, by the next look."""

from __future__ import annotations

from typing import Any

from framesrv.pool import ArrayPool, DebugLevel
from framesrv.pool.holder import HERE
from framesrv.pool.line import abandon, give_back, join, look_again
from framesrv.pool.refusal import expire
from framesrv.pool.room import ROOM
from framesrv.pool.slot import Slot
from framesrv.pool.ticket import NOBODY, Nobody, State, Ticket, Waker, Want
from framesrv.testing.contract import check_identities
from tests.pool.helpers import at_every_level, lends_again, whole


def make(**options: Any) -> ArrayPool:
    return ArrayPool("p", shape=(4,), capacity=1, **options)


class Counting(Nobody):
    """Notes how often it was woken."""

    def __init__(self) -> None:
        self.woken = 0

    def wake(self) -> bool:
        self.woken += 1
        return super().wake()


def joined(pool: ArrayPool, waker: Waker = NOBODY) -> Ticket:
    ticket = Ticket([Want(pool)], HERE.thread, waker)
    ROOM.run(join, ticket)
    return ticket


def test_a_ticket_that_has_all_it_asked_for_is_ready() -> None:
    pool, waker = make(), Counting()
    ticket = joined(pool, waker)
    assert waker.woken == 1
    ticket.state = State.WAITING  # as if the last step of the grant had been cut off
    ROOM.run(look_again, ticket)
    assert ticket.state is State.READY
    ticket.state = State.WAITING
    ROOM.run(expire, ticket, 0.0)
    assert ticket.state is State.READY
    assert waker.woken == 3
    ROOM.run(look_again, ticket)
    ROOM.run(expire, ticket, 0.0)
    assert (ticket.state, ticket.refusal) == (State.READY, None)
    assert waker.woken == 3, "it is ready already"
    abandon(ticket)
    assert len(pool._idle) == 1, "given back at once, not found by the next look"
    assert pool.stats().waiting == 0


def test_an_abandoned_ticket_does_not_expire_but_leaves() -> None:
    pool = make()
    with pool.acquire():
        ticket = joined(pool)
        ticket.abandoned = True
        ROOM.run(expire, ticket, 0.0)
        assert (ticket.state, ticket.refusal) == (State.LEFT, None)
    assert pool.stats().timeouts == 0


def test_a_taken_ticket_that_is_still_listed_is_forgotten() -> None:
    pool = make()
    ticket = Ticket([Want(pool)], HERE.thread, NOBODY)
    ticket.state = State.TAKEN
    ROOM.waiting[ticket.number] = ticket
    pool.stats()
    assert ticket.number not in ROOM.waiting


def test_a_want_without_a_grant_gives_nothing_back() -> None:
    pool = make()
    ROOM.run(give_back, Want(pool))
    assert len(pool._idle) == 1


def test_a_slot_that_was_never_entered_is_ignored() -> None:
    pool = make()
    slot = Slot(pool, pool.kind.make(()))
    ROOM.run(pool.put_idle, slot)
    ROOM.run(pool.retire, slot, "closed")
    stats = pool.stats()
    assert (stats.idle, stats.discards, len(pool._idle)) == (1, 0, 1)
    check_identities(stats)


@at_every_level
def test_a_buffer_that_an_interrupt_left_nowhere_is_found(level: DebugLevel) -> None:
    """As between the two steps of a borrow: taken from its place, and not yet lent."""
    pool = make(debug=level)
    pool._idle.pop()
    stats = whole(pool)
    assert (stats.idle, stats.leaks, len(pool._idle)) == (1, 0, 1)
    lends_again(pool)


@at_every_level
def test_a_buffer_that_an_interrupt_left_half_in_quarantine_is_found(level: DebugLevel) -> None:
    """It is marked as parked, and was not yet entered in the list of those that are."""
    pool = make(debug=level)
    pool._idle.pop().parked = True
    lends_again(pool)
