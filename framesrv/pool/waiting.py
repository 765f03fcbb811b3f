"""Standing in line: a thread that blocks, or a task that awaits. The line itself is the same.

Every 10 ms the waiter in front looks whether a quarantined buffer came free or a lease was
leaked: both happen without anybody telling the pool. Those behind sleep until they are woken.
"""

from __future__ import annotations

import asyncio
from _thread import allocate_lock
from collections.abc import Callable, Coroutine, Generator, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from framesrv.pool.holder import HERE, TaskHolder, current_task_holder
from framesrv.pool.kind import LeaseT
from framesrv.pool.leaseset import release_all
from framesrv.pool.line import abandon, join, look_again, surrender, take
from framesrv.pool.refusal import expire
from framesrv.pool.room import ROOM
from framesrv.pool.ticket import NOBODY, State, Ticket, Want

if TYPE_CHECKING:
    from framesrv.pool.base import Pool
    from framesrv.pool.lease import Lease

TIMEOUT_S: Final = 0.1
TICK_S: Final = 0.010
NAP_S: Final = 3600.0  # behind others, one is woken; the operating system wants some number


def wait_for(wants: Sequence[Want], timeout_s: float) -> list[Any]:
    """Leases for all the wants, or an error and none of them. Blocks the thread."""
    waker = ThreadWaker()
    wait = _Wait(Ticket(wants, HERE.thread, waker), timeout_s)
    try:
        ROOM.run(join, wait.ticket)
        while (nap_s := wait.nap_s()) > 0:
            wait.clock.wait(waker.lock, nap_s)
            ROOM.run(look_again, wait.ticket)
        return wait.collect()
    except BaseException:
        abandon(wait.ticket)
        raise


def take_at_once(wants: Sequence[Want]) -> list[Any] | None:
    """Leases for all the wants if nobody has to wait for any, without the lock; else None.

    It overtakes nobody: a pool that somebody waits for lends nothing this way.
    """
    leases: list[Any] = []
    try:
        for want in wants:
            lease = want.pool.take(want.shape)
            if lease is None:
                break
            leases.append(lease)
        else:
            return leases
    except BaseException:
        release_all(leases, [])
        raise
    release_all(leases, [])
    return None


def try_now(want: Want) -> Any:
    """A lease if it can be had without waiting, else None."""
    wait = _Wait(Ticket([want], HERE.thread, NOBODY), 0.0)
    try:
        ROOM.run(join, wait.ticket)
        if wait.ticket.state is State.WAITING:
            return None
        return wait.collect()[0]
    finally:
        abandon(wait.ticket)


async def wait_for_async(wants: Sequence[Want], timeout_s: float) -> list[Any]:
    """As ``wait_for``, awaiting. Cancelled at any await, it leaves nothing behind."""
    waker = TaskWaker()
    holder = current_task_holder()
    wait = _Wait(Ticket(wants, holder, waker), timeout_s)
    try:
        ROOM.run(join, wait.ticket)
        while (nap_s := wait.nap_s()) > 0:
            await waker.nap(nap_s)
            ROOM.run(look_again, wait.ticket)
        return own(wait.collect(), holder)
    except BaseException:
        abandon(wait.ticket)
        raise


class _Wait:
    """One stay in the line: how long to nap, and what comes of it."""

    __slots__ = ("clock", "must_wait", "started", "ticket")

    def __init__(self, ticket: Ticket, timeout_s: float) -> None:
        self.ticket = ticket
        self.clock = ticket.wants[0].pool.clock
        self.started = self.clock.now()
        self.must_wait = False
        ticket.deadline = self.started + checked_timeout(timeout_s)

    def nap_s(self) -> float:
        """How long until the next look; 0 when the wait is over, for good or ill."""
        while self.ticket.state is State.WAITING:
            now = self.clock.now()
            if now < self.ticket.deadline:
                self.must_wait = True
                return min(self.ticket.deadline - now, TICK_S if self.ticket.leads else NAP_S)
            ROOM.run(expire, self.ticket, now - self.started)
        return 0.0

    def collect(self) -> list[Any]:
        ROOM.run(take, self.ticket)
        refusal, self.ticket.refusal = self.ticket.refusal, None
        if refusal is not None:
            try:
                raise refusal
            finally:
                del refusal  # else the error would hold this frame, and this frame the error
        leases = _lend_all(self.ticket)
        if self.must_wait:
            for want in self.ticket.wants:
                _tell_waited(want.pool, self.clock.now() - self.started)
        return leases


def _lend_all(ticket: Ticket) -> list[Any]:
    leases: list[Lease] = []
    try:
        for want in ticket.wants:
            leases.append(want.pool.fulfil(want))  # noqa: PERF401 - what was lent so far counts
    except BaseException:
        release_all(leases, [])  # what they complain of matters less than what went wrong here
        ROOM.run(surrender, ticket)
        raise
    return leases


def _tell_waited(pool: Pool[Any], waited_s: float) -> None:
    ROOM.tell(lambda: pool.observer.waited(pool.name, waited_s))


def checked_timeout(timeout_s: float) -> float:
    try:
        seconds = float(timeout_s)
    except (TypeError, ValueError, OverflowError):
        seconds = -1.0
    if not seconds >= 0:  # written so that NaN fails too
        raise ValueError(f"timeout_s must be 0 or more seconds, not {timeout_s!r:.40}")
    return seconds


def own(leases: list[Any], holder: TaskHolder) -> list[Any]:
    """Note that a task, not just a thread, borrowed these."""
    for lease in leases:
        lease._slot.holder = holder
    return leases


class ThreadWaker:
    __slots__ = ("lock",)

    def __init__(self) -> None:
        self.lock = allocate_lock()
        self.lock.acquire()

    def wake(self) -> bool:
        if self.lock.locked():
            self.lock.release()
        return True

    def alive(self) -> bool:
        return True


class TaskWaker:
    __slots__ = ("_future", "_loop")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._future: asyncio.Future[None] | None = None

    def wake(self) -> bool:
        try:
            self._loop.call_soon_threadsafe(self._poke)
        except RuntimeError:  # the loop is closed
            return False
        return True

    def alive(self) -> bool:
        return not self._loop.is_closed()

    async def nap(self, nap_s: float) -> None:
        """Sleep until woken or ``nap_s`` is over."""
        self._future = self._loop.create_future()
        timer = self._loop.call_later(nap_s, self._poke)
        try:
            await self._future
        finally:
            timer.cancel()

    def _poke(self) -> None:
        if self._future is not None and not self._future.done():
            self._future.set_result(None)


async def acquire_one_async(pool: Pool[LeaseT], shape: tuple[int, ...], timeout_s: float) -> LeaseT:
    holder = current_task_holder()
    lease = pool.take(shape)
    if lease is not None:
        own([lease], holder)
        return lease
    leases: list[LeaseT] = await wait_for_async([Want(pool, shape)], timeout_s)
    return leases[0]


HeldT = TypeVar("HeldT", bound=AbstractContextManager[Any])


class AsyncAcquire(Generic[HeldT]):
    """What the ``acquire…_async`` methods return: ``await`` it, or use it in ``async with``.

    Nothing is asked of the pool before that.
    """

    __slots__ = ("_acquire", "_held")

    def __init__(self, acquire: Callable[[], Coroutine[Any, Any, HeldT]]) -> None:
        self._acquire = acquire

    def __await__(self) -> Generator[Any, None, HeldT]:
        return self._acquire().__await__()

    async def __aenter__(self) -> HeldT:
        self._held = await self._acquire()
        return self._held

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._held.__exit__(kind, error, at)
