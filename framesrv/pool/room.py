"""The waiting room of every pool in the process, and the one lock that guards it.

Borrowing and returning do not come here while no one waits. What does come here: queueing,
handing over, allocating, discarding, looking into quarantine, and scrapes.

Two ways in. ``run`` takes the lock and may wait for it. ``ask`` never waits: it leaves a note
on what needs a look, and whoever holds the lock takes care of it before leaving. A return uses
``ask``, since it may happen inside garbage collection, in the middle of a step that already
holds the lock.

Steps under the lock never call foreign code. News for observers is put into the outbox and
sent after the lock is free; never from a finalizer, which may have interrupted anything.

An interrupt (a signal handler that raises) can strike wherever Python looks for signals: after
calls, at the start of functions and at backward jumps. A lock that it leaves behind is known by
its owner not being inside a step, and released; what a step leaves half done is completed by
the next look.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypeVar
from weakref import WeakSet

from framesrv.pool.errors import PoolError
from framesrv.pool.ticket import Ticket

if TYPE_CHECKING:
    from framesrv.pool.line import Line

_LOG = logging.getLogger("framesrv.pool")

P = ParamSpec("P")
T = TypeVar("T")


class Tended(Protocol):
    def tend(self) -> None:
        """Look after what was left to do; called under the lock."""


class _Mine(threading.local):
    inside = False  # whether this thread is in the middle of a step
    forked_inside = False  # and whether it was when it began to fork


class Room:
    def __init__(self) -> None:
        self._lock: Any = threading.RLock()  # for its owner; nobody enters it twice
        self._mine = _Mine()
        self._notes: set[Tended] = set()
        self._outbox: deque[Callable[[], object]] = deque()
        self.lines: WeakSet[Line] = WeakSet()
        self.waiting: dict[int, Ticket] = {}  # by number, so in order; ready ones included
        self.ready: dict[int, Ticket] = {}  # complete, but nobody came for them yet

    def run(self, step: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run one step under the lock; wait for the lock if need be."""
        if self._is_inside():
            raise PoolError(
                "a pool was asked for a buffer or its numbers from within its own bookkeeping "
                "(a signal handler, or a __del__ that garbage collection ran): releasing a lease "
                "is fine there, nothing else is"
            )
        try:
            with self._lock:
                self._mine.inside = True
                try:
                    return step(*args, **kwargs)
                finally:
                    try:
                        self._tend()
                    finally:
                        self._mine.inside = False
        finally:
            self._tidy()
            self._send()

    def _is_inside(self) -> bool:
        """Whether this thread is in the middle of a step."""
        # Looked at first: in a new thread it is made now, which may run the garbage collector.
        # Under the lock, a finalizer's release would then take that for one left behind.
        inside = self._mine.inside
        if not self._lock._is_owned():
            return False
        if inside:
            return True
        self._lock.release()  # two interrupts struck between a step and its release
        return False

    def ask(self, what: Tended) -> None:
        """Have ``what`` looked after soon: now if the lock is free, else by its holder."""
        self._notes.add(what)
        self._tidy()
        self._send()

    def ask_quietly(self, what: Tended) -> None:
        """The same from a finalizer: the news that arises is sent by whoever comes next."""
        self._notes.add(what)
        self._tidy()

    def later(self, news: Callable[[], object]) -> None:
        """Send ``news`` when the lock is free. Also keeps slow and foreign work out of it."""
        self._outbox.append(news)

    def tell(self, news: Callable[[], object]) -> None:
        """Send ``news`` as soon as may be; never waits."""
        self._outbox.append(news)
        self._tidy()
        self._send()

    def _tidy(self) -> None:
        """Do what was noted while somebody else held the lock.

        Written so that an interrupt after any call leaves no lock behind: the first lock is
        handed over to the ``with``, whose end cannot be interrupted.
        """
        while self._notes and not self._is_inside():
            self._mine.inside = True
            try:
                if not self._lock.acquire(blocking=False):
                    return
                with self._lock:
                    self._lock.release()
                    self._mine.inside = True
                    self._tend()
            finally:
                self._mine.inside = False
                if self._lock._is_owned():
                    self._lock.release()

    def _tend(self) -> None:
        while self._notes:
            self._notes.pop().tend()

    def _send(self) -> None:
        while self._outbox and not self._is_inside():
            try:
                news = self._outbox.popleft()
            except IndexError:  # another thread sent the last one
                return
            try:
                news()
            except Exception:  # an observer's fault is not the borrower's
                _LOG.exception("a pool observer raised; its news is lost, the pool is not harmed")

    def forget(self, ticket: Ticket) -> None:
        self.ready.pop(ticket.number, None)
        self.waiting.pop(ticket.number, None)

    # -- fork: nobody may be in the middle of a step ---------------------------------------------

    def hold(self) -> None:
        """Before a fork. It counts as a step: a release on this thread, by garbage collection
        or by somebody else's fork hook, must not take the lock for one left behind.
        """
        self._mine.forked_inside = self._mine.inside
        self._mine.inside = True
        self._lock.acquire()

    def let_go(self) -> None:
        """In the parent: what was noted meanwhile is looked after now."""
        with suppress(RuntimeError):  # not held: an interrupt struck in ``hold``
            self._lock.release()
        self._mine.inside = self._mine.forked_inside
        self._tidy()

    def start_anew(self) -> None:
        """In the child: a lock that nobody holds, and no news of the parent's."""
        self._outbox.clear()
        self._lock = threading.RLock()
        self._mine.inside = False
        self._tidy()


ROOM = Room()
