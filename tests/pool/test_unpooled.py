"""What is special to the twins: every lease is a new buffer. The contract is in test_contract."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest

from framesrv.errors import BadConfig
from framesrv.pool import (
    UnpooledArrayPool,
    UnpooledByteArrayPool,
    UnpooledBytesIOPool,
    UnpooledRecordPool,
)
from framesrv.pool.holder import current_task_holder
from framesrv.testing.contract import check_identities
from tests.pool.helpers import Note


def all_twins(capacity: Any = 2) -> list[Any]:
    return [
        UnpooledArrayPool("twin", shape=(4, 5), capacity=capacity),
        UnpooledBytesIOPool("twin", initial_bytes=8, capacity=capacity),
        UnpooledByteArrayPool("twin", initial_bytes=8, capacity=capacity),
        UnpooledRecordPool("twin", Note, capacity=capacity),
    ]


def buffer_of(lease: Any) -> Any:
    return next(
        getattr(lease, name) for name in ("array", "buffer", "record") if hasattr(lease, name)
    )


@pytest.mark.parametrize("pool", all_twins(), ids=lambda pool: type(pool).__name__)
class TestEveryTwin:
    def test_every_lease_is_a_new_buffer(self, pool: Any) -> None:
        kept = []
        for _ in range(5):
            with pool.acquire() as lease:
                kept.append(buffer_of(lease))
        assert len({id(buffer) for buffer in kept}) == 5

    def test_it_lends_more_than_its_capacity_and_counts(self, pool: Any) -> None:
        before = pool.stats()
        leases = [pool.acquire() for _ in range(5)]
        assert pool.stats().leased - before.leased == 5
        for lease in leases:
            lease.release()
        stats = pool.stats()
        check_identities(stats)
        assert stats.gets - before.gets == stats.misses - before.misses == 5
        assert stats.discards_by_reason == {"unpooled": stats.returns}
        assert (stats.hits, stats.recycled, stats.existing, stats.capacity) == (0, 0, 0, 2)

    def test_a_kept_buffer_is_nobodys_business(self, pool: Any) -> None:
        with pool.acquire() as lease:
            kept = buffer_of(lease)
        assert (kept is not None, pool.stats().quarantined) == (True, 0)

    def test_a_dropped_lease_stays_counted(self, pool: Any) -> None:
        before = pool.stats().leased
        pool.acquire()
        assert pool.stats().leased == before + 1


def test_a_fresh_pool_has_no_discards() -> None:
    stats = all_twins()[0].stats()
    assert (stats.discards_by_reason, stats.hit_rate) == ({}, 1.0)


def test_what_is_not_kept_cannot_be_spoiled() -> None:
    pool = UnpooledBytesIOPool("twin", initial_bytes=8, max_bytes=16, capacity=1)
    with pool.acquire() as lease:
        lease.buffer.write(bytes(100))
    assert pool.stats().discards_by_reason == {"unpooled": 1}


def test_a_record_that_cannot_be_reset_is_returned_all_the_same() -> None:
    class Stubborn(Note):
        def reset(self) -> None:
            raise RuntimeError("no")

    pool = UnpooledRecordPool("twin", Stubborn, capacity=1)
    lease = pool.acquire()
    with pytest.raises(RuntimeError, match="no"):
        lease.release()
    assert (pool.stats().leased, pool.stats().returns) == (0, 1)


def test_arrays_have_their_dtype_and_shape() -> None:
    with UnpooledArrayPool("twin", shape=(3, 2), dtype="float32", capacity=1).acquire() as lease:
        assert lease.array.shape == (3, 2)
        assert lease.array.dtype == np.float32


def test_its_settings_are_checked_like_the_pools() -> None:
    for make in (
        lambda: UnpooledArrayPool("", shape=(1,), capacity=1),
        lambda: UnpooledArrayPool("t", shape=(0,), capacity=1),
        lambda: UnpooledBytesIOPool("t", initial_bytes=8, max_bytes=4, capacity=1),
        lambda: UnpooledByteArrayPool("t", initial_bytes=0, capacity=1),
        lambda: UnpooledRecordPool("t", Note, capacity=0),
    ):
        with pytest.raises(BadConfig):
            make()


def test_a_task_that_borrows_is_known_as_the_holder() -> None:
    pool = UnpooledArrayPool("twin", shape=(1,), capacity=1)

    async def main() -> None:
        async with pool.acquire_async() as lease:
            assert lease._slot.holder == current_task_holder()

    asyncio.run(main())
