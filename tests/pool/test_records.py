"""A record's reset is foreign code: what comes of it when it fails, or asks the pools."""

from __future__ import annotations

import pytest

from framesrv.pool import DebugLevel, RecordPool
from tests.pool.helpers import (
    Note,
    at_every_level,
    at_every_unfenced_level,
    at_every_unmarked_level,
    lends_again,
    whole,
)


class Stubborn(Note):
    """Cannot be reset once it was told to fail."""

    fails = False

    def reset(self) -> None:
        if self.fails:
            raise RuntimeError("no reset today")
        super().reset()


@at_every_unfenced_level
def test_the_record_is_discarded_and_the_fault_raised(level: DebugLevel) -> None:
    pool = RecordPool("subject", Stubborn, capacity=1, debug=level)
    lease = pool.acquire()
    lease.record.fails = True
    with pytest.raises(RuntimeError, match="no reset today"):
        lease.release()
    stats = whole(pool)
    assert (stats.leased, stats.returns, stats.leaks) == (0, 1, 0)
    assert stats.discards_by_reason == {"reset_failed": 1}
    with pool.acquire(timeout_s=0.0) as other:
        assert other.record.text == ""


@at_every_level
def test_a_record_that_cannot_be_reset_is_not_kept(level: DebugLevel) -> None:
    pool = RecordPool("subject", Stubborn, capacity=1, debug=level)
    lease = pool.acquire()
    lease.record.fails = True
    del lease
    stats = whole(pool)
    assert (stats.existing, stats.discards_by_reason) == (0, {"reset_failed": 1})
    pool.acquire(timeout_s=0.0).release()


@at_every_unmarked_level
def test_a_reset_may_use_the_pools(level: DebugLevel) -> None:
    """It is foreign code, so it never runs under the pools' lock."""
    seen: list[int] = []

    class Asking(Note):
        def reset(self) -> None:
            seen.append(pool.stats().capacity)

    pool = RecordPool("subject", Asking, capacity=1, debug=level)
    pool.acquire()  # dropped: found by a look, and reset after it
    whole(pool)
    assert seen
    lease = pool.acquire()
    kept = lease.record
    lease.release()
    del kept  # leaves quarantine at the next look
    lends_again(pool)
