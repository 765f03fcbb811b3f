"""What a pool leaves behind: no reference to a caller's locals, and no buffer that somebody holds.

The collector is off here: what is held by a reference cycle stays held.
"""

from __future__ import annotations

import gc
import io
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import numpy as np
import pytest

from framesrv.pool import (
    ArrayPool,
    ByteArrayPool,
    BytesIOPool,
    DebugLevel,
    DoubleRelease,
    PoolError,
    PoolExhausted,
    PoolManager,
    RecordPool,
)
from framesrv.pool.ladder import LadderPool
from framesrv.testing.contract import check_identities
from tests.pool.helpers import UNFENCED, Note, at_every_unfenced_level, at_every_unmarked_level


@pytest.fixture(autouse=True)
def uncollected() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def make(name: str = "p", **options: Any) -> ArrayPool:
    options.setdefault("capacity", 1)
    return ArrayPool(name, shape=(4, 4), **options)


class TestErrorsHoldNoLocals:
    """A function that kept its array until it returned: the buffer is free after that."""

    @at_every_unfenced_level
    def test_a_time_out(self, level: DebugLevel) -> None:
        pool, full = make(debug=level), make("full", debug=level)
        held = full.acquire()

        def job() -> None:
            lease = pool.acquire()
            array = lease.array
            with suppress(PoolExhausted):
                full.acquire(timeout_s=0.0)
            lease.release()
            del array

        def keeping_job() -> None:
            lease = pool.acquire()
            array = lease.array
            try:
                full.acquire(timeout_s=0.0)
            except PoolExhausted:
                assert array.size == 16
            lease.release()

        for each in (job, keeping_job):
            each()
            assert pool.stats().quarantined == 0
            pool.acquire(timeout_s=0.0).release()
        held.release()

    @at_every_unfenced_level
    def test_a_time_out_of_a_set(self, level: DebugLevel) -> None:
        manager = PoolManager(1 << 20, debug=level)
        pool, full = make(debug=level), make("full", debug=level)
        manager.register(pool, full)
        held = full.acquire()

        def job() -> None:
            lease = pool.acquire()
            array = lease.array
            try:
                manager.acquire_all(["full"], timeout_s=0.0)
            except PoolExhausted:
                assert array.size == 16
            lease.release()

        job()
        assert pool.stats().quarantined == 0
        held.release()

    def test_a_second_release(self) -> None:
        for level in UNFENCED:
            pool = make(debug=level)

            def job(pool: ArrayPool = pool) -> None:
                lease = pool.acquire()
                array = lease.array
                lease.release()
                with suppress(DoubleRelease):
                    lease.release()
                assert array.size == 16

            job()
            assert pool.stats().quarantined == 0

    def test_a_set_that_complains(self) -> None:
        manager = PoolManager(1 << 20)
        pool, strict = make(), make("strict", debug=DebugLevel.POISON)
        manager.register(pool, strict)

        def job() -> None:
            leases = manager.acquire_all(["p", "strict"])
            array, part = leases["p"].array, leases["strict"].array[1:]
            with suppress(PoolError):
                leases.release()
            assert array.size + part.size == 28

        job()
        assert (pool.stats().quarantined, strict.stats().quarantined) == (0, 0)
        assert strict.stats().misuse_by_kind["retained_view"] == 1


class TestAnotherArrayInItsPlace:
    @at_every_unmarked_level
    def test_the_real_one_is_what_counts(self, level: DebugLevel) -> None:
        pool = make(debug=level)
        lease = pool.acquire()
        array, foreign = lease.array, np.zeros(3)
        lease.array = foreign
        lease.release()
        assert foreign.flags.writeable
        foreign[:] = 1
        assert (pool.stats().quarantined, pool.try_acquire()) == (1, None)
        assert array.size == 16
        del array
        stats = pool.stats()
        assert (stats.quarantined, stats.idle) == (0, 1)
        check_identities(stats)

    @at_every_unmarked_level
    def test_one_that_nobody_else_holds(self, level: DebugLevel) -> None:
        pool = make(debug=level)
        lease = pool.acquire()
        array = lease.array
        lease.array = np.zeros(3)
        lease.release()
        assert (pool.stats().quarantined, array.size) == (1, 16)
        del array
        pool.acquire(timeout_s=0.0).release()


def memory_of(array: Any) -> Any:
    """The object at the end of the chain of bases."""
    while isinstance(array, np.ndarray):
        array = array.base
    return array


@at_every_unmarked_level
@pytest.mark.parametrize("named", [True, False], ids=["named", "ladder"])
def test_who_keeps_the_memory_itself_keeps_the_buffer(named: bool, level: DebugLevel) -> None:
    manager = PoolManager(1 << 20, debug=level)
    if named:
        manager.register(make(debug=level))
    lease = manager.acquire((4, 4))
    pool = manager.pools[0]
    memory = memory_of(lease.array)
    assert memory is not None
    lease.release()
    assert (pool.stats().quarantined, pool.stats().idle) == (1, 0)
    if not named:
        with manager.acquire((4, 4)) as other:
            assert memory_of(other.array) is not memory
    del memory
    assert pool.stats().quarantined == 0


class TestBytesIO:
    @at_every_unfenced_level
    def test_attributes_do_not_reach_the_next_holder(self, level: DebugLevel) -> None:
        pool = BytesIOPool("b", initial_bytes=64, capacity=1, debug=level)
        with pool.acquire() as lease:
            lease.buffer.name = "secret.png"  # from which Pillow takes the format
        with pool.acquire() as lease:
            assert not hasattr(lease.buffer, "name")
            assert vars(lease.buffer) == {}

    @pytest.mark.parametrize("hint", [None, -1, 0, 1, 2, 3, 4, 5, 100])
    def test_lines_by_a_hint(self, hint: int | None) -> None:
        text = b"a\nbc\n\nd\nlast"
        pool = BytesIOPool("b", initial_bytes=64, capacity=1)
        plain = io.BytesIO(text)
        with pool.acquire() as lease:
            lease.buffer.write(text)
            lease.buffer.seek(0)
            for _ in range(4):
                assert lease.buffer.readlines(hint) == plain.readlines(hint)
                assert lease.buffer.tell() == plain.tell()
            assert lease.buffer.seek(0, os.SEEK_END) == len(text)


@pytest.mark.parametrize("times", [1.3, 1.5, 1.7])
def test_a_bytearray_that_hoards_memory_is_not_kept(times: float) -> None:
    limit = 1 << 16
    pool = ByteArrayPool("j", initial_bytes=1000, max_bytes=limit, capacity=1)
    with pool.acquire() as lease:
        while len(lease.buffer) < times * limit:
            lease.buffer.extend(bytes(1000))
        del lease.buffer[limit:]  # its length is allowed again; its memory stays
    stats = pool.stats()
    assert stats.discards_by_reason == {"oversized": 1}
    assert stats.bytes_total <= pool.worst_case_bytes()


class TestASetWhoseReleaseIsInterrupted:
    @pytest.mark.parametrize("use", ["release", "with"])
    def test_it_can_be_released_again(self, use: str) -> None:
        class Record:
            strikes = 1

            def reset(self) -> None:
                if type(self).strikes:
                    type(self).strikes -= 1
                    raise KeyboardInterrupt

        def by_with(leases: Any) -> None:
            with leases:
                pass

        manager = PoolManager(1 << 20)
        array = make()
        manager.register(array, RecordPool("r", Record, capacity=1))
        leases = manager.acquire_all(["p", "r"])
        give_back: Callable[[], object] = (
            leases.release if use == "release" else lambda: by_with(leases)
        )
        with pytest.raises(KeyboardInterrupt):
            give_back()
        assert not leases.released
        assert array.stats().leased == 1
        leases.release()
        assert leases.released
        stats = manager.stats()
        assert (stats["p"].idle, stats["r"].leased) == (1, 0)
        with pytest.raises(DoubleRelease):
            leases.release()


class TestTheNextHolderMayBeQuicker:
    """A buffer is home in one step, and lent again before its last holder's thread goes on.

    That thread's own references must be gone by then: else the next return would find them,
    take them for somebody's, and put the buffer into quarantine.
    """

    @at_every_unfenced_level
    @pytest.mark.parametrize("sort", ["array", "ladder", "bytesio", "bytearray", "record"])
    def test_borrowed_and_returned_while_the_first_return_still_runs(
        self, level: DebugLevel, sort: str
    ) -> None:
        pool, borrow = pool_of(sort, level)
        lease = borrow()
        slot = lease._slot
        go_home, seen = slot.go_home, []

        def go_home_and_out_again(home: Any) -> None:
            slot.go_home = go_home
            go_home(home)
            with borrow() as again:
                assert again._slot is slot
            seen.append(slot.parked)

        slot.go_home = go_home_and_out_again
        lease.release()
        assert seen == [False]
        assert pool.stats().idle == 1


def pool_of(sort: str, level: DebugLevel) -> tuple[Any, Callable[[], Any]]:
    """A pool of one buffer, and how to borrow it."""
    if sort == "ladder":
        manager = PoolManager(1024 * 1024, debug=level)
        manager.acquire_all({"a": (8, 8, 3)}).release()
        ladder = next(pool for pool in manager.pools if isinstance(pool, LadderPool))
        return ladder, lambda: ladder.take((8, 8, 3))
    makers: dict[str, Callable[[], Any]] = {
        "array": lambda: make(debug=level),
        "bytesio": lambda: BytesIOPool("p", initial_bytes=64, capacity=1, debug=level),
        "bytearray": lambda: ByteArrayPool("p", initial_bytes=64, capacity=1, debug=level),
        "record": lambda: RecordPool("p", Note, capacity=1, debug=level),
    }
    pool = makers[sort]()
    return pool, pool.acquire
