"""What an interrupt can leave half done is completed, or ignored, by the next look."""

from __future__ import annotations

import linecache
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import numpy as np
import pytest

from framesrv.pool import ArrayPool, DebugLevel, RecordPool
from framesrv.pool.debug.trace import Trace
from framesrv.pool.holder import HERE
from framesrv.pool.line import abandon, give_back, join, look_again
from framesrv.pool.refusal import expire
from framesrv.pool.room import ROOM, Room
from framesrv.pool.slot import Slot
from framesrv.pool.ticket import NOBODY, State, Ticket, Want
from framesrv.testing.contract import check_identities


def make() -> ArrayPool:
    return ArrayPool("p", shape=(4,), capacity=1)


def joined(pool: ArrayPool) -> Ticket:
    ticket = Ticket([Want(pool)], HERE.thread, NOBODY)
    ROOM.run(join, ticket)
    return ticket


def test_a_ticket_that_has_all_it_asked_for_is_ready() -> None:
    pool = make()
    ticket = joined(pool)
    ticket.state = State.WAITING  # as if the last step of the grant had been cut off
    ROOM.run(look_again, ticket)
    assert ticket.state is State.READY
    ticket.state = State.WAITING
    ROOM.run(expire, ticket, 0.0)
    assert ticket.state is State.READY
    ROOM.run(expire, ticket, 0.0)
    assert (ticket.state, ticket.refusal) == (State.READY, None)
    abandon(ticket)
    assert (pool.stats().waiting, len(pool._idle)) == (0, 1)


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


def test_a_lock_left_behind_is_released_by_the_next_use() -> None:
    pool = make()
    ROOM._lock.acquire()
    pool.stats()
    assert not ROOM._lock._is_owned()
    with ThreadPoolExecutor(1) as elsewhere:
        assert elsewhere.submit(pool.stats).result().idle == 1


class StruckLock:
    """A lock whose holder is interrupted as soon as it has it."""

    def __init__(self) -> None:
        self.real = cast(Any, threading.RLock())
        self._is_owned, self.release = self.real._is_owned, self.real.release

    def acquire(self, *, blocking: bool) -> bool:
        self.real.acquire(blocking=blocking)
        raise KeyboardInterrupt


def test_a_lock_is_released_if_an_interrupt_follows_at_once() -> None:
    room = Room()
    room._lock = StruckLock()
    with pytest.raises(KeyboardInterrupt):
        room.ask(make())
    assert not room._lock._is_owned()


@pytest.mark.parametrize("timeout_s", [None, "soon", 10**400])
def test_a_time_out_that_is_no_number_is_refused(timeout_s: Any) -> None:
    pool = make()
    with pool.acquire(), pytest.raises(ValueError, match="timeout_s"):
        pool.acquire(timeout_s=timeout_s)


def test_a_stack_is_told_even_if_its_source_cannot_be_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object) -> str:
        raise ModuleNotFoundError

    trace = Trace()
    monkeypatch.setattr(linecache, "getline", fail)
    assert trace.text().endswith("in test_a_stack_is_told_even_if_its_source_cannot_be_read")


class Valued:
    def __init__(self) -> None:
        self.values = np.zeros(3)

    def reset(self) -> None:
        self.values[:] = 0


def test_what_cannot_be_compared_is_not_accused() -> None:
    pool = RecordPool("p", Valued, capacity=1, debug=DebugLevel.POISON)
    pool._idle[0].item.values = np.ones(3)
    with pool.acquire() as lease:
        assert lease.record.values.shape == (3,)
