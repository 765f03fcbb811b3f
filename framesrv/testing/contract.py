"""What every pool promises, and its unpooled twin as well. Subclass, and say how to make one.

The twins allocate for each lease, so what is promised here cannot depend on pooling. What
only a bounded pool promises is in ``bounded_contract``.
"""

from __future__ import annotations

import asyncio
import math
from abc import ABC, abstractmethod
from typing import Any

import pytest

from framesrv.pool import (
    DoubleRelease,
    ForeignObject,
    PoolClosed,
    PoolStats,
    UseAfterRelease,
)


def check_identities(stats: PoolStats) -> None:
    """The arithmetic that must hold in every scrape."""
    assert stats.hits + stats.misses == stats.gets
    assert stats.gets - stats.returns == stats.leased
    assert stats.returns - stats.discards == stats.recycled >= 0
    created = stats.warmed + stats.misses - stats.discards - stats.trimmed
    assert created == stats.idle + stats.leased + stats.quarantined == stats.existing
    assert stats.existing <= stats.capacity
    assert min(stats.idle, stats.leased, stats.quarantined, stats.hits, stats.waiting) >= 0


class PoolContract(ABC):
    """Tests that run against whatever ``make`` returns."""

    attribute: str  # what a lease of this pool lends: array, buffer or record

    @abstractmethod
    def make(self, name: str = "subject", capacity: int = 2) -> Any:
        """A pool of the kind under test."""

    @abstractmethod
    def scribble(self, lease: Any) -> None:
        """Write something into the buffer."""

    @abstractmethod
    def looks_new(self, lease: Any) -> bool:
        """Whether nothing of an earlier holder shows in what this lease calls valid."""

    def test_a_lease_gives_its_buffer_until_it_is_released(self) -> None:
        pool = self.make()
        lease = pool.acquire()
        assert getattr(lease, self.attribute) is not None
        assert not lease.released
        lease.release()
        assert lease.released
        with pytest.raises(UseAfterRelease, match="subject"):
            getattr(lease, self.attribute)

    def test_a_lease_has_only_the_attribute_of_its_kind(self) -> None:
        lease = self.make().acquire()
        for other in {"array", "buffer", "record", "nonsense"} - {self.attribute}:
            with pytest.raises(AttributeError, match=other):
                getattr(lease, other)
        lease.release()

    def test_with_gives_the_buffer_back_also_after_an_error(self) -> None:
        pool = self.make()
        lease = pool.acquire()
        with pytest.raises(ZeroDivisionError), lease:
            raise ZeroDivisionError
        assert lease.released
        assert pool.stats().leased == 0

    def test_leaving_with_after_a_release_does_nothing(self) -> None:
        pool = self.make()
        with pool.acquire() as lease:
            lease.release()
        assert pool.stats().returns == 1

    def test_a_released_lease_cannot_be_entered(self) -> None:
        lease = self.make().acquire()
        lease.release()
        with pytest.raises(UseAfterRelease), lease:
            pass

    def test_a_second_release_is_refused_and_counted(self) -> None:
        pool = self.make()
        lease = pool.acquire()
        lease.release()
        with pytest.raises(DoubleRelease, match="subject"):
            lease.release()
        stats = pool.stats()
        assert (stats.returns, stats.misuse_by_kind["double_release"]) == (1, 1)

    def test_release_through_the_pool_takes_its_own_lease_only(self) -> None:
        pool, other = self.make(), self.make(name="other")
        lease, foreign = pool.acquire(), other.acquire()
        with pytest.raises(ForeignObject, match="subject"):
            pool.release(foreign)
        with pytest.raises(ForeignObject, match="subject"):
            pool.release(object())
        assert not foreign.released
        pool.release(lease)
        other.release(foreign)
        assert lease.released
        assert foreign.released
        assert pool.stats().misuse_by_kind["foreign_object"] == 2

    def test_a_lease_names_its_pool(self) -> None:
        lease = self.make().acquire()
        assert lease.pool_name == "subject"
        assert "subject" in repr(lease)
        assert "held" in repr(lease)
        lease.release()
        assert "released" in repr(lease)

    def test_a_lease_is_made_by_a_pool_only(self) -> None:
        lease = self.make().acquire()
        with pytest.raises(TypeError, match=r"pool\.acquire"):
            type(lease)()
        lease.release()

    def test_nothing_of_the_last_holder_is_called_valid(self) -> None:
        pool = self.make(capacity=1)
        for _ in range(3):
            with pool.acquire() as lease:
                assert self.looks_new(lease)
                self.scribble(lease)

    def test_leases_out_at_the_same_time_do_not_share(self) -> None:
        pool = self.make(capacity=3)
        leases = [pool.acquire() for _ in range(3)]
        assert len({id(getattr(lease, self.attribute)) for lease in leases}) == 3
        self.scribble(leases[0])
        assert self.looks_new(leases[1])
        for lease in leases:
            lease.release()

    def test_try_acquire_lends_what_is_there(self) -> None:
        with self.make().try_acquire() as lease:
            self.scribble(lease)

    @pytest.mark.parametrize("timeout_s", [-1.0, -math.inf, math.nan])
    def test_a_time_out_that_makes_no_sense_is_refused(self, timeout_s: float) -> None:
        pool = self.make(capacity=1)
        lease = pool.acquire()
        with pytest.raises(ValueError, match="timeout_s"):
            pool.acquire(timeout_s=timeout_s)
        lease.release()

    def test_acquire_async_can_be_awaited(self) -> None:
        pool = self.make()

        async def main() -> None:
            lease = await pool.acquire_async()
            self.scribble(lease)
            lease.release()

        asyncio.run(main())
        assert pool.stats().returns == 1

    def test_acquire_async_can_be_entered(self) -> None:
        pool = self.make()

        async def main() -> None:
            async with pool.acquire_async() as lease:
                self.scribble(lease)
            assert lease.released
            with pytest.raises(ZeroDivisionError):
                async with pool.acquire_async():
                    raise ZeroDivisionError

        asyncio.run(main())
        assert (pool.stats().gets, pool.stats().leased) == (2, 0)

    def test_a_closed_pool_lends_nothing(self) -> None:
        pool = self.make()
        late = pool.acquire()
        with pool:
            pass
        assert pool.closed
        with pytest.raises(PoolClosed, match="subject"):
            pool.acquire()
        with pytest.raises(PoolClosed, match="subject"):
            pool.try_acquire()

        async def main() -> None:
            with pytest.raises(PoolClosed, match="subject"):
                await pool.acquire_async()

        asyncio.run(main())
        self.scribble(late)
        late.release()
        assert pool.stats().existing == 0
        pool.close()

    def test_the_numbers_add_up_at_every_step(self) -> None:
        pool = self.make(capacity=3)
        leases = []
        for _ in range(3):
            leases.append(pool.acquire())
            stats = pool.stats()
            check_identities(stats)
            assert (stats.pool, stats.leased) == ("subject", len(leases))
        while leases:
            leases.pop().release()
            stats = pool.stats()
            check_identities(stats)
            assert stats.leased == len(leases)
        assert stats.gets == stats.returns == 3
