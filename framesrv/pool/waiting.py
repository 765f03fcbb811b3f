"""Standing in line: a thread that blocks, or a task that awaits. The line itself is the same.

Every 10 ms a waiter looks whether a quarantined buffer came free or a lease was leaked: both
happen without anybody telling the pool.
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
from framesrv.pool.line import join, leave, look_again, surrender, take
from framesrv.pool.refusal import expire
from framesrv.pool.room import ROOM
from framesrv.pool.ticket import NOBODY, State, Ticket, Want

if TYPE_CHECKING:
    from framesrv.pool.base import Pool
    from framesrv.pool.lease import Lease

TIMEOUT_S: Final = 0.1
TICK_S: Final = 0.010


def wait_for(wants: Sequence[Want], timeout_s: float) -> list[Any]:
    """Leases for all the wants, or an error and none of them. Blocks the thread."""
    check_timeout(timeout_s)
    clock = wants[0].pool.clock
    waker = ThreadWaker()
    ticket = Ticket(wants, HERE.thread, waker)
    started = clock.now()
    deadline = started + timeout_s
    try:
        ROOM.run(join, ticket)
        must_wait = ticket.state is State.WAITING
        while ticket.state is State.WAITING:
            now = clock.now()
            if now < deadline:
                clock.wait(waker.lock, min(deadline - now, TICK_S))
                ROOM.run(look_again, ticket)
            else:
                ROOM.run(expire, ticket, now - started)
        return _collect(ticket, clock.now() - started if must_wait else None)
    except BaseException:
        ROOM.run(leave, ticket)
        raise


def try_now(want: Want) -> Any:
    """A lease if it can be had without waiting, else None."""
    ticket = Ticket([want], HERE.thread, NOBODY)
    try:
        ROOM.run(join, ticket)
        if ticket.state is State.WAITING:
            return None
        return _collect(ticket, None)[0]
    finally:
        ROOM.run(leave, ticket)


async def wait_for_async(wants: Sequence[Want], timeout_s: float) -> list[Any]:
    """As ``wait_for``, awaiting. Cancelled at any await, it leaves nothing behind."""
    check_timeout(timeout_s)
    clock = wants[0].pool.clock
    waker = TaskWaker()
    holder = current_task_holder()
    ticket = Ticket(wants, holder, waker)
    started = clock.now()
    deadline = started + timeout_s
    try:
        ROOM.run(join, ticket)
        must_wait = ticket.state is State.WAITING
        while ticket.state is State.WAITING:
            now = clock.now()
            if now < deadline:
                await waker.nap(min(deadline - now, TICK_S))
                ROOM.run(look_again, ticket)
            else:
                ROOM.run(expire, ticket, now - started)
        leases = _collect(ticket, clock.now() - started if must_wait else None)
    except BaseException:
        ROOM.run(leave, ticket)
        raise
    return own(leases, holder)


def _collect(ticket: Ticket, waited_s: float | None) -> list[Any]:
    if ticket.refusal is not None:
        raise ticket.refusal
    take(ticket)
    leases: list[Lease] = []
    try:
        for want in ticket.wants:
            leases.append(want.pool.fulfil(want))  # noqa: PERF401 - what was lent so far counts
    except BaseException:
        release_all(leases)  # what they complain of matters less than what went wrong here
        ROOM.run(surrender, ticket)
        raise
    if waited_s is not None:
        for want in ticket.wants:
            pool = want.pool
            ROOM.tell(lambda pool=pool: pool.observer.waited(pool.name, waited_s))  # type: ignore[misc]
    return leases


def check_timeout(timeout_s: float) -> None:
    if not timeout_s >= 0:  # written so that NaN fails too
        raise ValueError(f"timeout_s must be 0 or more seconds, not {timeout_s!r}")


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
