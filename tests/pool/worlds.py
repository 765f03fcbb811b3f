"""Scenarios to be interrupted: what is there before, what happens, and what must hold after it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from framesrv.pool import (
    ArrayPool,
    BytesIOPool,
    DebugLevel,
    PoolError,
    PoolExhausted,
    PoolManager,
    RecordPool,
    SizeClasses,
)
from framesrv.pool.ladder import SizePool
from framesrv.testing.clocks import FakeClock, VirtualLoop
from tests.pool.helpers import Note, check_home, whole


class World:
    """A scenario: what is there before it, what happens, and what must hold after it."""

    pools: list[Any]

    def act(self) -> None:
        raise NotImplementedError

    def finish(self) -> None:
        """Let go of what the scenario's set-up holds."""

    def check(self) -> None:
        for pool in self.pools:
            pool.stats()  # a look
        for pool in self.pools:
            check_untouched(pool)


def check_untouched(pool: Any) -> None:
    """All that exists is idle, every book agrees, and all of it can be borrowed at once."""
    stats = whole(pool)
    assert (stats.leased, stats.quarantined, stats.waiting) == (0, 0, 0)
    assert stats.idle == stats.existing
    assert not pool.line.queue
    assert pool.alerts <= {"one way"}
    numbers = (stats.gets, stats.misses, stats.returns, stats.warmed, stats.trimmed, stats.timeouts)
    assert min(numbers) >= 0
    assert len(pool.permits) == 0
    if isinstance(pool, SizePool):
        idle = [slot for shelf in getattr(pool, "_idle", []) for slot in shelf]
        assert pool.budget.reserved_bytes == sum(
            each.kind.nbytes(slot) for each in pool.budget.elastic for slot in each.slots
        )
    else:
        idle = list(pool._idle)
        check_home(pool)
    assert len(idle) == len(set(idle))
    assert pool.slots.issuperset(idle)
    whole(pool)


class Arrays(World):
    """Borrow, time out, park, release, leak and miss."""

    def __init__(self, debug: str) -> None:
        self.pool = ArrayPool("p", shape=(8,), capacity=2, warm=1, debug=debug, clock=FakeClock())
        self.pools = [self.pool]

    def act(self) -> None:
        pool = self.pool
        first, second = pool.acquire(), pool.acquire()
        with suppress(PoolExhausted):
            pool.acquire(timeout_s=0.02)
        kept = first.array
        first.release()
        del kept
        second.release()
        dropped = pool.acquire()
        del dropped
        pool.stats()
        part = pool.acquire(timeout_s=0.0)
        piece = part.array[1:]
        with suppress(PoolError):
            part.release()
        pool.stats()
        del piece
        pool.stats()
        pool.trim()
        pool.watch(60.0)
        with pool.acquire():
            pass


class Texts(World):
    """A discard, and objects that are kept or leaked."""

    def __init__(self) -> None:
        self.pool = BytesIOPool(
            "b", initial_bytes=64, max_bytes=128, capacity=2, warm=1, debug=DebugLevel.SAMPLE,
            clock=FakeClock(),
        )  # fmt: skip
        self.pools = [self.pool]

    def act(self) -> None:
        pool = self.pool
        first, second = pool.acquire(), pool.acquire()
        kept = first.buffer
        first.release()
        pool.stats()
        del kept
        pool.stats()
        second.buffer.write(bytes(500))
        second.release()
        lease: Any = pool.acquire()
        kept = lease.buffer
        del lease
        pool.stats()
        del kept
        pool.stats()
        with pool.acquire():
            pass


class Records(World):
    """Records are reset by foreign code, outside the lock."""

    def __init__(self) -> None:
        self.pool = RecordPool("r", Note, capacity=2, debug=DebugLevel.OFF, clock=FakeClock())
        self.pools = [self.pool]

    def act(self) -> None:
        pool = self.pool
        lease = pool.acquire()
        kept = lease.record
        lease.release()
        del kept
        pool.stats()
        dropped = pool.acquire()
        del dropped
        pool.stats()
        pool.acquire().release()


class Manager(World):
    """Sets, misses, the size ladder, what is past its end, trimming."""

    def __init__(self) -> None:
        self.manager = PoolManager(
            1 << 18, classes=SizeClasses(4096, 1 << 15), debug=DebugLevel.OFF, clock=FakeClock()
        )
        self.manager.register(
            ArrayPool("p", shape=(8,), capacity=1, warm=0, debug=DebugLevel.OFF, clock=FakeClock())
        )
        self.pools = self.manager.pools

    def act(self) -> None:
        manager = self.manager
        with (
            manager.acquire_all({"a": (5000,), "b": "p", "c": (100_000,)}),
            suppress(PoolExhausted),
        ):
            manager.acquire_all({"a": (5000,), "b": "p"}, timeout_s=0.0)
        lease = manager.acquire((5000,))
        kept = lease.array
        lease.release()
        del kept
        manager.acquire((200_000,)).release()  # the ladder's idle buffers make room
        manager.acquire((5000,)).release()
        manager.trim()


class TimeComes(World):
    """The buffer comes while one waits for it."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.pool = ArrayPool("p", shape=(8,), capacity=1, debug=DebugLevel.OFF, clock=self.clock)
        self.pools = [self.pool]
        self.held = [self.pool.acquire()]

    def act(self) -> None:
        self.clock.after(0.015, lambda: self.held.pop().release())
        self.pool.acquire(timeout_s=1.0).release()

    def finish(self) -> None:
        self.held.clear()


class SomebodyWaits(World):
    """A task is in line when ``act`` happens, and must be served when all is let go."""

    def __init__(self) -> None:
        self.loop = VirtualLoop()
        clock = self.loop.clock
        self.manager = PoolManager(1 << 24, clock=clock, debug=DebugLevel.OFF)
        self.pools = [
            ArrayPool(name, shape=(8,), capacity=1, debug=DebugLevel.OFF, clock=clock)
            for name in ("a", "b")
        ]
        self.manager.register(*self.pools)
        self.held = [pool.acquire() for pool in self.pools]
        self.task = self.loop.create_task(self.wait())
        self.loop.run_until_complete(asyncio.sleep(0))

    async def wait(self) -> bool:
        async with self.manager.acquire_all_async(["a", "b"], timeout_s=0.5) as leases:
            return len(leases) == 2

    def finish(self) -> None:
        self.held.clear()

    def check(self) -> None:
        try:
            assert self.loop.run_until_complete(self.task)
        finally:
            self.loop.close()
        super().check()


class Returned(SomebodyWaits):
    def act(self) -> None:
        self.held.pop().release()
        self.held.pop().release()


class Kept(SomebodyWaits):
    def act(self) -> None:
        kept = self.held[0].array
        self.held.pop(0).release()
        del kept


class Dropped(SomebodyWaits):
    def act(self) -> None:
        self.held.clear()
        self.pools[0].stats()


class OthersTimeOut(SomebodyWaits):
    def act(self) -> None:
        with suppress(PoolExhausted):
            self.manager.acquire_all(["a", "b"], timeout_s=0.0)
        with suppress(PoolExhausted):
            self.pools[0].acquire(timeout_s=0.0)
        self.held.pop().release()


SCENARIOS: dict[str, Callable[[], World]] = {
    "arrays off": lambda: Arrays("off"),
    "arrays poison": lambda: Arrays("poison"),
    "texts": Texts,
    "records": Records,
    "manager": Manager,
    "time comes": TimeComes,
    "returned": Returned,
    "kept": Kept,
    "dropped": Dropped,
    "others time out": OthersTimeOut,
}
