"""The waiting room of every pool in the process, and the one lock that guards it.

Borrowing and returning do not come here while no one waits. What does come here: queueing,
handing over, allocating, discarding, looking into quarantine, and scrapes.

Two ways in. ``run`` takes the lock and may wait for it. ``ask`` never waits: it leaves a note
on which pool needs a look, and whoever holds the lock takes care of it before leaving. A
return uses ``ask``, since it may happen inside garbage collection, in the middle of a step
that already holds the lock.

Steps under the lock never call foreign code. News for observers is put into the outbox and
sent after the lock is free.
"""

from __future__ import annotations

import logging
from _thread import allocate_lock, get_ident
from collections import deque
from collections.abc import Callable
from typing import ParamSpec, Protocol, TypeVar

from framesrv.pool.errors import PoolError
from framesrv.pool.ticket import Ticket

_LOG = logging.getLogger("framesrv.pool")

P = ParamSpec("P")
T = TypeVar("T")


class Tended(Protocol):
    def tend(self) -> None:
        """Look after what was left to do; called under the lock."""


class Room:
    def __init__(self) -> None:
        self._lock = allocate_lock()
        self._inside = 0  # the thread that holds the lock
        self._notes: set[Tended] = set()
        self._outbox: deque[Callable[[], object]] = deque()
        self.waiting: dict[int, Ticket] = {}  # by number, so in order; ready ones included
        self.ready: dict[int, Ticket] = {}  # complete, but nobody came for them yet

    def run(self, step: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run one step under the lock; wait for the lock if need be."""
        if self._inside == get_ident():
            raise PoolError(
                "a pool was asked for a buffer or its numbers from within its own bookkeeping "
                "(a signal handler, or a __del__ that garbage collection ran): releasing a lease "
                "is fine there, nothing else is"
            )
        try:
            with self._lock:
                self._inside = get_ident()
                try:
                    return step(*args, **kwargs)
                finally:
                    try:
                        self._tend()
                    finally:
                        self._inside = 0
        finally:
            self._tidy()

    def ask(self, pool: Tended) -> None:
        """Have ``pool`` looked after soon: now if the lock is free, else by its holder."""
        self._notes.add(pool)
        self._tidy()

    def later(self, news: Callable[[], object]) -> None:
        """Send ``news`` when the lock is free. Also keeps big frees out of the lock."""
        self._outbox.append(news)

    def tell(self, news: Callable[[], object]) -> None:
        """Send ``news`` as soon as may be; never waits."""
        self._outbox.append(news)
        self._tidy()

    def _tidy(self) -> None:
        """Do what was noted while somebody else held the lock, then send the news."""
        while self._notes and self._lock.acquire(blocking=False):
            try:
                self._inside = get_ident()
                self._tend()
            finally:
                self._inside = 0
                self._lock.release()
        while self._outbox and self._inside != get_ident():
            try:
                news = self._outbox.popleft()
            except IndexError:  # another thread sent the last one
                return
            try:
                news()
            except Exception:  # an observer's fault is not the borrower's
                _LOG.exception("a pool observer raised; its news is lost, the pool is not harmed")

    def _tend(self) -> None:
        while self._notes:
            self._notes.pop().tend()

    def forget(self, ticket: Ticket) -> None:
        self.waiting.pop(ticket.number, None)
        self.ready.pop(ticket.number, None)

    def start_anew(self) -> list[Ticket]:
        """A lock that nobody holds, in a forked child; returns the tickets of the parent."""
        self._lock = allocate_lock()
        self._inside = 0
        return [*self.waiting.values()]


ROOM = Room()
