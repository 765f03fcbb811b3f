"""All pools of a process under one byte budget, with one way in and one way out.

Life: running -> draining -> stopped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from math import prod
from typing import Any, Final, Self

import numpy as np

from framesrv.errors import BadConfig
from framesrv.pool import shutdown
from framesrv.pool.arrays import ArrayPool
from framesrv.pool.base import Pool, close_pools
from framesrv.pool.bounded import BoundedPool
from framesrv.pool.budget import ByteBudget
from framesrv.pool.clock import MONOTONIC, Clock
from framesrv.pool.debug import DebugLevel
from framesrv.pool.errors import JobTooLarge, PoolClosed
from framesrv.pool.ladder import LadderPool, OversizePool, SizePool
from framesrv.pool.leaseset import LeaseSet
from framesrv.pool.line import Line
from framesrv.pool.machine import default_budget_bytes
from framesrv.pool.memory import Allocator, map_private
from framesrv.pool.observer import SILENT, PoolObserver
from framesrv.pool.room import ROOM
from framesrv.pool.sizes import SizeClasses
from framesrv.pool.stats import PoolStats
from framesrv.pool.ticket import Want
from framesrv.pool.waiting import (
    TIMEOUT_S,
    AsyncAcquire,
    take_at_once,
    wait_for,
    wait_for_async,
)

Request = str | tuple[int, ...]
Job = Mapping[str, Request] | Sequence[str]


class ManagerState(StrEnum):
    RUNNING = "running"
    DRAINING = "draining"
    STOPPED = "stopped"


class PoolManager:
    """Lends from named pools by name, and images of any shape (uint8) from a size ladder."""

    def __init__(
        self,
        budget_bytes: int | None = None,
        *,
        classes: SizeClasses | None = None,
        debug: DebugLevel | None = None,
        observer: PoolObserver = SILENT,
        clock: Clock = MONOTONIC,
        allocate: Allocator = map_private,
    ) -> None:
        level = DebugLevel.chosen(debug)
        self.budget = ByteBudget(default_budget_bytes() if budget_bytes is None else budget_bytes)
        self.state = ManagerState.RUNNING
        self._clock = clock
        self._named: dict[str, BoundedPool[Any]] = {}
        self._by_shape: dict[tuple[int, ...], ArrayPool] = {}
        self._ladder = LadderPool(
            SizeClasses() if classes is None else classes,
            Line(),
            self.budget,
            level,
            observer=observer,
            clock=clock,
            allocate=allocate,
        )
        self._oversize = OversizePool(
            self._ladder, level=level, observer=observer, clock=clock, allocate=allocate
        )

    # -- what is there -----------------------------------------------------------------------

    def register(self, *pools: BoundedPool[Any]) -> None:
        """Put pools under this manager's budget: all of them, or none if the sum does not fit."""
        ROOM.run(self._register, pools)

    def _register(self, pools: Sequence[BoundedPool[Any]]) -> None:
        if self.state is not ManagerState.RUNNING:
            raise PoolClosed(f"the manager is {self.state}: no pool can be registered any more")
        taken = {*self._named, *RESERVED_NAMES}
        for pool in pools:
            if pool.name in taken:
                raise BadConfig(f"there is a pool named {pool.name!r} already: choose another name")
            if pool.managed:
                raise BadConfig(f"pool {pool.name!r} belongs to a manager already")
            taken.add(pool.name)
        self.budget.count_in({pool.name: pool.worst_case_bytes() for pool in pools})
        for pool in pools:
            self._named[pool.name] = pool
            pool.managed = True
            if isinstance(pool, ArrayPool) and pool.dtype == np.uint8:
                self._by_shape.setdefault(pool.shape, pool)

    @property
    def pools(self) -> list[Pool[Any]]:
        return [*self._named.values(), self._ladder, self._oversize]

    def pool(self, name: str) -> BoundedPool[Any]:
        try:
            return self._named[name]
        except KeyError:
            names = ", ".join(map(repr, sorted(self._named))) or "none"
            raise KeyError(f"no pool named {name!r}; registered are: {names}") from None

    def stats(self) -> dict[str, PoolStats]:
        return {pool.name: pool.stats() for pool in self.pools}

    def worst_case(self) -> str:
        """The most memory the pools can take, a line a pool; printed when a server starts."""
        named = list(self.budget.named.items())
        lines = [f"{name:<16} {nbytes:>15,} bytes" for name, nbytes in named]
        lines.append(f"{'other sizes':<16} {self.budget.elastic_bytes:>15,} bytes at most")
        lines.append(f"{'together':<16} {self.budget.total_bytes:>15,} bytes at most")
        return "\n".join(lines)

    # -- lending -----------------------------------------------------------------------------

    def acquire(self, request: Request, timeout_s: float = TIMEOUT_S) -> Any:
        """One lease, by the name of a pool or by a shape."""
        want = self._want(request)
        self._check_fits([want])
        lease = want.pool.take(want.shape)
        return wait_for([want], timeout_s)[0] if lease is None else lease

    def acquire_all(self, job: Job, timeout_s: float = TIMEOUT_S) -> LeaseSet:
        """All the buffers of a job in one step: place -> pool name or shape, or pool names."""
        places, wants = self._plan(job)
        leases = take_at_once(wants)
        if leases is None:
            leases = wait_for(wants, timeout_s)
        return LeaseSet(dict(zip(places, leases, strict=True)))

    def acquire_all_async(self, job: Job, timeout_s: float = TIMEOUT_S) -> AsyncAcquire[LeaseSet]:
        """As ``acquire_all``, to be awaited or used in ``async with``."""

        async def acquire() -> LeaseSet:
            places, wants = self._plan(job)
            leases = await wait_for_async(wants, timeout_s)
            return LeaseSet(dict(zip(places, leases, strict=True)))

        return AsyncAcquire(acquire)

    def _plan(self, job: Job) -> tuple[list[str], list[Want]]:
        named = job if isinstance(job, Mapping) else dict(zip(job, job, strict=True))
        if isinstance(job, str) or not named or len(named) != len(job):
            raise ValueError(
                "a job is a mapping of places to pool names or shapes, or a list of different "
                f"pool names; not {job!r}"
            )
        wants = [self._want(request) for request in named.values()]
        self._check_fits(wants)
        return list(named), wants

    def _want(self, request: Request) -> Want:
        if isinstance(request, str):
            return Want(self.pool(request))
        if not request or not all(isinstance(side, int) and side >= 1 for side in request):
            raise ValueError(f"a shape is a tuple of whole numbers of at least 1, not {request!r}")
        shape = tuple(request)
        if exact := self._by_shape.get(shape):
            return Want(exact)
        return Want(self._elastic_pool(shape), shape)

    def _elastic_pool(self, shape: tuple[int, ...]) -> SizePool:
        fits = self._ladder.classes.index(prod(shape)) is not None
        return self._ladder if fits else self._oversize

    def _check_fits(self, wants: list[Want]) -> None:
        """Refuse at once what could not be served if it were alone."""
        elastic = [
            want.pool.room_for(prod(want.shape))
            for want in wants
            if isinstance(want.pool, SizePool)
        ]
        if elastic and sum(elastic) > self.budget.elastic_bytes:
            raise JobTooLarge(
                f"the job needs {sum(elastic):,} bytes for its images, the byte budget has "
                f"{self.budget.elastic_bytes:,} for all: send smaller images or raise "
                "FRAMESRV_POOL_BUDGET_BYTES"
            )
        for pool in {want.pool for want in wants}:
            count = sum(want.pool is pool for want in wants)
            if isinstance(pool, BoundedPool) and count > pool.capacity:
                raise JobTooLarge(
                    f"the job needs {count} buffers of pool {pool.name!r} at once, which has "
                    f"{pool.capacity}: raise its capacity"
                )

    # -- upkeep and the end ------------------------------------------------------------------

    def trim(self, idle_for_s: float = 0.0, *, heap: bool = True) -> int:
        """Give back the pages of buffers that were idle for so long; say how many buffers."""
        return self._ladder.trim(idle_for_s) + sum(
            pool.trim(idle_for_s, heap=heap) for pool in list(self._named.values())
        )

    def watch(self, held_too_long_s: float = 60.0) -> None:
        """Look for leaks and for buffers kept too long, and report them."""
        for pool in self.pools:
            pool.watch(held_too_long_s)

    def drain(self) -> None:
        """Refuse new leases and whoever waits; those who hold leases may finish."""
        ROOM.run(self._drain)

    def _drain(self) -> None:
        if self.state is ManagerState.RUNNING:
            self.state = ManagerState.DRAINING
            close_pools(self.pools)

    def shutdown(self, timeout_s: float = 5.0) -> list[shutdown.LeaseStillOut]:
        """Drain, wait for the leases that are out, and name those that did not come home."""
        self.drain()
        out = shutdown.wait_for_leases(self.pools, timeout_s, self._clock)
        self.state = ManagerState.STOPPED
        return out

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()


RESERVED_NAMES: Final = ("ladder", "oversize")
