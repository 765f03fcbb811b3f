from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from framesrv.errors import BadConfig
from framesrv.frames import (
    CanonicalFrame,
    Envelope,
    FrameJob,
    FrameReport,
    MergedFrame,
    SourceFrame,
    record_pools,
)
from framesrv.pool import DebugLevel, PoolManager, PoolObserver, WriteAfterRelease

FIXED = {"envelope": 200, "source_frame": 200, "canonical_frame": 300, "merged_frame": 50}


@pytest.mark.parametrize("workers", [1, 2, 7, 64])
def test_capacities(workers: int) -> None:
    capacities = {name: pool.capacity for name, pool in record_pools(workers).items()}
    by_worker = {"frame_job": 64 * workers, "frame_report": 64 * workers}
    assert capacities == {**FIXED, **by_worker}


def test_each_pool_lends_its_record_under_its_name() -> None:
    expected = (Envelope, SourceFrame, CanonicalFrame, MergedFrame, FrameJob, FrameReport)
    pools = record_pools(1)
    for (name, pool), record_class in zip(pools.items(), expected, strict=True):
        assert pool.name == name
        with pool.acquire() as lease:
            assert type(lease.record) is record_class


@pytest.mark.parametrize("workers", [1, 2, 64])
def test_few_are_warm_and_all_can_be_had(workers: int) -> None:
    for pool in record_pools(workers).values():
        assert pool.stats().idle == pool.warm == min(2 * workers, pool.capacity)
        leases = [pool.acquire() for _ in range(pool.capacity)]
        assert pool.try_acquire() is None
        for lease in leases:
            lease.release()
        assert pool.stats().quarantined == 0


def test_a_manager_takes_them() -> None:
    manager = PoolManager(budget_bytes=64 * 1024 * 1024)
    for pool in record_pools(2).values():
        manager.register(pool)
    with manager.acquire_all(["frame_job", "frame_report"]) as leases:
        assert type(leases["frame_job"].record) is FrameJob


def test_level_and_observer_reach_every_pool() -> None:
    seen: list[str] = []
    leases: list[Any] = []

    class Watcher(PoolObserver):
        def missed(self, pool: str) -> None:
            seen.append(pool)

    pools = record_pools(1, debug=DebugLevel.POISON, observer=Watcher())
    for pool in pools.values():
        lease = pool.acquire()
        kept = lease.record
        lease.release()
        setattr(kept, fields(kept)[0].name, "written too late")
        del kept
        with pytest.raises(WriteAfterRelease):
            leases.extend(pool.acquire() for _ in range(pool.capacity))
    assert list(dict.fromkeys(seen)) == list(pools)


@pytest.mark.parametrize("workers", [0, -1, 1.5, None])
def test_workers_must_be_counted(workers: Any) -> None:
    with pytest.raises(BadConfig, match="workers must be a whole number of at least 1"):
        record_pools(workers)
