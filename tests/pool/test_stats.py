"""What a pool tells about itself."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from framesrv.pool import ArrayPool, ByteArrayPool, BytesIOPool, PoolStats, RecordPool
from framesrv.pool.memory import PAGE_BYTES
from framesrv.testing.clocks import FakeClock
from framesrv.testing.contract import check_identities
from tests.pool.helpers import Note

NUMBERS: dict[str, Any] = {
    "pool": "p",
    "capacity": 9,
    "idle": 1,
    "leased": 2,
    "quarantined": 3,
    "waiting": 0,
    "gets": 20,
    "misses": 5,
    "returns": 18,
    "warmed": 6,
    "trimmed": 1,
    "timeouts": 0,
    "oldest_lease_age_s": 0.0,
    "discards_by_reason": {"closed": 1, "oversized": 3},
    "leaks_by_kind": {"dropped": 2, "held": 5},
    "misuse_by_kind": {"double_release": 1},
    "bytes_by_state": {"idle": 10, "leased": 20, "quarantined": 30},
}


def test_what_is_derived() -> None:
    stats = PoolStats(**NUMBERS)
    assert stats.existing == 6
    assert (stats.hits, stats.hit_rate) == (15, 0.75)
    assert (stats.discards, stats.recycled) == (4, 14)
    assert (stats.leaks, stats.misuse, stats.bytes_total) == (7, 1, 60)
    check_identities(stats)


def test_before_the_first_borrow_the_hit_rate_is_one() -> None:
    assert PoolStats(**(NUMBERS | {"gets": 0, "misses": 0})).hit_rate == 1.0


def test_one_scrape_does_not_change_any_more() -> None:
    pool = ArrayPool("p", shape=(1,), capacity=1)
    before = pool.stats()
    pool.acquire().release()
    assert before.gets == 0
    with pytest.raises(dataclasses.FrozenInstanceError):
        before.gets = 1  # type: ignore[misc]


def test_bytes_are_told_by_state() -> None:
    pool = ArrayPool("p", shape=(PAGE_BYTES + 1,), capacity=3, debug=None)
    leases = [pool.acquire(), pool.acquire()]
    kept = leases[0].array
    leases.pop(0).release()
    assert pool.stats().bytes_by_state == dict.fromkeys(
        ("idle", "leased", "quarantined"), 2 * PAGE_BYTES
    )
    assert kept is not None
    leases.pop().release()


@pytest.mark.parametrize(
    ("pool", "least", "most"),
    [
        (BytesIOPool("p", initial_bytes=10_000, capacity=2), 10_000, 11_500),
        (ByteArrayPool("p", initial_bytes=10_000, capacity=2), 10_000, 11_500),
        (RecordPool("p", Note, capacity=2), 16, 200),
        (ArrayPool("p", shape=(10_000,), capacity=2), 12_288, 12_288),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_memory_of_every_kind_is_known(pool: Any, least: int, most: int) -> None:
    with pool.acquire():
        told = pool.stats().bytes_by_state
        assert least <= told["idle"] <= most
        assert least <= told["leased"] <= most
    assert pool.worst_case_bytes() >= pool.stats().bytes_total


def test_a_buffer_in_use_may_grow_while_it_is_weighed() -> None:
    pool = BytesIOPool("p", initial_bytes=100, capacity=1)
    with pool.acquire() as lease:
        before = pool.stats().bytes_total
        lease.buffer.write(bytes(5000))
        assert pool.stats().bytes_total >= before + 4900
        lease.buffer.write(bytes(5000))


def test_the_age_of_the_oldest_lease() -> None:
    clock = FakeClock()
    pool = ArrayPool("p", shape=(1,), capacity=3, clock=clock)
    assert pool.stats().oldest_lease_age_s == 0.0
    first = pool.acquire()
    clock.advance(2.0)
    second = pool.acquire()
    clock.advance(1.0)
    assert pool.stats().oldest_lease_age_s == 3.0
    first.release()
    assert pool.stats().oldest_lease_age_s == 1.0
    second.release()


def test_a_pool_shows_itself() -> None:
    pool = ArrayPool("p", shape=(1,), capacity=3, warm=2)
    assert repr(pool) == "<ArrayPool 'p', 2 of 3>"
