"""Traps of Python and NumPy: each as it is, and how the pool keeps out of it."""

from __future__ import annotations

import asyncio
import gc
import io
import os
import sys
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from framesrv.pool import ArrayPool, ByteArrayPool, BytesIOPool, DebugLevel, PoolClosed
from framesrv.pool.line import forget_the_parent
from framesrv.testing.clocks import FakeClock, run_virtually
from tests.pool.helpers import address_of, at_every_unfenced_level, check_output

STORE_BYTES = 100_000


class TestEmptyingFreesTheStore:
    @pytest.mark.parametrize(
        "empty", [lambda b: b.clear(), lambda b: b.__delitem__(slice(None))], ids=["clear", "del"]
    )
    def test_of_a_bytearray(self, empty: Callable[[bytearray], None]) -> None:
        buffer = bytearray(STORE_BYTES)
        empty(buffer)
        assert sys.getsizeof(buffer) < 1000

    def test_of_a_bytesio(self) -> None:
        buffer = io.BytesIO()
        buffer.write(bytes(STORE_BYTES))
        buffer.seek(0)
        assert sys.getsizeof(buffer) > STORE_BYTES, "rewinding alone keeps it"
        buffer.truncate(0)
        assert sys.getsizeof(buffer) < 1000

    @at_every_unfenced_level
    def test_a_pooled_bytesio_keeps_its_store(self, level: DebugLevel) -> None:
        pool = BytesIOPool("b", initial_bytes=STORE_BYTES, capacity=1, debug=level)
        seen = set()
        for size in (STORE_BYTES, 10, 0, 500):
            with pool.acquire() as lease:
                lease.buffer.write(bytes(size))
                lease.buffer.truncate(0)
                seen.add((address_of(lease.buffer.store()), sys.getsizeof(lease.buffer)))
        assert len(seen) == 1

    @at_every_unfenced_level
    def test_a_pooled_bytearray_keeps_its_store(self, level: DebugLevel) -> None:
        pool = ByteArrayPool("b", initial_bytes=STORE_BYTES, capacity=1, debug=level)
        seen = set()
        for size in (STORE_BYTES, 10, 0, 500):
            with pool.acquire() as lease:
                lease.buffer[:size] = bytes(size)
                lease.used = size
                seen.add((address_of(lease.buffer), len(lease.buffer), sys.getsizeof(lease.buffer)))
        assert len(seen) == 1


class TestRewindingShowsThePreviousTail:
    def test_of_a_bytesio(self) -> None:
        buffer = io.BytesIO()
        buffer.write(b"a secret of somebody else")
        buffer.seek(0)
        buffer.write(b"mine")
        assert buffer.getvalue() == b"minecret of somebody else"

    @at_every_unfenced_level
    def test_a_pooled_bytesio_shows_what_this_holder_wrote(self, level: DebugLevel) -> None:
        pool = BytesIOPool("b", initial_bytes=64, capacity=1, debug=level)
        with pool.acquire() as lease:
            lease.buffer.write(b"a secret of somebody else")
        with pool.acquire() as lease:
            lease.buffer.write(b"mine")
            assert lease.buffer.getvalue() == bytes(lease.written()) == b"mine"
            assert bytes(lease.buffer.getbuffer()) == b"mine"
            assert lease.buffer.read() == b""
            assert lease.buffer.seek(0, os.SEEK_END) == 4


class TestViewsRebaseToTheOwner:
    def test_a_weak_reference_to_the_lent_array_dies_while_its_slices_live(self) -> None:
        owner = np.zeros(100, np.uint8)
        handle = owner[...]
        died: list[Any] = []
        watch = weakref.ref(handle, died.append)
        part = handle[10:20]
        del handle
        assert died == [watch]
        assert part.base is owner

    def test_the_owners_count_shows_slices_but_no_memoryview_of_the_handle(self) -> None:
        owner = np.zeros(100, np.uint8)
        handle: Any = owner[...]
        baseline = sys.getrefcount(owner)
        part = handle[10:20]
        assert sys.getrefcount(owner) == baseline + 1
        del part
        view = memoryview(handle)
        assert sys.getrefcount(owner) == baseline, "it holds the handle, not the owner"
        view.release()

    @at_every_unfenced_level
    @pytest.mark.parametrize(
        "keep", [lambda a: a[1:2], memoryview, lambda a: a], ids=["slice", "memoryview", "handle"]
    )
    def test_the_pool_sees_every_way_to_keep_a_buffer(
        self, keep: Callable[[Any], Any], level: DebugLevel
    ) -> None:
        pool = ArrayPool("a", shape=(8, 8), capacity=1, debug=level)
        lease = pool.acquire()
        lease.array[...] = 1
        kept = keep(lease.array)
        try:
            lease.release()
        except Exception:
            assert level is DebugLevel.POISON
        gc.collect()
        assert (pool.stats().quarantined, pool.try_acquire()) == (1, None)
        assert kept is not None
        del kept
        pool.acquire(timeout_s=0.0).release()


class TestAnExportForbidsTruncate:
    def test_of_a_bytesio(self) -> None:
        buffer = io.BytesIO(b"frame")
        view = buffer.getbuffer()
        with pytest.raises(BufferError):
            buffer.truncate(5)
        view.release()
        buffer.truncate(5)

    @at_every_unfenced_level
    def test_a_pooled_bytesio_comes_home_with_an_export(self, level: DebugLevel) -> None:
        pool = BytesIOPool("b", initial_bytes=64, capacity=1, debug=level)
        with pool.acquire() as lease:
            lease.buffer.write(b"frame")
            view = lease.written()
        assert pool.stats().quarantined == 1
        view.release()
        with pool.acquire(timeout_s=0.0) as lease:
            assert lease.buffer.getvalue() == b""

    @at_every_unfenced_level
    def test_a_pooled_bytesio_can_be_truncated_under_an_export(self, level: DebugLevel) -> None:
        pool = BytesIOPool("b", initial_bytes=64, capacity=1, debug=level)
        with pool.acquire() as lease:
            lease.buffer.write(b"frame")
            with lease.written():
                lease.buffer.truncate(2)
            assert lease.buffer.getvalue() == b"fr"


FORKING = """
import mmap
import os

from framesrv.pool import ArrayPool, PoolManager

plain = mmap.mmap(-1, 4096)
pool = ArrayPool("frames", shape=(4096,), capacity=1)
manager = PoolManager(1 << 20)
named, shaped = pool.acquire(), manager.acquire((4096,))
named.array[:], shaped.array[:] = 1, 1

child = os.fork()
if child == 0:
    plain[0] = 66
    named.array[:], shaped.array[:] = 66, 66
    os._exit(0)
_, status = os.waitpid(child, 0)
assert status == 0
print(plain[0], named.array.max(), shaped.array.max())
named.release()
shaped.release()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_anonymous_memory_is_shared_across_fork_but_the_pools_is_not(tmp_path: Path) -> None:
    # The child wrote 66 everywhere; what the pools lent still shows what the parent wrote.
    check_output(FORKING, "66 1 1\n", tmp_path, measured=True)


FORKED_POOL = """
import os

from framesrv.pool import ArrayPool

pool = ArrayPool("frames", shape=(4,), capacity=1)
lease = pool.acquire()

child = os.fork()
if child == 0:
    assert pool.stats().leased == 1
    lease.release()
    pool.acquire(timeout_s=0.0).release()
    os._exit(0)
_, status = os.waitpid(child, 0)
assert status == 0
lease.release()
assert pool.stats().idle == 1
print("both go on")
"""


def test_who_waited_in_the_parent_does_not_wait_in_the_child() -> None:
    """What a child does first, done here without forking."""

    async def main(clock: FakeClock) -> None:
        pool = ArrayPool("frames", shape=(4,), capacity=1, clock=clock)
        lease = pool.acquire()
        waiter = asyncio.create_task(wait_for(pool))
        await asyncio.sleep(0)
        assert pool.stats().waiting == 1
        forget_the_parent()
        assert pool.stats().waiting == 0
        lease.release()
        pool.acquire(timeout_s=0.0).release()
        with pytest.raises(PoolClosed, match="the process forked while this task waited"):
            await waiter

    async def wait_for(pool: ArrayPool) -> None:
        await pool.acquire_async(timeout_s=10.0)

    run_virtually(main)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_parent_and_child_go_on_after_a_fork_with_a_lease_out(tmp_path: Path) -> None:
    check_output(FORKED_POOL, "both go on\n", tmp_path, measured=True)
