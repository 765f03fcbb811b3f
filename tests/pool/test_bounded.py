"""What the contract of bounded pools leaves open."""

from __future__ import annotations

import mmap
from typing import Any

import pytest

from framesrv.errors import BadConfig
from framesrv.pool import ArrayPool
from framesrv.pool.memory import map_private
from framesrv.testing.contract import check_identities


def test_warming_up_later_raises_the_floor() -> None:
    pool = ArrayPool("p", shape=(4,), capacity=3, warm=0)
    pool.warm_up(2)
    stats = pool.stats()
    assert (stats.idle, stats.warmed, stats.misses) == (2, 2, 0)
    assert pool.trim() == 0
    pool.warm_up(1)
    assert pool.trim() == 1
    check_identities(pool.stats())


@pytest.mark.parametrize("floor", [-1, 4, 1.0])
def test_a_floor_that_cannot_be(floor: Any) -> None:
    pool = ArrayPool("p", shape=(4,), capacity=3, warm=0)
    with pytest.raises(BadConfig, match="warm"):
        pool.warm_up(floor)


def test_a_buffer_that_borrowers_made_meanwhile_is_not_made_twice() -> None:
    leases: list[Any] = []

    def allocate(nbytes: int) -> mmap.mmap:
        if not leases:  # while the first is being made for the warm-up, somebody borrows
            leases.append(None)
            leases[0] = pool.acquire()
        return map_private(nbytes)

    pool = ArrayPool("p", shape=(4,), capacity=1, warm=0, allocate=allocate)
    pool.warm_up(1)
    stats = pool.stats()
    assert (stats.existing, stats.leased, stats.warmed, stats.misses) == (1, 1, 0, 1)
    leases.pop().release()
    check_identities(pool.stats())
